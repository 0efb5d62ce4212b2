"""The modes of ``dx-dispatch``: what one call does."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["AT_JULES", "EVERYWHERE", "ON_VMS", "Mode", "modes_in_words", "needing", "plain"]


class Mode(StrEnum):
    """One thing that a call does, as refusals and documents call it."""

    TASK = "a task for an agent"
    FURTHER = "a further task (--session)"
    EXEC = "--exec"
    LIST = "--list"
    STATUS = "--status"
    SESSIONS = "--sessions"
    LOGS = "--logs"
    ABORT = "--abort"
    CLEAN = "--clean"
    FINALIZE = "--finalize-pr"
    ENGINE = "--engine"
    JULES = "Jules"
    JULES_MESSAGE = "a message to a session of Jules"
    JULES_SESSIONS = "--sessions of Jules"
    JULES_STATUS = "--status of Jules"
    JULES_LOGS = "--logs of Jules"
    JULES_ABORT = "--abort of Jules"
    APPROVE = "--approve"


AT_JULES = {
    Mode.TASK: Mode.JULES,
    Mode.FURTHER: Mode.JULES_MESSAGE,
    Mode.SESSIONS: Mode.JULES_SESSIONS,
    Mode.STATUS: Mode.JULES_STATUS,
    Mode.LOGS: Mode.JULES_LOGS,
    Mode.ABORT: Mode.JULES_ABORT,
    Mode.APPROVE: Mode.APPROVE,
}
"""What a mode is where the call is about Jules."""
ON_VMS = frozenset(Mode) - {Mode.ENGINE, *AT_JULES.values()}


def plain(*modes: Mode) -> dict[Mode, str]:
    """Modes in which an option means something by itself."""
    return dict.fromkeys(modes, "")


def needing(other: str, *modes: Mode) -> dict[Mode, str]:
    """Modes in which an option means something only beside another one, named by its field."""
    return dict.fromkeys(modes, other)


EVERYWHERE = plain(*Mode)


def modes_in_words(modes: Collection[Mode]) -> str:
    """Name them for a reader, who takes ``--logs`` to be that of Jules as well."""
    if len(modes) == len(Mode):
        return "every call"
    implied = {f"{mode} of Jules" for mode in modes}
    implied |= {Mode.JULES_MESSAGE} if Mode.FURTHER in modes else set()
    return ", ".join(mode for mode in Mode if mode in modes and mode not in implied)
