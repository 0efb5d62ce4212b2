"""The terminal that all calls share, and what Ctrl-C does there."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

from dxansible.render.documents import interrupted_document
from dxansible.render.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DETACHED", "INTERRUPTED", "SCREEN", "Reader", "cancel_on_signals", "gave_up_waiting"]

SCREEN = Screen()
DETACHED = "stopped following; the work continues on the VM"
"""What Ctrl-C says of an agent's session."""
INTERRUPTED = 128 + signal.SIGINT
"""Exit code, that of ABORTED: as shells report a program that Ctrl-C has ended."""


def cancel_on_signals(notice: str, second: str, *, json: bool) -> threading.Event:
    """Make the first Ctrl-C stop the work in good order, and the second end this process at once.

    ``json``: the second one prints a JSON document, too.
    """
    last_words = interrupted_document(
        INTERRUPTED, second, "come back with --logs ID, or see --sessions"
    )
    cancelled = threading.Event()

    def handle(_number: int, _frame: object) -> None:
        if cancelled.is_set():
            os.write(2, f"\n{second}\n".encode())
            if json:
                os.write(1, last_words.encode())
            os._exit(INTERRUPTED)
        cancelled.set()  # first: a second signal may arrive while we print
        os.write(2, f"\n{notice}\n".encode())

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, handle)
    return cancelled


def gave_up_waiting(run_id: str) -> str:
    """Return what a second Ctrl-C says of a command."""
    command = f"see: dx-dispatch --logs {run_id}"
    return f"gave up waiting; the command may still be running on the VM; {command}"


class Reader:
    """The reader of our standard output, which may close it early, as ``head`` does.

    The user has not asked to stop the work then, so its result is still reported.
    """

    gone = False

    def leaves(self, cancelled: threading.Event | None) -> Callable[[], None]:
        """Return the function to call when the reader closes; it sets ``cancelled``, if given."""

        def leave() -> None:
            self.gone = True
            if cancelled is not None:
                cancelled.set()

        return leave
