"""``--open SES``: opens the agent's own screen on a session, or prints the command for that."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

from dxansible.errors import EngineError
from dxansible.render.documents import document
from dxansible.render.show import emit, show
from dxansible.run.attach_sessions import resolve_session
from dxansible.run.opening import find_way_in

if TYPE_CHECKING:
    from dxansible.cli.table import Options

__all__ = ["open_session"]


def open_session(options: Options) -> int:
    """Run the command on a terminal; print it if standard input or output is none."""
    settings = options.settings()
    way = find_way_in(resolve_session(options.open or "", settings), settings)
    if not way.session.ended:
        show(
            "a turn of it is running; a second hand in its conversation may confuse both", err=True
        )
    if options.json:
        emit(document(exit_code=0, host=way.session.host, command=list(way.words)))
        return 0
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        show(shlex.join(way.words))
        return 0
    try:
        os.execvp(way.words[0], way.words)  # noqa: S606 - no shell here reads it
    except OSError as error:
        message = f"{way.words[0]} can't be started: {error.strerror}"
        raise EngineError(message, "install it on this machine") from error
