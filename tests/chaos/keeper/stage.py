"""Plays rounds, each on a machine of its own."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import CallError, Reply
from ansible_collections.dxansible.fleet.plugins.plugin_utils.states import ENDED

from tests.chaos.keeper.judge import Answer, Evidence
from tests.integration.keeper.machine import wait_until
from tests.integration.keeper.machines import machine_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.keeper.plan import Plan
    from tests.integration.keeper.machine import Call, Machine

__all__ = ["play"]

_NAME = "s"


def play(plan: Plan) -> Evidence:
    """Play one round."""
    with (
        TemporaryDirectory(prefix="dxck-") as place,
        machine_with(plan.shell, Path(place)) as machine,
    ):
        return _Round(plan, machine).play()


class _Round:
    def __init__(self, plan: Plan, machine: Machine) -> None:
        self._plan, self._machine = plan, machine
        self._answers: list[Answer] = []
        self._options = {"deadline": plan.deadline, "wait": 1, "token": "t"}

    def play(self) -> Evidence:
        plan = self._plan
        events = [*((at, name, self._call) for at, name in plan.calls)]
        events += [(at, name, self._kill) for at, name in plan.kills]
        self._first = self._start()
        began = time.monotonic()
        with ThreadPoolExecutor(len(events) + 1) as pool:
            pool.submit(self._keep, "first start", self._first.reply)
            for at, name, do in sorted(events, key=lambda event: event[0]):
                time.sleep(max(0.0, began + at - time.monotonic()))
                pool.submit(do, name)
        self._settle()
        return Evidence(plan=plan, answers=tuple(self._answers), lines=self._lines())

    def _settle(self) -> None:
        """Wait for the end; what is lost is ended by an abort, as a client would."""
        reply = self._machine.wait_for_end(_NAME)
        if reply.state == "lost":
            self._keep("abort after the loss", lambda: self._machine.abort(_NAME))
        self._kill("command")  # a child that was left holds the streams open
        wait_until(lambda: not self._machine.processes())
        self._keep("the end", lambda: self._machine.poll(_NAME, wait=0))

    def _start(self) -> Call:
        return self._machine.begin(_NAME, self._plan.command, **self._options)

    def _call(self, name: str) -> None:
        match name:
            case "start":
                self._keep("start", self._start().reply)
            case "poll":
                self._keep("poll", lambda: self._machine.poll(_NAME, wait=1))
            case "abort":
                self._keep("abort", lambda: self._machine.abort(_NAME))
            case _:
                raise AssertionError(name)

    def _keep(self, call: str, ask: Callable[[], Reply]) -> None:
        try:
            reply = ask()
        except CallError as error:
            self._answers.append(Answer(call=call, state="", error=f"no answer ({error})"))
            return
        # what is so is looked up after the answer: it only may have become more
        alive = len(self._tagged(f"[{self._session}]")) if reply.state in ENDED else 0
        self._answers.append(
            Answer(
                call=call,
                state=reply.state,
                code=reply.code,
                verified=reply.verified,
                never=reply.never,
                out=reply.out,
                lines=self._lines(),
                alive=alive,
            )
        )

    def _kill(self, name: str) -> None:
        # what has gone since may have left its number to a stranger
        for pid in self._victims(name) & self._machine.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _victims(self, name: str) -> set[int]:
        ours = self._tagged(f"<{self._session}>")
        match name:
            case "start":
                return {self._first.pid}
            case "command":
                return self._tagged(f"[{self._session}]")
            case "supervisor":
                return self._supervisor()
            case "timers":
                return {pid for pid in ours if _program(pid) == "sleep"}
            case "spools":
                dds = {pid for pid in ours if _program(pid) == "dd"}
                return dds | ({_parent(pid) for pid in dds} & ours) - self._supervisor()
            case _:
                raise AssertionError(name)

    def _supervisor(self) -> set[int]:
        with suppress(OSError):
            word = (self._machine.session(_NAME) / "supervisor").read_text().split()[:1]
            return {int(each) for each in word if each.isdigit()}
        return set()

    @property
    def _session(self) -> str:
        return self._machine.session(_NAME).name

    def _tagged(self, tag: str) -> set[int]:
        """Processes that carry a tag, and are no zombies."""
        return {
            pid for pid in self._machine.processes() if f"DX_SESSION_TAG={tag}" in _environ(pid)
        }

    def _lines(self) -> int:
        with suppress(FileNotFoundError):
            return len((self._machine.home / "lines").read_text().splitlines())
        return 0


def _environ(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    return []


def _program(pid: int) -> str:
    """The program's name; that of a busybox applet is its first argument."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return words[0].decode(errors="replace").rpartition("/")[2]
    return ""


def _parent(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0
