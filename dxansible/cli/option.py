"""The modes of ``dx-dispatch``, and an entry of its option table."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dxansible.value import Value, field, replace

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = [
    "AT_JULES",
    "AT_JULES_WHILE_WAITING",
    "COMMANDS",
    "EVERYWHERE",
    "ON_VMS",
    "TASKS",
    "VM_TASKS",
    "WITH_ISSUE",
    "Group",
    "Kind",
    "Mode",
    "Offer",
    "Option",
    "modes_in_words",
    "needing",
    "plain",
]


class Mode(StrEnum):
    """A mode: one thing that a call does, by its name in refusals and documents."""

    TASK = "a task for an agent"
    FURTHER = "a further task (--session)"
    EXEC = "--exec"
    RERUN = "--rerun"
    RUNS = "--runs"
    LIST = "--list"
    STATUS = "--status"
    SESSIONS = "--sessions"
    LOGS = "--logs"
    DIFF = "--diff"
    OPEN = "--open"
    ABORT = "--abort"
    CLEAN = "--clean"
    FINALIZE = "--finalize-pr"
    NODES = "--nodes"
    ENGINE = "--engine"
    COMPLETION = "--completion"
    INIT = "--init"
    MCP = "--mcp"
    JULES = "Jules"
    JULES_MESSAGE = "a message to a session of Jules"
    JULES_SESSIONS = "--sessions of Jules"
    JULES_STATUS = "--status of Jules"
    JULES_LOGS = "--logs of Jules"
    JULES_ABORT = "--abort of Jules"
    JULES_DIFF = "--diff of Jules"
    APPROVE = "--approve"
    UNARCHIVE = "--unarchive"
    DELETE = "--delete"


AT_JULES = {
    Mode.TASK: Mode.JULES,
    Mode.FURTHER: Mode.JULES_MESSAGE,
    Mode.SESSIONS: Mode.JULES_SESSIONS,
    Mode.STATUS: Mode.JULES_STATUS,
    Mode.LOGS: Mode.JULES_LOGS,
    Mode.ABORT: Mode.JULES_ABORT,
    Mode.DIFF: Mode.JULES_DIFF,
    Mode.APPROVE: Mode.APPROVE,
    Mode.UNARCHIVE: Mode.UNARCHIVE,
    Mode.DELETE: Mode.DELETE,
}
"""The mode to use instead if the call is about Jules."""
ON_VMS = frozenset(Mode) - {
    *(Mode.ENGINE, Mode.COMPLETION, Mode.INIT, Mode.RUNS, Mode.NODES),
    *AT_JULES.values(),
}


def plain(*modes: Mode) -> dict[Mode, str]:
    """Return modes in which an option is valid by itself."""
    return dict.fromkeys(modes, "")


def needing(other: str, *modes: Mode) -> dict[Mode, str]:
    """Return modes in which an option is valid only with another one, named by its field."""
    return dict.fromkeys(modes, other)


EVERYWHERE = plain(*Mode)
VM_TASKS = plain(Mode.TASK, Mode.FURTHER)
TASKS = VM_TASKS | plain(Mode.JULES)
COMMANDS = plain(Mode.EXEC, Mode.RERUN)
WITH_ISSUE = needing("issue", *TASKS)
AT_JULES_WHILE_WAITING = needing("wait", Mode.JULES, Mode.JULES_MESSAGE, Mode.APPROVE) | needing(
    "follow", Mode.JULES_LOGS
)


def modes_in_words(modes: Collection[Mode]) -> str:
    """Name modes for a reader, for whom ``--logs`` includes ``--logs`` of Jules."""
    if len(modes) == len(Mode):
        return "every call"
    implied = {f"{mode} of Jules" for mode in modes}
    implied |= {Mode.JULES_MESSAGE} if Mode.FURTHER in modes else set()
    return ", ".join(mode for mode in Mode if mode in modes and mode not in implied)


class Group(StrEnum):
    """The headings of the help, in its order."""

    RUN = "Run"
    SESSIONS = "Sessions"
    FLEET = "Fleet"
    ISSUES = "Issues and pull requests"
    JULES = "Jules"
    OUTPUT = "Output"
    ADVANCED = "Advanced"


class Kind(StrEnum):
    """How an option is written, and the type of its value."""

    ARGUMENT = "a word without an option"
    FLAG = "true where it is given"
    SWITCH = "two names, for true and for false"
    COUNT = "how often it is given"
    TEXT = "a text"
    TEXTS = "a text, as often as wanted"
    VARIABLES = "a name and a value, as often as wanted"
    CHOICE = "one of some words"
    OPTIONAL_CHOICE = "one of some words after =, or the first of them"
    NUMBER = "a whole number"
    AMOUNT = "a number, perhaps with a fraction"
    DURATION = "seconds, or numbers with units of time"
    TIME = "a time of day, or a date and a time"
    DAYS = "whole days, or a duration that comes to whole days"
    SIZE = "bytes, or a number with a unit of size"
    STEPS = "numbers and percentages, with commas between them"

    @property
    def takes_value(self) -> bool:
        """Whether the next word is its value."""
        return self not in {
            Kind.ARGUMENT, Kind.FLAG, Kind.SWITCH, Kind.COUNT, Kind.OPTIONAL_CHOICE
        }  # fmt: skip

    @property
    def is_repeated(self) -> bool:
        """Whether each value counts, not the last one alone."""
        return self in {Kind.TEXTS, Kind.VARIABLES}


class Offer(StrEnum):
    """The words that a shell offers for a value; a choice offers its own."""

    NOTHING = "nothing"
    FILES = "files of this machine"
    HOSTS = "hosts, groups and aliases"
    SESSIONS = "sessions of agents and of Jules, and commands"
    AGENT_SESSIONS = "sessions of agents and of Jules"
    JULES_SESSIONS = "sessions of Jules"
    HOSTS_AND_SESSIONS = "hosts, groups, aliases, sessions and commands"
    AGENTS = "agents"


class Option(Value):
    """One option, or one of the two words."""

    spelled: str
    """Its names, with a space between them."""
    group: Group = Group.RUN
    kind: Kind = Kind.FLAG
    help: str = ""
    modes: Mapping[Mode, str] = field(default_factory=dict)
    """The modes in which it is valid; the value is the field of an option it needs there, or ''."""
    chooses: Mode | None = None
    """The mode that this option selects; it is valid only there, and in that mode of Jules."""
    value: str | None = None
    """The placeholder of its value in help and documents."""
    default: str | None = None
    """Its default in words; None if it has none."""
    nothing: object = None
    """Its value if it is not given and is no flag."""
    choices: tuple[str, ...] = ()
    everyday: bool = False
    """Whether --help shows it; --help-all shows every option."""
    offers: Offer = Offer.NOTHING
    least: int | None = None
    """The least number; a duration is above 0 unless it is 0."""
    most: int | None = None
    """The greatest number, or seconds of a duration."""

    def __init__(self, spelled: str, **others: Any) -> None:  # noqa: ANN401 - each field has its own type
        """The names come first; everything else is given by keyword."""
        super().__init__(spelled=spelled, **others)

    @property
    def names(self) -> tuple[str, ...]:
        """All its names."""
        return tuple(self.spelled.split())

    @property
    def name(self) -> str:
        """Its long name, for refusals."""
        return next((name for name in self.names if name.startswith("--")), self.names[0])

    def field(self) -> Any:  # noqa: ANN401 - the annotation of the field is its type
        """Declare it as a field of the table."""
        entry = self
        if self.chooses is not None:
            modes = plain(self.chooses, AT_JULES.get(self.chooses, self.chooses))
            entry = replace(self, modes=modes)
        nothing = False if self.kind is Kind.FLAG else self.nothing
        return field(default=nothing, metadata={"option": entry})
