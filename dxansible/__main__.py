"""Entry point of ``dx-dispatch``, and of ``python -m dxansible``.

Hands the call to a resident engine where that is wanted and there is one; else runs it here.
"""

from __future__ import annotations

import gc
import os
import sys
from _signal import SIG_DFL, SIGINT, default_int_handler, signal  # type: ignore[import-not-found]

from dxansible.engine.caller import DISPATCH, Absent, Unfit, wanted

__all__ = ["main"]


def main() -> None:
    """Run the command line; a Ctrl-C while that is still being loaded ends the process quietly."""
    signal(SIGINT, SIG_DFL)
    _complete_streams()
    token = os.urandom(8).hex()
    unused = _ask_engine(token) if wanted(os.environ) else None
    lost = unused is not None and type(unused).__name__ == "LostError"
    from dxansible import cli  # noqa: PLC0415 - not before Ctrl-C is safe

    signal(SIGINT, default_int_handler)
    try:
        cli.main(engine_unused=str(unused or ""), lost=token if lost else "")
    finally:
        if isinstance(unused, Absent):
            _start_another(unused)
        gc.freeze()  # a collection of garbage would be the longest part of the end


def _complete_streams() -> None:
    """Have the three standard streams, since few libraries are ready for one that is closed."""
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)  # as the lowest number that is free
            os.set_inheritable(nothing, True)  # noqa: FBT003 - os takes no name for it
            setattr(sys, name, os.fdopen(nothing, "w" if fd else "r"))


def _start_another(absent: Absent) -> None:
    """Have an engine for the next call; it loads when this one is over, not beside it."""
    try:
        absent.start()
    except OSError:
        return


def _ask_engine(token: str) -> Exception:
    """End with the call, if an engine has taken it to its end; return why none has.

    A run of it has an id of the token.
    """
    if any(word.startswith("--engine") for word in sys.argv):
        return Unfit("the call is about engines")
    from dxansible.engine import client  # noqa: PLC0415 - only where it is wanted

    if sys.orig_argv[1:2] != ["-m"] and sys.orig_argv[1:2][0].startswith("-"):
        return Unfit("Python was given options")
    package = sys.modules["__main__"].__package__ or ""
    try:
        code = client.call(DISPATCH, sys.argv, package, dict(os.environb), token)
    except (client.LostError, Unfit, OSError) as reason:
        if isinstance(reason, Absent):
            _start_playbooks()
        return reason
    sys.exit(code)


def _start_playbooks() -> None:
    from dxansible.calls.argv import foretell  # noqa: PLC0415 - for a first call only

    run = foretell(sys.argv[1:])
    if run is None:
        return
    from dxansible.engine.early import begin  # noqa: PLC0415 - for a first call only

    try:
        begin(run.inventory)
    except OSError:
        return


if __name__ == "__main__":
    main()
