"""The command line in click's form, for the words about what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from dxansible.cli import argv
from dxansible.cli.option import Kind
from dxansible.cli.refusals import unquoted, words_left_over
from dxansible.cli.table import Options, table
from dxansible.cli.values import BadValueError, convert
from dxansible.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.cli.option import Option

__all__ = ["parse"]


def parse(words: Sequence[str]) -> Options:
    """Return the options. Raises UsageError."""
    parameters = [_parameter(name, entry) for name, entry in table().items()]
    command = click.Command("dx-dispatch", params=parameters, add_help_option=False)
    try:
        context = command.make_context("dx-dispatch", argv.spell_out(words))
    except click.ClickException as error:
        raise _in_our_words(error, words) from None
    values = {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    return Options(**values, given=frozenset(values))


def _parameter(name: str, entry: Option) -> click.Parameter:
    if entry.kind is Kind.ARGUMENT:
        return click.Argument([name], required=False)
    names = ("/".join(entry.names),) if entry.kind is Kind.SWITCH else entry.names
    return click.Option([*names, name], metavar=entry.value, **_as_click_has_it(entry))


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
        Kind.CHOICE: {"type": click.Choice(entry.choices)},
        Kind.OPTIONAL_CHOICE: {"type": click.Choice(entry.choices)},
    }
    return kinds.get(entry.kind, {"type": reader, "multiple": entry.kind.is_repeated})


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
