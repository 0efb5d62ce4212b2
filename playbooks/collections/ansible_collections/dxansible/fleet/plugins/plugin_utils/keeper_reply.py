# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the keeper answers about one session, and the errors that it can answer with.

KeeperError
├── CutShortError
└── ProgramMissingError
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ENDED",
    "VERIFIED",
    "Answer",
    "CutShortError",
    "KeeperError",
    "ProgramMissingError",
    "Reply",
    "complaint",
    "killed",
    "number",
    "parse_reply",
    "read_answer",
    "read_fields",
    "read_reply",
    "word",
]

ENDED = frozenset(
    {"exited", "timeout", "idle", "aborted", "killed", "lost", "unstarted", "unknown"}
)
"""States that nothing can follow."""

VERIFIED = {"yes": True, "no": False}
"""Whether a stop left nothing behind; anything else says that there was no stop."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the keeper printed, whatever it was asked: its first line in fields, and the rest."""

    mark: str
    """What no login shell prints: begins the first line and the last."""
    fields: Mapping[str, str]
    message: str
    """Free text at the end of the first line."""
    body: bytes

    def number(self, key: str) -> int:
        """Return a field's number, 0 if it has none."""
        return number(self.fields, key) or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of the keeper: the state of a session, and what is new of its output."""

    state: str
    code: int | None = None
    """Exit code; above 128 for a signal, as shells count."""
    verified: bool | None = None
    """After a stop: True if no process of the session is left, False if that is not certain."""
    left: int = 0
    """Processes that an ended command left running."""
    token: str | None = None
    """What the start that made the session had given it to be known by."""
    attached: bool = True
    """False when this very call started the session."""
    expired: bool = False
    """The VM no longer keeps the output, which ended long ago."""
    full: bool = False
    """The VM's disk was full, so output is missing without being counted."""
    out_cut: int = 0
    """Bytes of an ended session's output that the VM has not kept."""
    err_cut: int = 0
    out: bytes = b""
    err: bytes = b""
    out_from: int = 0
    err_from: int = 0
    out_total: int = 0
    err_total: int = 0

    @property
    def complete(self) -> bool:
        """Nothing will follow: the session has ended and this reply holds its last bytes."""
        return (
            self.state in ENDED
            and self.out_from + len(self.out) >= self.out_total
            and self.err_from + len(self.err) >= self.err_total
        )


def complaint(out: bytes, err: bytes) -> str:
    """Return the last thing that a shell said, for a person."""
    lines = (err.strip() or out.strip()).decode(errors="replace").splitlines()
    return lines[-1].strip()[:300] if lines else ""


def killed(code: int) -> CutShortError:
    """What it means that a signal ended the client of a connection; ``code`` is that, negative."""
    return CutShortError(f"the connection's client on this machine was killed (signal {-code})")


def number(fields: Mapping[str, str], key: str) -> int | None:
    """Return a field's number, None if it has none."""
    value = fields.get(key, "-")
    return int(value) if value.isascii() and value.isdigit() else None


def word(fields: Mapping[str, str], key: str) -> str | None:
    """Return a field's value, None if it has none."""
    value = fields.get(key, "-")
    return None if value == "-" else value


def read_fields(text: str) -> dict[str, str]:
    """Read ``key=value key=value …``, where nothing has a space in it."""
    return dict(field.split("=", 1) for field in text.split() if "=" in field)


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
    fields = read_fields(text)
    if fields.get("state") == "error":
        raise KeeperError(message or "the VM can't run this")
    if fields.get("state") == "missing":
        raise ProgramMissingError(message)
    return Answer(mark=mark, fields=fields, message=message, body=body)


def _ends_amid(out: bytes, begin: bytes) -> bool:
    """Whether the last bytes are the first of ``begin``, more of them than a line's end."""
    _, newline, last = out.rpartition(b"\n")
    return bool(newline and last and begin.startswith(newline + last))


def parse_reply(mark: str, code: int, out: bytes, err: bytes) -> Reply:
    """Read what the keeper says about one session.

    Raises KeeperError if it is not there, CutShortError if it is not whole.
    """
    return read_reply(read_answer(mark, code, out, err))


def read_reply(answer: Answer) -> Reply:
    """Raise CutShortError if it is not whole."""
    fields, body, last_line = answer.fields, answer.body, f"{answer.mark} end".encode()
    out_size = answer.number("out_upto") - answer.number("out_from")
    err_size = answer.number("err_upto") - answer.number("err_from")
    if not body[out_size + err_size :].startswith(b"\n" + last_line) and body != last_line + b"\n":
        raise CutShortError("the VM's answer was cut short")
    return Reply(
        state=fields.get("state", "unknown"),
        code=number(fields, "code"),
        verified=VERIFIED.get(fields.get("verified", "-")),
        left=answer.number("left"),
        token=word(fields, "token"),
        attached=fields.get("attached") != "no",
        expired=fields.get("expired") == "yes",
        full=fields.get("full") == "yes",
        out_cut=answer.number("out_cut"),
        err_cut=answer.number("err_cut"),
        out=body[:out_size],
        err=body[out_size : out_size + err_size],
        out_from=answer.number("out_from"),
        err_from=answer.number("err_from"),
        out_total=_end(answer, "out"),
        err_total=_end(answer, "err"),
    )


def _end(answer: Answer, stream: str) -> int:
    # an ended command's output ends where it stood then; a job that it left may go on writing
    end = number(answer.fields, f"{stream}_end")
    return answer.number(f"{stream}_total") if end is None else end
