"""The terminal that all calls share: what is said on it, and what Ctrl-C does there."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from dxansible import logs
from dxansible.render.documents import interrupted_document
from dxansible.render.screen import SCREEN
from dxansible.settings import log_file, log_format

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dxansible.cli.table import Options
    from dxansible.log_file import LogFile

__all__ = [
    "DETACHED",
    "INTERRUPTED",
    "SCREEN",
    "Reader",
    "cancel_on_signals",
    "gave_up_waiting",
    "start_log",
    "wants_line",
]

DETACHED = "stopped following; the work continues on the VM"
"""What Ctrl-C says of an agent's session."""
INTERRUPTED = 128 + signal.SIGINT
"""Exit code, that of ABORTED: as shells report a program that Ctrl-C has ended."""
_ONE_SIGNAL = 0.1
"""Seconds in which a second signal belongs to the first: timeout(1) sends each signal to its
process, and then to the whole group."""


def start_log(options: Options) -> None:
    """Show log lines if standard error is no terminal, or if they are asked for.

    On a terminal the lines go to a file, and warnings are shown as sentences.
    """
    chosen, quiet = log_format(), options.quiet
    asked = chosen is not None or (options.verbose and not quiet)
    shown = bool(asked) or not SCREEN.interactive
    SCREEN.readable = not shown
    logs.configure(
        json=chosen == "json",
        verbosity=-1 if quiet else options.verbose,
        stream=SCREEN if shown else None,
        file=_file(quiet=quiet) if SCREEN.interactive else None,
        tell=None if shown or quiet else _tell,
    )


def _file(*, quiet: bool) -> LogFile:
    from dxansible.log_file import LogFile  # noqa: PLC0415 - only on terminals

    path = log_file()

    def complain(reason: str) -> None:
        if not quiet:
            SCREEN.write(f"the log {path} can't be written ({reason}); this call has no log\n")

    return LogFile(path, complain)


def _tell(fields: Mapping[str, object]) -> None:
    from dxansible.render.notices import notice  # noqa: PLC0415 - few calls have warnings

    SCREEN.write(notice(fields))


def wants_line(options: Options, *, failed: bool) -> bool:
    """Whether to show a host's line of the summary.

    With --quiet, --json or --jsonl, a person gets those of failures, unless the document is on
    the same terminal.
    """
    document = options.json or options.jsonl
    if not (options.quiet or document):
        return True
    return failed and SCREEN.readable and not (document and sys.stdout.isatty())


def cancel_on_signals(options: Options, notice: str, second: str) -> threading.Event:
    """Make the first Ctrl-C stop the work in good order, and the second end this process at once.

    The second one prints a JSON document, too, or an event, if the call prints such.
    """
    jsonl = options.jsonl
    cancelled, told = threading.Event(), threading.Event()

    def handle(_number: int, _frame: object) -> None:
        if cancelled.is_set():
            if not told.is_set():
                return
            SCREEN.interject(second)
            if options.json or jsonl:
                remedy = "come back with --logs ID, or see --sessions"
                last = interrupted_document(INTERRUPTED, second, remedy, as_event=jsonl)
                os.write(1, ("\n" * (jsonl and SCREEN.amid_output) + last).encode())
            os._exit(INTERRUPTED)
        cancelled.set()
        time.sleep(_ONE_SIGNAL)
        told.set()  # first: a second signal may arrive while we print
        SCREEN.interject(notice)

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
