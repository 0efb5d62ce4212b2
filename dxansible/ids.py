"""Ids: a run has one, and its session on each host adds the host's name to it."""

from __future__ import annotations

import os
import re

from dxansible.errors import UsageError

__all__ = [
    "agent_run",
    "begins_id",
    "check_run_id",
    "is_agent_session",
    "is_command",
    "is_jules",
    "is_on",
    "is_ours",
    "is_whole",
    "new_run_id",
    "new_token",
    "run_of",
    "session_on",
    "token_of",
]

_RUN_ID = re.compile(r"[A-Za-z0-9_]{1,64}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,104}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_AGENT_SESSION = re.compile(rf"ses_[A-Za-z0-9_-]{{1,100}}|{_UUID.pattern}")
_JULES = re.compile(r"[0-9]{15,30}")
_SESSION_ID = re.compile(r"([A-Za-z0-9_]{1,64})-([0-9a-f]{8})")


def new_run_id(prefix: str = "cmd") -> str:
    """Return the prefix, an underscore and 64 random bits.

    It is made before first contact, so that "did it start?" can always be asked.
    """
    return f"{prefix}_{os.urandom(8).hex()}"


def new_token() -> str:
    """Return random digits. The VM stores them with what a call starts, so the call knows it."""
    return os.urandom(8).hex()


def agent_run(run_id: str) -> str:
    """Return the id that a run has for agents' sessions, from the caller's own id."""
    return f"ses_{run_id}"


def token_of(*words: str) -> str:
    """Return the same digits for the same words, as a token for a call that may be repeated."""
    import hashlib  # noqa: PLC0415 - as in `session_on`

    return hashlib.sha256("\0".join(words).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def check_run_id(run_id: str, *, most: int = 64) -> str:
    """Return the id. Raises UsageError if it can't be part of a file name on every system."""
    if _RUN_ID.fullmatch(run_id) is None or len(run_id) > most:
        message = f"{run_id!r} can't be an id"
        raise UsageError(message, f"use up to {most} letters, digits and underscores")
    if run_id.startswith("ses_") or is_jules(run_id):
        message = f"{run_id!r} looks like the id of an agent's session"
        raise UsageError(message, f"choose another, like run_{run_id}"[:80])
    return run_id


def begins_id(name: str) -> bool:
    """Whether it can be an id or the beginning of one."""
    return _ID.fullmatch(name) is not None


def run_of(session_id: str) -> str:
    """Return the run of a session. Raises UsageError if it isn't a session id."""
    found = _SESSION_ID.fullmatch(session_id)
    if found is None:
        message = f"{session_id!r} is not a session id"
        raise UsageError(
            message, "give one as dx-dispatch printed it, like cmd_0123456789abcdef-01234567"
        )
    return found[1]


def is_ours(session_id: str) -> bool:
    """Whether it is a session id in our format, and not one that an agent made."""
    return _SESSION_ID.fullmatch(session_id) is not None


def is_command(session_id: str) -> bool:
    """Whether it is the id of a command's session, not of an agent's."""
    return not session_id.startswith("ses_") and is_ours(session_id)


def is_whole(name: str) -> bool:
    """Whether no longer id can begin with it, so that it needs no lookup."""
    return is_ours(name) or _UUID.fullmatch(name) is not None


def is_agent_session(name: str) -> bool:
    """Whether it can be an agent session's id: ours, or one that an agent made itself."""
    return _AGENT_SESSION.fullmatch(name) is not None


def is_jules(name: str) -> bool:
    """Whether it is the id of a session at Jules: a decimal number too long for anything else."""
    return _JULES.fullmatch(name) is not None


def is_on(session_id: str, host: str) -> bool:
    """Whether the session is on this host."""
    return session_id.endswith(session_on("", host))


def session_on(run_id: str, host: str) -> str:
    """The run's session on this host; the playbooks name sessions by the same rule."""
    import hashlib  # noqa: PLC0415 - loads OpenSSL, which most calls don't need

    return f"{run_id}-{hashlib.sha256(host.encode()).hexdigest()[:8]}"
