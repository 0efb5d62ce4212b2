"""Calls about the engines and the execution nodes of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.errors import UsageError
from dxansible.kept.running import running_engines, stop_engines
from dxansible.mesh.receptor import Receptor
from dxansible.render.documents import document
from dxansible.render.invisible import show_invisible
from dxansible.render.show import emit, show
from dxansible.settings import receptor_socket

if TYPE_CHECKING:
    from dxansible.cli.table import Options
    from dxansible.mesh.receptor import Node

__all__ = ["manage_engines", "show_nodes"]

_PROGRAM = "ansible-playbook"
"""The ``program`` of each engine, in documents of schema 1."""


def manage_engines(options: Options) -> int:
    """``--engine status`` and ``--engine stop``."""
    found = running_engines()
    if options.engine == "stop":
        stop_engines(found)
    if options.json:
        engines = [
            {"pid": each.pid, "program": _PROGRAM, "seconds": each.seconds} for each in found
        ]
        emit(document(exit_code=0, engines=engines))
        return 0
    ended = "ended" if options.engine == "stop" else "running"
    for each in found:
        show(f"{_PROGRAM:<16}  pid {each.pid:<7}  up {each.seconds} s  {ended}")
    if not found:
        show("no engine is running")
    return 0


def show_nodes(options: Options) -> int:
    """``--nodes``; 0 if any node is usable."""
    socket_path = receptor_socket()
    if socket_path is None:
        message = "there is no receptor on this machine"
        raise UsageError(message, "start it, or set DX_RECEPTOR_SOCKET; see docs/mesh.md")
    found = Receptor(socket_path).nodes()
    code = 0 if any(each.usable for each in found) else 1
    if options.json:
        nodes = [
            {
                "node": each.name,
                "usable": each.usable,
                "signed": each.signed,
                "answer_ms": each.answer_ms,
                "error": each.error,
            }
            for each in found
        ]
        emit(document(exit_code=code, nodes=nodes))
        return code
    width = max(len(each.name) for each in found)
    for each in found:
        show(show_invisible(f"{each.name:<{width}}  {_health(each)}"))
    return code


def _health(node: Node) -> str:
    answer = "no answer" if node.answer_ms is None else f"answers in {node.answer_ms} ms"
    work = node.error or ("takes signed work" if node.signed else "takes work")
    return f"{'ok' if node.usable else '--':<3} {answer}; {work}"
