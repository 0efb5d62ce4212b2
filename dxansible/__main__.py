"""Entry point of ``dx-dispatch``, and of ``python -m dxansible``."""

from __future__ import annotations

import signal

__all__ = ["main"]


def main() -> None:
    """Run the command line; a Ctrl-C while that is still being loaded ends the process quietly."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from dxansible import cli  # noqa: PLC0415 - not before Ctrl-C is safe

    signal.signal(signal.SIGINT, signal.default_int_handler)
    cli.main()


if __name__ == "__main__":
    main()
