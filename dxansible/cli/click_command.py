"""The command line in click's form, for the words about what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from dxansible.cli import argv
from dxansible.cli.option import Kind
from dxansible.cli.table import Options, table
from dxansible.cli.values import BadValueError, convert
from dxansible.cli.words import unquoted, words_left_over
from dxansible.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dxansible.cli.option import Option

__all__ = ["command", "parse"]


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
    names = ("/".join(entry.names),) if entry.kind is Kind.SWITCH else entry.names
    return click.option(*names, name, metavar=entry.value, **_as_click_has_it(entry))


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
        Kind.OPTIONAL_CHOICE: {"type": click.Choice(entry.choices)},
        Kind.NUMBER: {"type": reader},
        Kind.AMOUNT: {"type": reader},
        Kind.DURATION: {"type": reader},
        Kind.TIME: {"type": reader},
        Kind.DAYS: {"type": reader},
        Kind.SIZE: {"type": reader},
        Kind.STEPS: {"type": reader},
    }
    return kinds.get(entry.kind, {})


@click.command(add_help_option=False)
@_declare_flags
def command(**_values: Any) -> Options:  # noqa: ANN401 - Options has the types
    """Return the options."""
    return _given_options(click.get_current_context())


def parse(words: Sequence[str]) -> Options:
    """Return the options. Raises UsageError."""
    try:
        found = command.main(argv.spell_out(words), prog_name="dx-dispatch", standalone_mode=False)
    except click.ClickException as error:
        raise _in_our_words(error, words) from None
    except click.Abort:
        raise KeyboardInterrupt from None
    assert isinstance(found, Options)  # noqa: S101 - click returns what the command does
    return found


def _in_our_words(error: click.ClickException, words: Sequence[str]) -> UsageError:
    """Return click's error, or ours if words of a command without quotes are the cause."""
    message, remedy = error.format_message().removesuffix("."), "see dx-dispatch --help"
    command, left_over = words_left_over(words)
    if isinstance(error, click.NoSuchOption):
        if not any(each.startswith(error.option_name) for each in left_over):
            return UsageError(message, remedy)
        if error.possibilities:
            return UsageError(message, f"{remedy}, or {unquoted(command, left_over).remedy}")
        return unquoted(command, left_over)
    is_one_too_many = type(error) is click.UsageError and left_over
    return unquoted(command, left_over) if is_one_too_many else UsageError(message, remedy)
