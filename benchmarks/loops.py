"""Calls a library in a loop and prints the seconds of each call: loops.py KIND HOST CALLS CONFIG.

A program of its own, which loads nothing but that library.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_COMMAND = "echo hi"


class _Unused(logging.Handler):
    """Counts the runs that had no engine."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += record.getMessage().startswith("engine_unused")


def _fanout_ssh(host: str, _config: str) -> Callable[[], str]:
    from dxansible.fleet import fanout_ssh  # noqa: PLC0415 - only what is measured is loaded

    def call() -> str:
        return fanout_ssh(host, _COMMAND).stdout

    return call


def _fabric(host: str, config: str) -> Callable[[], str]:
    """Fabric with a new connection for each call."""
    from fabric import Config, Connection  # noqa: PLC0415 - as above

    def call() -> str:
        with Connection(host, config=Config(runtime_ssh_path=config)) as connection:
            return str(connection.run(_COMMAND, hide=True, in_stream=False).stdout)

    return call


def _fabric_kept(host: str, config: str) -> Callable[[], str]:
    """Fabric with one connection for all calls."""
    from fabric import Config, Connection  # noqa: PLC0415 - as above

    connection = Connection(host, config=Config(runtime_ssh_path=config))

    def call() -> str:
        return str(connection.run(_COMMAND, hide=True, in_stream=False).stdout)

    return call


_KINDS = {"fanout_ssh": _fanout_ssh, "fabric": _fabric, "fabric-kept": _fabric_kept}


def main() -> None:
    """Make the calls."""
    kind, host, calls, config = sys.argv[1:]
    unused = _Unused()
    logging.getLogger("dxansible").addHandler(unused)
    logging.getLogger("dxansible").setLevel(logging.DEBUG)
    call = _KINDS[kind](host, config)
    seconds, out = [], ""
    for _ in range(int(calls)):
        began = time.perf_counter()
        out = call()
        seconds.append(time.perf_counter() - began)
        if out != "hi\n":
            sys.exit(f"{kind} brought {out!r}")
    sys.stderr.write(out)
    sys.stdout.write(json.dumps({"seconds": seconds, "unused": unused.count}) + "\n")


if __name__ == "__main__":
    main()
