# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Parses the keeper's answers about one session, and defines their errors.

CallError
├── LinkError, CallTimeoutError (link.py)
└── KeeperError
    ├── NoAnswerError
    ├── CutShortError
    │   └── UnknownStateError
    └── ProgramMissingError
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

from .states import CONFLICT, ENDED, is_session_state
from .value import Value, fields

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Answer",
    "CallError",
    "CutShortError",
    "Fields",
    "KeeperError",
    "NoAnswerError",
    "ProgramMissingError",
    "Reply",
    "Session",
    "UnknownStateError",
    "complaint",
    "killed",
    "read_answer",
    "read_reply",
]

_WORD = re.compile(r"[^ \t\r\n]+")
_DECIMAL = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?(e[-+]?[0-9]{1,2})?")
_NUMBER = re.compile(r"[0-9]{1,18}")
_REMAINS = re.compile(r"([0-9]{1,10}):([A-Za-z0-9._+-]{1,32}):([A-Za-z0-9._+-]{1,32})")

_KILLED = 128
"""Shells exit with this number plus a signal's if the signal has killed what they ran."""


class CallError(Exception):
    """A call to the VM has failed."""


class KeeperError(CallError):
    """The VM was reached, but its shell or disk can't serve the request; the text says why."""


class NoAnswerError(KeeperError):
    """The shell ended without an answer of the keeper; the text is the shell's own words.

    A start may have begun all the same, unless it was ``refused``: then the shell ended by itself
    before the keeper came to the place from which a start can begin.
    """

    def __init__(self, text: str, *, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


class CutShortError(KeeperError):
    """The answer is incomplete: the connection broke, or its client on this machine was killed."""


class UnknownStateError(CutShortError):
    """The answer has a state that no table has, so it says nothing about the session."""

    def __init__(self, word: str) -> None:
        super().__init__(f"the VM told the state {word!r}, which this release does not know")


class ProgramMissingError(KeeperError):
    """Nothing was started: the program that the command needs is not on its PATH.

    ``path`` is that PATH.
    """

    def __init__(self, path: str) -> None:
        super().__init__(f"there is no such program in {path}")
        self.path = path


class Fields(dict[str, str]):
    """``key=value`` words from our scripts. Values contain no space; ``-`` means no value."""

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse the text; other words are ignored."""
        return cls(word.split("=", 1) for word in _WORD.findall(text) if "=" in word)

    def word(self, key: str) -> str | None:
        """Return a value, None if there is none."""
        value = self.get(key, "-")
        return None if value == "-" else value

    def number(self, key: str) -> int | None:
        """Return a number, None if there is none."""
        value = self.get(key, "-")
        return int(value) if _NUMBER.fullmatch(value) else None

    def decimal(self, key: str) -> float | None:
        """Return a number that may have a fraction, None if there is none."""
        value = self.get(key, "-")
        return float(value) if _DECIMAL.fullmatch(value) else None

    def count(self, key: str) -> int:
        """Return a number, 0 if there is none."""
        return self.number(key) or 0

    def flag(self, key: str) -> bool | None:
        """Return True for ``yes``, False for ``no``, None for anything else."""
        return {"yes": True, "no": False}.get(self.get(key, ""))

    @property
    def state(self) -> str:
        """The state of a session, or of the answer; ``-`` if there is none."""
        return self.get("state", "-")

    def known_to(self, kind: type) -> dict[str, Any]:
        """Return the values of a dataclass's fields, each read as its type says.

        Fields whose type does not say what a missing value is are left out.
        """
        readers: dict[Any, Callable[[str], object]] = {
            "bool": lambda key: self.flag(key) is True,
            "bool | None": self.flag,
            "int": self.count,
            "int | None": self.number,
            "float | None": self.decimal,
            "str | None": self.word,
        }
        known = [each for each in fields(kind) if each.type in readers]
        return {each.name: readers[each.type](each.name) for each in known}


class Answer(Value):
    """The keeper's answer to any request: the fields of its first line, and the rest."""

    mark: str
    """Random word at the start of the first and the last line; no login shell prints it."""
    fields: Fields
    message: str
    """Free text at the end of the first line."""
    body: bytes


class Session(Value):
    """Facts about a session, in every answer about it."""

    state: str
    code: int | None = None
    """Exit code; above 128 for a signal, as shells count."""
    verified: bool | None = None
    """After a stop: True if no process of the session is left, False if that is not certain."""
    left: int = 0
    """Processes that an ended command left running, as the VM last saw them."""
    remains: str | None = None
    """Processes that may be left after a stop: ``pid:user:name``, separated by commas."""
    starts: int | None = None
    """Seconds until a scheduled session begins; None in any other state."""
    never: bool = False
    """It ended before it began, and can't begin any more."""
    tombstone: bool = False
    """It was aborted when the VM had no record of it, and can't begin any more."""
    resumes: int | None = None
    """Seconds until a running turn goes on that waits for a usage limit; None if it doesn't."""
    limited: int | None = None
    """The turn ended at a usage limit, which resets at this time; 0 if the agent did not say."""
    input: int | None = None
    """Tokens, like `output` and `cached`, as the agent has told them; None if it told none."""
    output: int | None = None
    cached: int | None = None
    cost: float | None = None
    """In US dollars, as the agent has told it."""
    usage_of: str | None = None
    """``turn``, or ``conversation``: the numbers count from the conversation's first turn."""
    cost_of: str | None = None
    """The same of `cost`, if that counts in another way."""
    token: str | None = None
    """Token from the start that created the session."""
    full: bool = False
    """The VM's disk was full, so output is missing without being counted."""
    torn: bool = False
    """A process that copied output was killed, so output may be missing without being counted."""
    out_cut: int = 0
    """Bytes of an ended session's output that the VM has not kept."""
    err_cut: int = 0
    out_total: int = 0
    err_total: int = 0

    @property
    def truncation(self) -> dict[str, Any]:
        """The output that the VM has not kept, for a record."""
        return {
            "stdout_bytes": self.out_cut,
            "stderr_bytes": self.err_cut,
            "disk_full": self.full,
            **({"uncounted": True} if self.torn else {}),
        }

    @property
    def may_be_left(self) -> str:
        """Text that names the processes that may be left after a stop."""
        found = [_REMAINS.fullmatch(each) for each in (self.remains or "").split(",")]
        named = [_in_words(*each.groups()) for each in found if each]
        return "some of its processes may still be running on the VM" + (
            f": {', '.join(named)}" if named else ""
        )


def _in_words(pid: str, user: str, name: str) -> str:
    if int(pid) == 0:
        return "the VM hides processes of other users"
    facts = [fact for fact in (name, user) if fact != "-"]
    return f"{pid} ({' of '.join(facts)})" if facts else pid


class Reply(Session):
    """An answer about one session: its state, and what is new of its output."""

    attached: bool = True
    """False when this very call started the session."""
    stopped: int = 0
    """Processes of a session that had ended before, which this abort has ended."""
    restarted: bool = False
    """The VM has no record of it, and may have restarted since an earlier start may have arrived.

    Nothing was started.
    """
    expired: bool = False
    """The session ended long ago, and the VM no longer keeps its output."""
    out: bytes = b""
    err: bytes = b""
    out_from: int = 0
    err_from: int = 0

    @property
    def out_upto(self) -> int:
        """Offset of the first byte of standard output after this reply."""
        return self.out_from + len(self.out)

    @property
    def err_upto(self) -> int:
        """Offset of the first byte of standard error after this reply."""
        return self.err_from + len(self.err)

    @property
    def complete(self) -> bool:
        """Nothing will follow: the session has ended and this reply holds its last bytes."""
        whole = self.out_upto >= self.out_total and self.err_upto >= self.err_total
        return self.state in ENDED and whole


def complaint(out: bytes, err: bytes) -> str:
    """Return the last line that a shell printed, for an error message."""
    lines = (err.strip() or out.strip()).decode(errors="replace").splitlines()
    return lines[-1].strip()[:300] if lines else ""


def killed(code: int) -> CutShortError:
    """Make the error for a connection's client that was killed; ``code`` is minus the signal."""
    return CutShortError(f"the connection's client on this machine was killed (signal {-code})")


def read_answer(mark: str, code: int, out: bytes, err: bytes) -> Answer:
    """Find the answer in the login shell's output. Its body may still be incomplete.

    Raises CutShortError if the first line is incomplete or the connection's client was killed,
    NoAnswerError if there is no answer, and KeeperError if the answer is an error.
    """
    begin = b"\n" + mark.encode() + b" "
    _noise, found, rest = out.partition(begin)
    header, newline, body = rest.partition(b"\n")
    if code < 0 and not (found and newline):
        raise killed(code)
    if (found and not newline) or (not found and _ends_amid(out, begin)):
        raise CutShortError("the VM's answer was cut short")
    if not found:
        raise _no_answer(mark, code, out, err)
    text, _said, message = header.decode(errors="replace").partition(" message=")
    fields = Fields.read(text)
    if fields.state == "error":
        raise KeeperError(message or "the VM can't run this")
    if fields.state == "missing":
        raise ProgramMissingError(message)
    return Answer(mark=mark, fields=fields, message=message, body=body)


def _no_answer(mark: str, code: int, out: bytes, err: bytes) -> NoAnswerError:
    announced = b"\n%b\n" % mark.encode()  # the keeper prints it before a start can begin
    words = complaint(out.replace(announced, b"\n"), err)
    return NoAnswerError(
        words or f"the VM's shell ended with exit code {code} and no output",
        refused=announced not in out and 0 < code < _KILLED,
    )


def _ends_amid(out: bytes, begin: bytes) -> bool:
    """Whether the output ends within ``begin``, after its newline."""
    _sep, newline, last = out.rpartition(b"\n")
    return bool(newline and last and begin.startswith(newline + last))


def read_reply(answer: Answer) -> Reply:
    """Parse an answer about one session.

    Raises CutShortError if it is incomplete, and UnknownStateError if its state is in no table.
    """
    found, body, last_line = answer.fields, answer.body, f"{answer.mark} end".encode()
    known = found.known_to(Reply)
    out_size = found.count("out_upto") - known["out_from"]
    err_size = found.count("err_upto") - known["err_from"]
    if not body[out_size + err_size :].startswith(b"\n" + last_line) and body != last_line + b"\n":
        raise CutShortError("the VM's answer was cut short")
    if found.state != CONFLICT and not is_session_state(found.state):
        raise UnknownStateError(found.state)
    # output counts up to the command's end; a job that it left may go on writing
    ends = {f"{stream}_total": found.number(f"{stream}_end") for stream in ("out", "err")}
    known |= {name: end for name, end in ends.items() if end is not None}
    known["attached"] = found.flag("attached") is not False
    return Reply(
        state=found.state, **known, out=body[:out_size], err=body[out_size : out_size + err_size]
    )
