# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the keeper answers about one session, and the errors that it can answer with.

KeeperError
├── CutShortError
└── ProgramMissingError
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self

__all__ = [
    "ENDED",
    "Answer",
    "CutShortError",
    "Fields",
    "KeeperError",
    "ProgramMissingError",
    "Reply",
    "Session",
    "complaint",
    "killed",
    "read_answer",
    "read_reply",
]

_WORD = re.compile(r"[^ \t\r\n]+")
_NUMBER = re.compile(r"[0-9]{1,18}")

ENDED = frozenset(
    {"exited", "timeout", "idle", "aborted", "killed", "lost", "unstarted", "unknown"}
)
"""States that nothing can follow."""


class KeeperError(Exception):
    """The VM was reached, but its shell or its disk can't do what was asked; the text says what."""


class CutShortError(KeeperError):
    """No whole answer came: the connection went away under it, or its client was killed here."""


class ProgramMissingError(KeeperError):
    """Nothing was started: the program that the command needs is not where it would look.

    ``path`` has the directories where it isn't, separated by colons.
    """

    def __init__(self, path: str) -> None:
        super().__init__(f"there is no such program in {path}")
        self.path = path


class Fields(dict[str, str]):
    """Words ``key=value`` of a script of ours; no value has a space in it, and ``-`` is none."""

    @classmethod
    def read(cls, text: str) -> Self:
        """Read them; other words are left out."""
        return cls(word.split("=", 1) for word in _WORD.findall(text) if "=" in word)

    def word(self, key: str) -> str | None:
        """Return a value, None if there is none."""
        value = self.get(key, "-")
        return None if value == "-" else value

    def number(self, key: str) -> int | None:
        """Return a number, None if there is none."""
        value = self.get(key, "-")
        return int(value) if _NUMBER.fullmatch(value) else None

    def count(self, key: str) -> int:
        """Return a number, 0 if there is none."""
        return self.number(key) or 0

    def flag(self, key: str) -> bool | None:
        """Return whether it is ``yes``, None if it is neither that nor ``no``."""
        return {"yes": True, "no": False}.get(self.get(key, ""))

    def of_session(self) -> dict[str, Any]:
        """Return the fields of a `Session`."""
        counts = ("left", "out_cut", "err_cut", "out_total", "err_total")
        return {
            "state": self.get("state", "unknown"),
            "code": self.number("code"),
            "verified": self.flag("verified"),
            "token": self.word("token"),
            "full": self.flag("full") is True,
            **{name: self.count(name) for name in counts},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the keeper printed, whatever it was asked: its first line in fields, and the rest."""

    mark: str
    """What no login shell prints: begins the first line and the last."""
    fields: Fields
    message: str
    """Free text at the end of the first line."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the keeper knows of a session, whatever it was asked."""

    state: str
    code: int | None = None
    """Exit code; above 128 for a signal, as shells count."""
    verified: bool | None = None
    """After a stop: True if no process of the session is left, False if that is not certain."""
    left: int = 0
    """Processes that an ended command left running."""
    token: str | None = None
    """What the start that made the session had given it to be known by."""
    full: bool = False
    """The VM's disk was full, so output is missing without being counted."""
    out_cut: int = 0
    """Bytes of an ended session's output that the VM has not kept."""
    err_cut: int = 0
    out_total: int = 0
    err_total: int = 0

    @property
    def truncation(self) -> dict[str, Any]:
        """What the VM has not kept of the output, for a record."""
        return {
            "stdout_bytes": self.out_cut,
            "stderr_bytes": self.err_cut,
            "disk_full": self.full,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Session):
    """An answer about one session: its state, and what is new of its output."""

    attached: bool = True
    """False when this very call started the session."""
    expired: bool = False
    """The VM no longer keeps the output, which ended long ago."""
    out: bytes = b""
    err: bytes = b""
    out_from: int = 0
    err_from: int = 0

    @property
    def out_upto(self) -> int:
        """Offset of the first byte of standard output after those that are here."""
        return self.out_from + len(self.out)

    @property
    def err_upto(self) -> int:
        """As `out_upto`, of standard error."""
        return self.err_from + len(self.err)

    @property
    def complete(self) -> bool:
        """Nothing will follow: the session has ended and this reply holds its last bytes."""
        whole = self.out_upto >= self.out_total and self.err_upto >= self.err_total
        return self.state in ENDED and whole


def complaint(out: bytes, err: bytes) -> str:
    """Return the last thing that a shell said, for a person."""
    lines = (err.strip() or out.strip()).decode(errors="replace").splitlines()
    return lines[-1].strip()[:300] if lines else ""


def killed(code: int) -> CutShortError:
    """What it means that a signal ended the client of a connection; ``code`` is that, negative."""
    return CutShortError(f"the connection's client on this machine was killed (signal {-code})")


def read_answer(mark: str, code: int, out: bytes, err: bytes) -> Answer:
    """Find an answer in whatever the login shell printed around it; it may still be cut short.

    Raises CutShortError if a signal ended the connection's client, KeeperError if the answer is not
    there, or says that the VM can't do it.
    """
    begin = b"\n" + mark.encode() + b" "
    _, found, rest = out.partition(begin)
    header, newline, body = rest.partition(b"\n")
    if code < 0 and not (found and newline):
        raise killed(code)
    if (found and not newline) or (not found and _ends_amid(out, begin)):
        raise CutShortError("the VM's answer was cut short")
    if not found:
        raise KeeperError(
            complaint(out, err) or f"the VM's shell ended with exit code {code} and said nothing"
        )
    text, _, message = header.decode(errors="replace").partition(" message=")
    fields = Fields.read(text)
    if fields.get("state") == "error":
        raise KeeperError(message or "the VM can't run this")
    if fields.get("state") == "missing":
        raise ProgramMissingError(message)
    return Answer(mark=mark, fields=fields, message=message, body=body)


def _ends_amid(out: bytes, begin: bytes) -> bool:
    """Whether the last bytes are the first of ``begin``, more of them than a line's end."""
    _, newline, last = out.rpartition(b"\n")
    return bool(newline and last and begin.startswith(newline + last))


def read_reply(answer: Answer) -> Reply:
    """What an answer says about one session. Raise CutShortError if it is not whole."""
    fields, body, last_line = answer.fields, answer.body, f"{answer.mark} end".encode()
    out_from, err_from = fields.count("out_from"), fields.count("err_from")
    out_size, err_size = fields.count("out_upto") - out_from, fields.count("err_upto") - err_from
    if not body[out_size + err_size :].startswith(b"\n" + last_line) and body != last_line + b"\n":
        raise CutShortError("the VM's answer was cut short")
    # an ended command's output ends where it stood then; a job that it left may go on writing
    ends = {f"{stream}_total": fields.number(f"{stream}_end") for stream in ("out", "err")}
    known = fields.of_session() | {name: end for name, end in ends.items() if end is not None}
    return Reply(
        **known,
        attached=fields.flag("attached") is not False,
        expired=fields.flag("expired") is True,
        out=body[:out_size],
        err=body[out_size : out_size + err_size],
        out_from=out_from,
        err_from=err_from,
    )
