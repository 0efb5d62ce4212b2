"""Entry point of ``dx-dispatch``, and of ``python -m dxansible``.

Hands the call to a resident engine where that is wanted and there is one; else runs it here.
"""

from __future__ import annotations

import os
import sys
from _signal import SIG_DFL, SIGINT, default_int_handler, signal  # type: ignore[import-not-found]

__all__ = ["main"]


def main() -> None:
    """Run the command line; a Ctrl-C while that is still being loaded ends the process quietly."""
    signal(SIGINT, SIG_DFL)
    why_not = _ask_engine() if os.environ.get("DX_ENGINE") == "on" else ""
    from dxansible import cli  # noqa: PLC0415 - not before Ctrl-C is safe

    signal(SIGINT, default_int_handler)
    cli.main(engine_unused=why_not)


def _ask_engine() -> str:
    """End with the call, if an engine has taken it; return why none has."""
    if sys.platform != "linux":
        return "there are engines on Linux only"
    if any(word.startswith("--engine") for word in sys.argv):
        return "the call is about engines"
    from dxansible.engine import client  # noqa: PLC0415 - only where it is wanted
    from dxansible.engine.caller import DISPATCH, Unfit  # noqa: PLC0415 - as above

    if sys.orig_argv[1:2] != ["-m"] and sys.orig_argv[1:2][0].startswith("-"):
        return "Python was given options"
    package = sys.modules["__main__"].__package__ or ""
    try:
        code = client.call(DISPATCH, sys.argv, package, dict(os.environb))
    except (Unfit, OSError) as reason:
        return str(reason)
    sys.exit(code)


if __name__ == "__main__":
    main()
