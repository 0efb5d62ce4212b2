"""Calls about the engines of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dxansible.kept.running import running_engines, stop_engines
from dxansible.render.commands import document
from dxansible.render.show import show

if TYPE_CHECKING:
    from dxansible.cli.table import Options

__all__ = ["manage"]

_PROGRAM = "ansible-playbook"
"""The ``program`` of each engine, in documents of schema 1."""


def manage(options: Options) -> int:
    """``--engine status`` and ``--engine stop``."""
    found = running_engines()
    if options.engine == "stop":
        stop_engines(found)
    if options.json:
        engines = [
            {"pid": each.pid, "program": _PROGRAM, "seconds": each.seconds} for each in found
        ]
        click.echo(document(exit_code=0, engines=engines), nl=False)
        return 0
    ended = "ended" if options.engine == "stop" else "running"
    for each in found:
        show(f"{_PROGRAM:<16}  pid {each.pid:<7}  up {each.seconds} s  {ended}")
    if not found:
        show("no engine is running")
    return 0
