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
        if _document_wanted(words):
            _tell(interrupted_document(code, as_event=_events_wanted(words)))
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


def _document_wanted(words: Sequence[str]) -> bool:
    """Whether a command line asks for a document or events, as far as it can be read."""
    return not {"json", "jsonl"}.isdisjoint(argv.read(words))


def _events_wanted(words: Sequence[str]) -> bool:
    found = argv.read(words)
    return "jsonl" in found and "json" not in found


def _complain(error: DxError, words: Sequence[str]) -> int:
    SCREEN.end_progress()
    tail = getattr(error, "output_tail", "")
    if tail:
        show(tail, err=True)
    document = _document_wanted(words)
    if not document or not _tell(error_document(error, as_event=_events_wanted(words))):
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
