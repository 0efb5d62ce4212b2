"""The way of a call to the VM and back, and what goes wrong on it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from ansible_collections.dxansible.fleet.plugins.plugin_utils import keeper
from ansible_collections.dxansible.fleet.plugins.plugin_utils.link import LinkError
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_errors import SshFailure

from tests.simulation.verbs import Call, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.simulation.loop import Chance, Loop
    from tests.simulation.process import Process
    from tests.simulation.vm import Vm

__all__ = ["Network"]

_SCRIPT = f"{keeper._shell(keeper._RUN)} "
_STORE = f"{keeper._shell(keeper._INSTALL)} "
_FAILURES = {
    "refused": (SshFailure.UNREACHABLE, 0.02),
    "dns": (SshFailure.UNRESOLVABLE, 0.01),
    "login": (SshFailure.AUTH, 0.1),
    "host_key": (SshFailure.HOST_KEY, 0.1),
    "off": (SshFailure.CONNECT_TIMEOUT, 5.0),
    "lost": (SshFailure.LOST, 3.0),
}
_KEEPALIVE = 15.0
"""Seconds until a client notices that the other side is gone."""
_NOISE = b"Last login: state=exited code=0\n\ndx-0123 state=exited\nWelcome!\n"
_NOLOGIN = 1, b"", b"This account is currently not available.\n"

Answer = tuple[int, bytes, bytes] | Exception


def failure_of(how: str) -> LinkError:
    """Return the error of a connection that fails like this."""
    return LinkError(_FAILURES[how][0], f"ssh: {how}")


class Network:
    """All connections to the VM. Faults are those of the plan, by the number of the call."""

    def __init__(self, plan: Mapping[str, Any], loop: Loop, vm: Vm, chance: Chance) -> None:
        """``plan`` is as in `plan`."""
        self._loop, self._vm, self._chance = loop, vm, chance
        self._windows = [each for each in plan["faults"] if each["kind"] == "net"]
        self._faults = {each["call"]: each for each in plan["faults"] if each["kind"] == "call"}
        self.calls: list[tuple[float, int, str, str]] = []
        """Moment, client, verb, and what became of each call."""

    def trouble(self, client: int) -> str | None:
        """Return how a connection fails at this moment; None if it doesn't."""
        now = self._loop.now
        for each in self._windows:
            if each["from"] <= now < each["to"] and each.get("client", client) == client:
                return str(each["how"])
        return None if self._vm.up else "off"

    def send(  # noqa: C901 - a case for each fault
        self, client: int, command: str, data: bytes, reply: Callable[[Answer], None]
    ) -> None:
        """Make a call. ``reply`` gets its answer or its error, unless there is none."""
        loop, chance = self._loop, self._chance
        number = len(self.calls)
        call = _parsed(command, data)
        fault = self._faults.get(number, {"how": "none"})
        trouble = self.trouble(client)
        self.calls.append((loop.now, client, call.verb, trouble or fault["how"]))
        if trouble is not None:
            if trouble in _FAILURES:
                loop.after(_FAILURES[trouble][1], reply, failure_of(trouble))
            return
        travel = 0.01 + 0.08 * chance()
        how, lost = fault["how"], failure_of("lost")
        after = float(fault.get("after", 1.0))
        match how:
            case "lost_before":
                loop.after(after, reply, lost)
            case "lost_after":
                loop.after(travel, self._deliver, call, _ignored)
                loop.after(travel + after, self._hang_up, call, reply, lost)
            case "late":
                loop.after(after, reply, lost)
                loop.after(after + fault["late"], self._deliver_late, call, self._vm.boot)
            case "silent":
                loop.after(travel, self._deliver, call, _ignored)
            case "cut_input":
                call.payload = call.payload[: int(fault["part"] * len(call.payload))]
                loop.after(travel, self._deliver, call, _ignored)
                loop.after(travel + after, reply, lost)
            case "nologin":
                loop.after(travel, reply, _NOLOGIN)
            case "twice":
                again = _parsed(command, data)
                loop.after(travel, self._deliver, call, self._twice(call, again, after, reply))
            case "slow":
                loop.after(travel + after, self._deliver, call, reply)
            case _:
                spoil = _spoiling(fault)
                loop.after(travel, self._deliver, call, lambda answer: reply(spoil(answer)))

    def _twice(
        self, call: Call, again: Call, seconds: float, reply: Callable[[Answer], None]
    ) -> Callable[[Answer], None]:
        """Return what makes an executed call once more, of which nobody hears."""

        def repeat(answer: Answer) -> None:
            if call.code == 0 and call.ended and (call.announced or call.verb != "start"):
                self._loop.after(seconds, self._deliver_late, again, self._vm.boot)
            reply(answer)

        return repeat

    def _deliver_late(self, call: Call, boot: str) -> None:
        if self._vm.boot == boot:  # no connection outlives a restart
            self._deliver(call, _ignored)

    def _deliver(self, call: Call, reply: Callable[[Answer], None]) -> None:
        if not self._vm.up:
            self._loop.after(1.0, reply, failure_of("lost"))
            return
        process = serve(self._vm, call)
        process.on_end = lambda how: self._ended(call, process, how, reply)

    def _ended(
        self, call: Call, process: Process, how: str, reply: Callable[[Answer], None]
    ) -> None:
        del process
        chance, answer = self._chance, (call.code, call.printed, b"")
        if how == "down":
            self._loop.after(_KEEPALIVE * chance(), reply, failure_of("lost"))
            return
        if how == "fork":
            answer = (2, call.printed, b"sh: 1: Cannot fork\n")
        elif how == "killed":
            if chance() < 0.5:
                self._loop.after(0.05, reply, failure_of("lost"))
                return
            answer = (137, call.printed, b"Killed\n")
        self._loop.after(0.01 + 0.08 * chance(), reply, answer)

    def _hang_up(self, call: Call, reply: Callable[[Answer], None], lost: Answer) -> None:
        """Lose a connection. A start that has not begun to publish ends with it."""
        process = call.process
        if process is not None and call.verb == "start" and not call.announced:
            process.on_end = None
            self._vm.kill(process)
        reply(lost)


def _ignored(_answer: Answer) -> None:
    """Nobody hears the answer."""


def _parsed(command: str, data: bytes) -> Call:
    if command.startswith(_STORE):
        return Call("install", {}, data)
    if not command.startswith(_SCRIPT):
        raise AssertionError(command[:200])
    rest = command[len(_SCRIPT) :]
    words = shlex.split(rest) if "'" in rest else rest.split(" ")
    return Call(words[0], dict(word.split("=", 1) for word in words[1:]), data)


def _spoiling(fault: Mapping[str, Any]) -> Callable[[Answer], Answer]:
    """Return what happens to an answer on its way."""

    def spoil(answer: Answer) -> Answer:
        if isinstance(answer, Exception):
            return answer
        code, out, err = answer
        match fault["how"]:
            case "cut":
                # the VM's own exit code comes after its output: some of it is here
                least = 2 if fault["code"] > 0 else 0
                return int(fault["code"]), out[: max(int(fault["part"] * len(out)), least)], err
            case "noise":
                return code, _NOISE + out + b"logout\n", err
            case "garbled":
                at = out.rfind(b"\ndx-", 0, out.find(b" state=")) + 1
                at += int(fault["part"] * 20)  # amid the mark; ssh protects the rest
                return code, out[:at] + b"\0\xff\n~#" + out[at + 5 :], err
            case _:
                return answer

    return spoil
