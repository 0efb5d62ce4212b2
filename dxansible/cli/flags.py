"""The option table in click's form: parameters, and the groups of the help."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from dxansible.cli.option import Group, Kind
from dxansible.cli.table import Options, table
from dxansible.settings import variable_of_caller

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dxansible.cli.option import Option

__all__ = ["GroupedCommand", "complete", "declare_flags", "given_options", "json_wanted"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_COLUMN = 30
"""Maximum width of the help's column of names."""


class GroupedCommand(click.Command):
    """Click command whose help has the groups of the table."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of each group under its name."""
        rows: dict[Group, list[tuple[str, str]]] = {group: [] for group in Group}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                entry = table().get(str(parameter.name))
                rows[entry.group if entry else Group.OUTPUT].append(record)
        widths = [len(names) for group in rows.values() for names, _ in group]
        width = max(each for each in widths if each <= _COLUMN)
        for group, records in rows.items():
            with formatter.section(group):
                formatter.write_dl([(names.ljust(width), text) for names, text in records])


def declare_flags(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add all parameters to a function, in the order of the table."""
    for name, entry in reversed(table().items()):
        function = _parameter(name, entry)(function)
    return function


def complete(words: Sequence[str]) -> list[str]:
    """Return the words for click: ``--exec`` before ``--file`` gets an empty value."""
    completed = []
    for place, word in enumerate(words):
        completed.append(word)
        following = "".join(words[place + 1 : place + 2])
        if word == "--exec" and following.partition("=")[0] == "--file":
            completed.append("")
    return completed


def json_wanted(command: click.Command, words: Sequence[str]) -> bool:
    """Whether the words of `complete` have ``--json``, even if click refuses them."""
    context = command.make_context(
        "", [*words], resilient_parsing=True, ignore_unknown_options=True, allow_extra_args=True
    )
    return bool(context.params["json"])


def given_options(context: click.Context) -> Options:
    """Return the options of the command line, and which of them the user gave."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = {name for name, source in sources.items() if source is ParameterSource.COMMANDLINE}
    values = {name: context.params[name] for name in given}
    return Options(**values, given=frozenset(given))


def _parameter(name: str, entry: Option) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    if entry.kind is Kind.ARGUMENT:
        return click.argument(name, required=False)
    text = entry.help if entry.default is None else f"{entry.help}  [default: {entry.default}]"
    names = ("/".join(entry.names),) if entry.kind is Kind.SWITCH else entry.names
    return click.option(*names, name, help=text, metavar=entry.value, **_as_click_has_it(entry))


def _as_click_has_it(entry: Option) -> dict[str, Any]:
    kinds: dict[Kind, dict[str, Any]] = {
        Kind.FLAG: {"is_flag": True},
        Kind.SWITCH: {"default": None},
        Kind.COUNT: {"count": True},
        Kind.TEXTS: {"multiple": True},
        Kind.VARIABLES: {"multiple": True, "type": _variable},
        Kind.CHOICE: {"type": click.Choice(entry.choices)},
        Kind.NUMBER: {"type": click.IntRange(entry.least, entry.most)},
        Kind.SECONDS: {"type": _seconds},
        Kind.DURATION: {"type": _duration},
    }
    return kinds.get(entry.kind, {})


def _variable(text: str) -> tuple[str, str]:
    """Parse NAME=VALUE; NAME alone takes this process's value, which no process list shows."""
    name, equals, value = text.partition("=")
    found = value if equals else variable_of_caller(name)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise click.BadParameter(f"{name!r} is no name of a variable; give NAME=VALUE")
    if found is None:
        raise click.BadParameter(f"{name} is not set here; give {name}=VALUE, or set it")
    return name, found


def _seconds(value: str | float) -> float:
    try:
        seconds = float(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a number of seconds") from None
    if not 0 < seconds < float("inf"):
        raise click.BadParameter(f"{value} is not a number of seconds above 0")
    return seconds


def _duration(value: str | float) -> float:
    """Parse a number with or without a unit into seconds; 0 is valid."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)", str(value).strip())
    if found is None:
        raise click.BadParameter(f"{value!r} is no duration, like 1d, 12h, 90m or 3600 (seconds)")
    return float(found[1]) * _UNITS[found[2] or "s"]
