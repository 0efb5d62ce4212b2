"""Shows the execution nodes of this machine's receptor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.errors import UsageError
from dxansible.mesh.receptor import Receptor
from dxansible.render.documents import document
from dxansible.render.invisible import show_invisible
from dxansible.render.show import emit, show
from dxansible.settings import receptor_socket

if TYPE_CHECKING:
    from dxansible.cli.table import Options
    from dxansible.mesh.receptor import Node

__all__ = ["show_nodes"]


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
