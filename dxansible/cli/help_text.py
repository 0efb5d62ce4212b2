"""Writes ``--help`` and ``--help-all``; the option table has the facts.

Click would take longer to load than all of the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.option import Group, Kind
from dxansible.cli.table import table
from dxansible.render.show import terminal_width
from dxansible.render.wrapping import wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dxansible.cli.option import Option

__all__ = [
    "ABOUT",
    "EXAMPLES",
    "USAGE",
    "WORST",
    "exit_codes",
    "help_text",
    "help_width",
    "names_of",
]

USAGE = "dx-dispatch [OPTIONS] [TARGET] [TASK]"
ABOUT = (
    "Run commands and coding-agent tasks on a fleet of machines, and report their outcomes. "
    "TARGET is a host, an alias, a group or any Ansible pattern; any:PATTERN is its least loaded "
    "free host. TASK is for the coding agent there."
)
EXAMPLES = (
    ("dx-dispatch --list", "the VMs, with live health"),
    ('dx-dispatch epyc6 --exec "make test"', "run a command, output live"),
    ('dx-dispatch gpu --exec "nvidia-smi" --gather', "a group, equal outputs once"),
    ("""dx-dispatch epyc6 "Fix it" --repo '~/app' --wait""", "a task for the coding agent"),
    ('dx-dispatch --session ses_abc123 "Continue"', "a further prompt"),
    ("dx-dispatch --sessions", "all sessions of all VMs"),
    ("dx-dispatch --logs ses_abc123 --follow", "what the agent says"),
    ("dx-dispatch --abort ses_abc123", "stop it, verified"),
    ('dx-dispatch epyc6 "Run make test in ~/affordabot"', "a task, nobody waits"),
    ('dx-dispatch any:gpu "Train the model"', "on the least loaded VM"),
    ("""dx-dispatch 'all:!macmini' --exec "uptime" --json""", "a pattern, for a program"),
    ("dx-dispatch epyc6 --exec --file deploy.sh", "the command from a file"),
    ("dx-dispatch epyc6 --issue bd-123 --claim", "an issue of Beads"),
    ("dx-dispatch --jules --issue bd-123 --wait", "the same, for Jules"),
    ("dx-dispatch --finalize-pr ses_abc123 --beads bd-123", "open its pull request"),
)
"""A call, and what it does; the first are in --help."""

WORST = "Of several hosts the worst counts; --json has each host's own."

_EVERYDAY_EXAMPLES = 8
_WIDTHS = (60, 80, 100)
"""Columns: least, where there is no terminal, and most."""
_INDENT = 2


def help_text(width: int, *, everything: bool) -> str:
    """Return the help for a terminal of ``width`` columns."""
    examples = EXAMPLES if everything else EXAMPLES[:_EVERYDAY_EXAMPLES]
    codes = ", ".join(f"{code} {words}" for code, words in exit_codes())
    lines = [f"Usage: {USAGE}", "", *wrapped(ABOUT, width)]
    column = _column([call for call, _ in examples], width + 20)
    lines += ["", "Examples:", *_rows(list(examples), width, column)]
    lines += ["", "Exit codes:"]
    lines += [f"  {line}" for line in wrapped(f"{codes}. {WORST}", width - 2)]
    shown = [each for each in table().values() if everything or each.everyday]
    options = [each for each in shown if each.kind is not Kind.ARGUMENT]
    column = _column([names_of(each) for each in options], width)
    for group in Group:
        rows = [_row(each, everything=everything) for each in options if each.group is group]
        if rows:
            lines += ["", f"{group}:", *_rows(rows, width, column)]
    return "\n".join(lines) + "\n"


def exit_codes() -> list[tuple[int, str]]:
    """Return each exit code and what it says, in the order of the numbers."""
    # slow to load: only the help pays for them
    from dxansible.errors import UsageError  # noqa: PLC0415
    from dxansible.record import FanoutOutcome  # noqa: PLC0415
    from dxansible.results import INCOMPLETE  # noqa: PLC0415

    codes = {each.exit_code: str(each) for each in FanoutOutcome}
    codes[UsageError.exit_code] = "usage error"
    codes[INCOMPLETE] = f"{FanoutOutcome.SUCCESS} with output missing"
    return sorted(codes.items())


def names_of(entry: Option) -> str:
    """Return the names of an option with the placeholder of its value."""
    value, names = entry.value or "|".join(entry.choices), ", ".join(entry.names)
    return (
        f"{names}[={value}]" if entry.kind is Kind.OPTIONAL_CHOICE else f"{names} {value}".rstrip()
    )


def help_width() -> int:
    """Return the columns for the help on this standard output."""
    least, usual, most = _WIDTHS
    return max(least, min(terminal_width() or usual, most))


def _row(entry: Option, *, everything: bool) -> tuple[str, str]:
    if not everything:
        return names_of(entry), entry.help.partition(". ")[0].removesuffix(".")
    default = "" if entry.default is None else f" [default: {entry.default}]"
    return names_of(entry), entry.help + default


def _column(names: list[str], width: int) -> int:
    """Return the width of the column of names; longer names get lines of their own."""
    return max(len(each) for each in names if len(each) <= width // 2 + _INDENT)


def _rows(rows: list[tuple[str, str]], width: int, column: int) -> Iterator[str]:
    for names, text in rows:
        first, *others = wrapped(text, width - column - 2 * _INDENT)
        if len(names) > column:
            yield f"  {names}"
        yield f"  {names if len(names) <= column else '':{column}}  {first}"
        yield from (f"{'':{column + 2 * _INDENT}}{line}" for line in others)
