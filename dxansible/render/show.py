"""Prints text for people. No foreign text can drive their terminal.

Error messages, agents' words, titles of issues and host names come from elsewhere. Everything that
is printed goes through here, and only the colours that `coloured` has put in reach the terminal.
"""

from __future__ import annotations

import os
import re

import click

from dxansible.redact import safe
from dxansible.settings import colour_wanted

__all__ = ["coloured", "show"]

_NONCE = os.urandom(8).hex()
"""Marks our colours, which foreign text can't forge."""
_COLOURED = re.compile(rf"\x1b<{_NONCE}:([a-z]+)>(.*?)\x1b</{_NONCE}>", re.DOTALL)


def coloured(text: str, colour: str | None) -> str:
    """Mark a text for one of click's colours; None leaves it as it is."""
    return text if colour is None else f"\x1b<{_NONCE}:{colour}>{text}\x1b</{_NONCE}>"


def show(text: str, *, err: bool = False, end: str = "\n") -> None:
    """Print to standard output or standard error, with colours if they are wanted."""
    pieces = _COLOURED.split(text)
    parts = [safe(pieces[0])]
    for colour, inside, after in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        parts += [click.style(safe(inside), fg=colour), safe(after)]
    click.echo("".join(parts) + end, err=err, nl=False, color=colour_wanted())
