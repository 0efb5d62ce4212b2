"""The command line: parses, calls one function, renders.

The only place that catches errors and exits.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from dxansible.cli import argv, reading, refusals
from dxansible.cli.modes import choose_call, mode_of, sort_out
from dxansible.cli.terminal import INTERRUPTED, SCREEN, start_log
from dxansible.errors import DxError, EngineError
from dxansible.render.documents import error_document, interrupted_document
from dxansible.render.show import emit, show
from dxansible.settings import completion_wanted, mask_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.cli.table import Options

__all__ = ["main"]


def main() -> None:
    """Entry point of ``dx-dispatch``."""
    mask_secrets()
    words = argv.complete(sys.argv[1:])
    try:
        if asked := completion_wanted():
            from dxansible.cli import complete  # noqa: PLC0415 - for shells only

            complete.answer(asked)
            sys.exit(0)
        options = reading.parse(words)
        code = 0 if options is None else _call(options)
    except DxError as error:
        code = _complain(error, words)
    except KeyboardInterrupt:
        code = INTERRUPTED
        if form := _form_wanted(words):
            _tell(interrupted_document(code, as_event=form == "jsonl"))
    except BrokenPipeError:
        from dxansible.record import FanoutOutcome  # noqa: PLC0415 - keeps --help fast

        code = FanoutOutcome.FAILURE.exit_code
    except OSError as error:
        code = _complain(
            EngineError(f"this machine refuses: {error}", "see docs/troubleshooting.md"),
            words,
        )
    _leave(code)


def _call(options: Options) -> int:
    """Make the call, and return the exit code."""
    mode = mode_of(options.values_given())
    options = sort_out(options, mode)
    start_log(options)
    refusals.check(options, mode)
    if options.metrics is not None:
        from dxansible.render.metrics import check_place  # noqa: PLC0415 - few calls have it

        check_place(options.metrics)
    return choose_call(mode, options)(options)


def _form_wanted(words: Sequence[str]) -> str | None:
    """Return json for a document, jsonl for events, as far as a command line can be read."""
    found = argv.read(words)
    return next((form for form in ("json", "jsonl") if form in found), None)


def _complain(error: DxError, words: Sequence[str]) -> int:
    tail = getattr(error, "output_tail", "")
    if tail:
        show(tail, err=True)
    form = _form_wanted(words)
    if form is None or not _tell(error_document(error, as_event=form == "jsonl")):
        show(f"dx-dispatch: {error}", err=True)
    return error.exit_code


def _tell(document: str) -> bool:
    """Print a document about the end of the call; return whether standard output takes it."""
    try:
        emit(document)
    except OSError:
        return False
    return True


def _leave(code: int) -> None:
    SCREEN.end_progress()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # was told before; Python would tell it again, and change the exit code
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(code)
