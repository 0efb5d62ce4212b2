"""What the table says of one option of ``dx-dispatch``."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dxansible.calls.mode import AT_JULES, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dxansible.calls.mode import Mode
    from dxansible.parameters import Parameter

__all__ = ["Group", "Kind", "Option", "argument", "option"]


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
    """How an option is written, and what is made of it."""

    ARGUMENT = "a word without an option"
    FLAG = "true where it is given"
    SWITCH = "two names, for true and for false"
    COUNT = "how often it is given"
    TEXT = "a text"
    TEXTS = "a text, as often as wanted"
    VARIABLES = "a name and a value, as often as wanted"
    CHOICE = "one of some words"
    NUMBER = "a whole number"
    SECONDS = "a number of seconds above 0"
    DURATION = "a number with a unit of time"

    @property
    def takes_value(self) -> bool:
        """The next word is its value."""
        return self not in {Kind.ARGUMENT, Kind.FLAG, Kind.SWITCH, Kind.COUNT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option, or one of the two words."""

    names: tuple[str, ...]
    kind: Kind
    help: str
    group: Group
    modes: Mapping[Mode, str]
    """Where it means something, and the field of another option that it needs there, or ''."""
    chooses: Mode | None = None
    """The mode that a call with this option is in."""
    value: str | None = None
    """What stands for its value in help and documents."""
    default: str | None = None
    """What holds without it, in words; None where nothing does."""
    sets: tuple[Parameter[Any], ...] = ()
    """The variables of the playbooks that it becomes."""
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None

    @property
    def name(self) -> str:
        """Its long name, as refusals have it."""
        return next((name for name in self.names if name.startswith("--")), self.names[0])


def option(  # noqa: PLR0913 - the columns of the table
    *names: str,
    help: str,  # noqa: A002 - as click calls it
    group: Group,
    modes: Mapping[Mode, str] | None = None,
    kind: Kind = Kind.FLAG,
    chooses: Mode | None = None,
    value: str | None = None,
    default: str | None = None,
    nothing: object = None,
    sets: tuple[Parameter[Any], ...] = (),
    choices: tuple[str, ...] = (),
    least: int | None = None,
    most: int | None = None,
) -> Any:  # noqa: ANN401 - the field's annotation is its type
    """Declare a field of the table; ``nothing`` is its value where the option is not given.

    An option that chooses a mode means something in that one alone, at Jules too.
    """
    if chooses is not None:
        modes = plain(chooses, *(AT_JULES[each] for each in (chooses,) if each in AT_JULES))
    entry = Option(
        names=names,
        kind=kind,
        help=help,
        group=group,
        modes=modes if modes is not None else {},
        chooses=chooses,
        value=value,
        default=default,
        sets=sets,
        choices=choices,
        least=least,
        most=most,
    )
    return field(default=False if kind is Kind.FLAG else nothing, metadata={"option": entry})


def argument(name: str, *, modes: Mapping[Mode, str]) -> Any:  # noqa: ANN401 - as above
    """Declare a field of the table for a word without an option."""
    return option(name, help="", group=Group.RUN, modes=modes, kind=Kind.ARGUMENT)
