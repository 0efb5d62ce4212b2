"""Reads the command line, and answers what asks about dx-dispatch itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli import argv
from dxansible.render.show import emit

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from dxansible.cli.table import Options

__all__ = ["parse"]


def parse(words: Sequence[str]) -> Options | None:
    """Return the options; None once help or the version has been shown. Raises UsageError."""
    options = argv.parse(words)
    if _show_about_us(argv.read(words) if options is None else options.given):
        return None
    if options is None:
        from dxansible.cli import click_command  # noqa: PLC0415 - slow to load

        options = click_command.parse(words)
    return options


def _show_about_us(given: Collection[str]) -> bool:
    """Show the help or the version, whatever else is given; False if neither is wanted."""
    if "help" in given or "help_all" in given:
        from dxansible.cli.help_text import help_text, help_width  # noqa: PLC0415 - rarely used

        emit(help_text(help_width(), everything="help_all" in given))
    elif "version" in given:
        from dxansible import __version__  # noqa: PLC0415 - rarely used

        emit(f"dx-dispatch, version {__version__}\n")
    else:
        return False
    return True
