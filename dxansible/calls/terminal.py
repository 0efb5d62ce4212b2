"""The terminal that all calls share, and what Ctrl-C does there."""

from __future__ import annotations

import os
import signal
import threading

from dxansible.live import Screen
from dxansible.outcome import FanoutOutcome
from dxansible.render import interrupted_document

__all__ = ["SCREEN", "cancel_on_signals"]

SCREEN = Screen()


def cancel_on_signals(notice: str, second: str, *, json: bool) -> threading.Event:
    """Make the first Ctrl-C end the work in good order, and the second end this process at once.

    ``json``: whoever reads standard output wants a document, whatever happens.
    """
    code = FanoutOutcome.ABORTED.exit_code
    last_words = interrupted_document(code, second, "come back with --logs ID, or see --sessions")
    cancelled = threading.Event()

    def handle(_number: int, _frame: object) -> None:
        if cancelled.is_set():
            os.write(2, f"\n{second}\n".encode())
            if json:
                os.write(1, last_words.encode())
            os._exit(code)
        cancelled.set()  # before a word of it: the next signal may come while we speak
        os.write(2, f"\n{notice}\n".encode())

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, handle)
    return cancelled
