"""Giving orders to a lab that runs in another process, through a socket in its root."""

import json
import os
import socket
import socketserver
from pathlib import Path
from typing import Any, cast

from tests.lab.faults import Fault, LabError
from tests.lab.lab import Lab
from tests.lab.vm import Vm

_PATIENCE = 30.0

Order = dict[str, Any]


def send(root: Path, order: Order) -> str:
    """Have the lab in `root` obey `order`, and return what it says."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_PATIENCE)
        try:
            connection.connect(str(_path(root)))
            connection.sendall(json.dumps(order).encode() + b"\n")
            with connection.makefile() as replies:
                answer = json.loads(replies.readline())
        except (OSError, ValueError):
            message = f"no lab runs in {root}"
            raise LabError(message) from None
    if "error" in answer:
        raise LabError(answer["error"])
    return str(answer["said"])


def describe(lab: Lab) -> str:
    """Return a table of the machines."""
    rows = [("VM", "ADDRESS", "USER", "CONNECTIONS", "FAULTS")]
    rows += [
        (
            vm.name,
            f"{vm.address}:{vm.port}",
            vm.user,
            str(vm.connections),
            " ".join(sorted(vm.faults)) or "-",
        )
        for vm in lab.vms.values()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


class Server(socketserver.UnixStreamServer):
    """Obeys orders to `lab`, one after the other."""

    def __init__(self, lab: Lab) -> None:
        """Listen, for this user only."""
        self.lab = lab
        before = os.umask(0o177)
        try:
            super().__init__(str(_path(lab.root)), _Handler)
        finally:
            os.umask(before)


class _Handler(socketserver.StreamRequestHandler):
    timeout = 5

    def handle(self) -> None:
        lab = cast("Server", self.server).lab
        try:
            answer = {"said": _obey(lab, json.loads(self.rfile.readline()))}
        except (LabError, OSError) as error:
            answer = {"error": str(error)}
        self.wfile.write(json.dumps(answer).encode() + b"\n")


def _obey(lab: Lab, order: Order) -> str:
    match order:
        case {"action": "fault", "vm": vm, "fault": fault}:
            _find(lab, vm).fault(Fault(fault))
        case {"action": "heal", "vm": vm}:
            _find(lab, vm).heal()
        case {"action": "cut", "vm": vm, "up": None, "down": None}:
            _find(lab, vm).cut_now()
        case {"action": "cut", "vm": vm, "up": up, "down": down, "times": times}:
            _find(lab, vm).cut_after(up, down, times)
        case {"action": "kill", "vm": vm}:
            _find(lab, vm).kill_sessions()
        case _:
            pass  # just the status
    return describe(lab)


def _find(lab: Lab, name: str) -> Vm:
    try:
        return lab.vms[name]
    except KeyError:
        message = f"no VM {name}: there are {', '.join(lab.vms)}"
        raise LabError(message) from None


def _path(root: Path) -> Path:
    return root / "control"
