"""One history: a plan, played from its first event to its last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulation.client import HOST, Client
from tests.simulation.loop import Chance, EndlessError, Loop
from tests.simulation.network import Network
from tests.simulation.supervisor import clean
from tests.simulation.turn_client import TurnClient
from tests.simulation.vm import Vm

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["History", "Moment"]

_AFTER = 150.0
"""Seconds that a history goes on after its last client: calls may still be on their way."""
_HORIZON = 30 * 86400.0


class Moment(NamedTuple):
    """The truth about a session at the end of a client."""

    living: int
    began: int


class History:
    """Plays a plan."""

    def __init__(self, plan: Mapping[str, Any], host: str = HOST, loop: Loop | None = None) -> None:
        """``plan`` is as in `plan`. Histories of several hosts share a ``loop``."""
        self.plan, self.host = plan, host
        self.loop = loop or Loop()
        self.chance = Chance(int(plan["seed"]))
        self.wall_offset = 0.0
        """How far the clients' wall clock is set off."""
        self.vm = Vm(plan, self.loop, self.chance)
        self.network = Network(plan, self.loop, self.vm, self.chance)
        self.clients = [
            (TurnClient if "turns" in plan else Client)(self, each, number)
            for number, each in enumerate(plan["clients"], start=1)
        ]
        self.moments: dict[int, Moment] = {}
        self.endless = False
        self.numbers = len(self.clients)
        """Of all clients, also of those that a call makes."""
        self._left = len(self.clients)

    def play(self) -> History:
        """Play the plan to its end."""
        self.schedule()
        try:
            self.loop.run(_HORIZON)
        except EndlessError:
            self.endless = True
        return self

    def schedule(self) -> None:
        """Enter what the plan says into the loop."""
        loop = self.loop
        for client in self.clients:
            loop.at(client.plan["at"], client.begin)
            if client.plan.get("killed") is not None:
                loop.at(client.plan["killed"], client.kill)
        for fault in self.plan["faults"]:
            if "at" in fault:
                loop.at(fault["at"], self._befall, fault)
            if fault["kind"] in {"no_processes", "disk"}:
                loop.at(fault["from"], self._set, fault["kind"], True)  # noqa: FBT003 - a value
                loop.at(fault["to"], self._set, fault["kind"], False)  # noqa: FBT003 - as above

    def client_ended(self) -> None:
        """Note the truth at the end of a client."""
        for client in self.clients:
            if client.ended is not None and client.number not in self.moments:
                works = client.works
                living = sum(work.living for work in works)
                self.moments[client.number] = Moment(living, len(works))
                self._left -= 1
        if not self._left and "caller" not in self.plan:
            self.loop.after(_AFTER, self._stop)

    def _stop(self) -> None:
        self.loop.stopped = True

    def _set(self, kind: str, holds: bool) -> None:  # noqa: FBT001 - as above
        if kind == "disk":
            self.vm.disk_full = holds
            for session in self.vm.sessions.values():
                session.room = False
        else:
            self.vm.no_processes = holds

    def _befall(self, fault: Mapping[str, Any]) -> None:
        vm = self.vm
        match fault["kind"]:
            case "reboot":
                self._shut_down(fault)
            case "power":
                vm.go_down("power", fault["lag"])
                self.loop.after(fault["off"], vm.come_up)
            case "end_all":
                vm.end_all()
            case "kill":
                self._kill(fault["what"])
            case "clock":
                vm.wall_offset += fault["by"] if fault["whose"] == "vm" else 0
                self.wall_offset += fault["by"] if fault["whose"] == "client" else 0
            case "clean":
                clean(vm, 7)
            case _:
                raise AssertionError(fault)

    def _shut_down(self, fault: Mapping[str, Any]) -> None:
        vm = self.vm
        for process in list(vm.processes):
            if process.kind == "supervise":
                process.signal("killed")
        self.loop.after(fault["grace"], vm.go_down, "down")
        self.loop.after(fault["grace"] + fault["off"], vm.come_up)

    def _kill(self, what: str) -> None:
        vm = self.vm
        if what == "command":
            for session in vm.sessions.values():
                if session.work is not None and session.work.running:
                    session.work.end("exit", 137)
                    vm.wake_supervisor(session)
            return
        for process in list(vm.processes):
            if (process.kind == "supervise") == (what == "supervisor"):
                vm.kill(process)
