# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Session ids, and the commands that they are bound to."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import shlex
from typing import TYPE_CHECKING, Any, Self

from .value import Value, field, replace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLACE_SPEC: Mapping[str, Mapping[str, Any]] = {
    "env": {"type": "dict", "default": {}, "variable": "dx_env"},
    "cwd": {"type": "str", "default": "", "variable": "dx_cwd"},
    "path": {"type": "list", "elements": "str", "default": [], "variable": "dx_path"},
}
"""Options for a command's environment and directory. An id is bound to them and to the text."""

_OURS = re.compile(r"[A-Za-z0-9_]{1,64}-[0-9a-f]{8}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class CommandError(Exception):
    """There is no command to run, or no shell can take it."""


def new_run_id(prefix: str = "cmd") -> str:
    """Make the id of a run, before first contact: "did it start?" can then always be asked."""
    return f"{prefix}_{secrets.token_hex(8)}"


def only_reads(session: str) -> bool:
    """Whether it is a call that looks at a session, such as ``--diff``, and no session itself."""
    return session.startswith("read_")


def is_ours(session: str) -> bool:
    """Whether we, and not an agent, made this id of an agent session."""
    return _OURS.fullmatch(session) is not None


def session_id(run: str, host: str) -> str:
    """The session's id on one host. It includes the host: two names may be the same machine."""
    return f"{run}-{hashlib.sha256(host.encode()).hexdigest()[:8]}"


class Command(Value):
    """A command to run under an id."""

    text: bytes = field(repr=False)
    stdin: bytes = field(default=b"", repr=False)
    """Its whole standard input."""
    summary: str | None = None
    """One line without secrets. The VM keeps it for listings."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Environment variables to set."""
    cwd: str = ""
    """Working directory, may begin with ``~/``; empty for the home directory."""

    @classmethod
    def handed_over(cls, payload: bytes) -> Self:
        """Parse a caller's payload. Raises CommandError if it is incomplete.

        The payload is a line of JSON, the standard input, and the text. The JSON has ``summary``,
        ``env``, ``cwd``, and the sizes of the other two, ``stdin`` and ``text``.
        """
        line, _sep, rest = payload.partition(b"\n")
        head: dict[str, Any] = json.loads(line) if line.endswith(b"}") else {"stdin": 0, "text": -1}
        stdin, text = head.pop("stdin"), head.pop("text")
        if len(rest) != stdin + text:  # the caller was killed
            raise CommandError("the command did not arrive whole")
        return cls(text=rest[stdin:], stdin=rest[:stdin], **head)

    def placed(self, options: Mapping[str, Any]) -> Self:
        """Return a copy with PLACE_SPEC's options; own values win. Raises CommandError."""
        given: Mapping[str, object] = options["env"]
        known = {str(name): str(value) for name, value in given.items()} | dict(self.env)
        for name, value in known.items():
            if not _VARIABLE.fullmatch(name) or "\0" in value:
                raise CommandError(f"{name!r} is not a valid environment variable name")
        return replace(self, env=known, cwd=self.cwd or options["cwd"])

    @property
    def script(self) -> bytes:
        """The script for the VM's shell. The lines of the text keep their numbers.

        With a place, a program for another interpreter comes after a line that says how many lines
        of ours follow.
        """
        steps = [f"export {name}={shlex.quote(value)}; " for name, value in self.env.items()]
        if self.cwd:
            home = self.cwd == "~" or self.cwd.startswith("~/")
            where = f'"$HOME"{shlex.quote(self.cwd[1:])}' if home else shlex.quote(self.cwd)
            steps.append(f"cd -- {where} || exit; ")
        place = "".join(steps)
        if place and self.text.startswith(b"#!"):
            lines = place.count("\n") + 1
            place = f"#!dx {lines}\n{place}\n"
        return place.encode("utf-8", "surrogateescape") + self.text

    def digest(self, path: Sequence[str]) -> str:
        """The hash of script, PATH and standard input that an id is bound to.

        ``path`` has the directories that come before the host's PATH.
        """
        parts = {"text": self.script, "path": ":".join(path).encode(), "stdin": self.stdin}
        whole = hashlib.sha256()
        for name, value in parts.items():
            whole.update(b"%s %d\n%s" % (name.encode(), len(value), value))
        return whole.hexdigest()

    def about(self, host: str, path: Sequence[str]) -> bytes:
        """The line before the script. The keeper compares and stores it, but never runs it."""
        told = {"host": host, "task": self.summary}
        return f"{self.digest(path)} {json.dumps(told)}\n".encode()


def pack(data: bytes) -> str:
    """Encode bytes for a task's result, which is JSON."""
    return base64.b64encode(data).decode("ascii")
