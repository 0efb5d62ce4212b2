"""Prints text for people. No foreign text can drive their terminal.

Error messages, agents' words, titles of issues and host names come from elsewhere. Everything that
is printed goes through here, and only the colours that `coloured` has put in reach the terminal.
"""

from __future__ import annotations

import os
import re
import sys

from dxansible.redact import safe
from dxansible.render.screen import SCREEN, naming
from dxansible.settings import colour_wanted

__all__ = ["coloured", "emit", "painted", "show", "terminal_size", "terminal_width"]

_COLOURS = {
    "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36,
}  # fmt: skip
"""By name, the codes that terminals have for them."""

_NONCE = os.urandom(8).hex()
"""Marks our colours, which foreign text can't forge."""
_COLOURED = re.compile(rf"\x1b<{_NONCE}:([a-z]+)>(.*?)\x1b</{_NONCE}>", re.DOTALL)


def coloured(text: str, colour: str | None) -> str:
    """Mark a text for a colour; None leaves it as it is."""
    return text if colour is None else f"\x1b<{_NONCE}:{colour}>{text}\x1b</{_NONCE}>"


def terminal_size() -> tuple[int, int] | None:
    """Return columns and lines of standard output; None if it is no terminal.

    A terminal that does not know its size counts as one of 80 by 24.
    """
    try:
        columns, lines = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):
        return None
    return columns or 80, lines or 24


def terminal_width() -> int | None:
    """Return the columns of standard output; None if it is no terminal."""
    size = terminal_size()
    return size[0] if size else None


def show(text: str, *, err: bool = False, end: str = "\n") -> None:
    """Print to standard output or standard error, with colours if they are wanted."""
    stream = sys.stderr if err else sys.stdout
    wanted = colour_wanted()
    shown = painted(text, on=stream.isatty() if wanted is None else wanted) + end
    if err:
        SCREEN.put(shown)
    else:
        with naming(stream):
            stream.write(shown)
            stream.flush()


def painted(text: str, *, on: bool) -> str:
    """Return a text as a terminal gets it: with colours if they are ``on``, the rest escaped."""
    pieces = _COLOURED.split(text)
    parts = [safe(pieces[0])]
    for colour, inside, after in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        shown = f"\x1b[{_COLOURS[colour]}m{safe(inside)}\x1b[0m" if on else safe(inside)
        parts += [shown, safe(after)]
    return "".join(parts)


def emit(data: str | bytes) -> None:
    """Write a document, or output of the VMs, to standard output as it is. Raises OSError."""
    with naming(sys.stdout):
        if isinstance(data, str):
            sys.stdout.write(data)
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
        sys.stdout.flush()
