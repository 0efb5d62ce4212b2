"""The command line in click's form: help, completion, and what is wrong with a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from dxansible.cli.option import Group, Kind
from dxansible.cli.table import Options, table
from dxansible.cli.values import BadValueError, convert
from dxansible.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dxansible.cli.option import Option

__all__ = ["command", "parse"]

_COLUMN = 30
"""Maximum width of the help's column of names."""


_EXAMPLES = """
\b
Examples:
  dx-dispatch --list                                  the VMs, with live health
  dx-dispatch epyc6 "Run make test in ~/affordabot"   a task for the VM's coding agent
  dx-dispatch epyc6 "Fix it" --repo '~/app' --wait    in a worktree and branch of its own
  dx-dispatch --session ses_abc123 "Continue"         a further prompt, from any machine
  dx-dispatch any:gpu "Train the model"               on the least loaded VM that is free
  dx-dispatch --sessions                              all sessions of all VMs
  dx-dispatch --logs ses_abc123 --follow              what the agent says, from the first byte
  dx-dispatch --abort ses_abc123                      stop it, verified
  dx-dispatch --finalize-pr ses_abc123 --beads bd-123   the pull request of what it has done
  dx-dispatch --jules --issue bd-123 --wait           an issue of Beads for Jules, to its end
  dx-dispatch epyc6 --issue bd-123 --claim            the same issue for a VM's agent
  dx-dispatch epyc6 --exec "make test"                run a command, output live
  dx-dispatch gpu --exec "nvidia-smi" --gather        on a group, equal outputs once
  dx-dispatch 'all:!macmini' --exec "uptime" --json   on an Ansible pattern, for a program
  dx-dispatch epyc6 --exec --file deploy.sh           the command from a file (- is stdin)

\b
Exit codes: SUCCESS 0, FAILURE 1, usage 2, PREFLIGHT_FAILED 3,
SUCCESS with output missing 4, TIMEOUT 124, ABORTED 130.
Of several hosts the worst counts; --json has each host's own.
"""


class _GroupedCommand(click.Command):
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


def _declare_flags(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add all parameters to a function, in the order of the table."""
    for name, entry in reversed(table().items()):
        function = _parameter(name, entry)(function)
    return function


def _given_options(context: click.Context) -> Options:
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
    def reader(text: str) -> object:
        try:
            return convert(entry, text)
        except BadValueError as error:
            raise click.BadParameter(str(error)) from None

    kinds: dict[Kind, dict[str, Any]] = {
        Kind.FLAG: {"is_flag": True},
        Kind.SWITCH: {"default": None},
        Kind.COUNT: {"count": True},
        Kind.TEXTS: {"multiple": True},
        Kind.VARIABLES: {"multiple": True, "type": reader},
        Kind.CHOICE: {"type": click.Choice(entry.choices)},
        Kind.NUMBER: {"type": click.IntRange(entry.least, entry.most)},
        Kind.SECONDS: {"type": reader},
        Kind.DURATION: {"type": reader},
        Kind.STEPS: {"type": reader},
    }
    return kinds.get(entry.kind, {})


@click.command(
    cls=_GroupedCommand,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EXAMPLES,
)
@_declare_flags
@click.version_option(package_name="dxansible", prog_name="dx-dispatch")
def command(**_values: Any) -> Options:  # noqa: ANN401 - Options has the types
    """Hand tasks and commands to a fleet of machines, and tell the truth about what became of them.

    TARGET is a host of the inventory, an alias, a group or any Ansible pattern; any:PATTERN is the
    least loaded free host of one. TASK is for the coding agent there.
    """
    return _given_options(click.get_current_context())


def parse(words: Sequence[str]) -> Options | None:
    """Return the options; None once click has shown help, the version or completions.

    Raises UsageError.
    """
    try:
        found = command.main(list(words), prog_name="dx-dispatch", standalone_mode=False)
    except click.ClickException as error:
        raise UsageError(error.format_message(), "see dx-dispatch --help") from None
    except click.Abort:
        raise KeyboardInterrupt from None
    return found if isinstance(found, Options) else None
