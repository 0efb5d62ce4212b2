"""Plays rounds on the lab's machines, on each machine one at a time."""

from __future__ import annotations

import hashlib
import json
import queue
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from tests.chaos.judge import Evidence, Told
from tests.chaos.kills import kill
from tests.integration.dispatcher import Dispatcher
from tests.integration.vm_processes import left_on, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.chaos.plan import Plan
    from tests.lab import Lab, Vm

__all__ = ["lines_in", "play_rounds"]

_PATIENCE = 150.0
"""Seconds after which a client counts as hung."""

_Moment = tuple[float, "Callable[[], None]"]


def play_rounds(
    lab: Lab, plans: Iterable[Plan], on_round: Callable[[Evidence], None], *, machines: int = 3
) -> list[Evidence]:
    """Play all rounds, and call ``on_round`` after each, from a thread for each machine."""
    waiting: queue.SimpleQueue[Plan] = queue.SimpleQueue()
    for plan in plans:
        waiting.put(plan)

    def work(vm: Vm) -> list[Evidence]:
        played = []
        stage = _Stage(lab, vm)
        try:
            with suppress(queue.Empty):
                while True:
                    played.append(stage.play(waiting.get_nowait()))
                    on_round(played[-1])
        finally:
            stage.close()
        return played

    chosen = list(lab.vms.values())[:machines]
    with ThreadPoolExecutor(len(chosen)) as pool:
        return [one for played in pool.map(work, chosen) for one in played]


class _Stage:
    """One machine, and two users of it."""

    def __init__(self, lab: Lab, vm: Vm) -> None:
        self.vm = vm
        self._inventory = lab.inventory
        self._pairs: dict[bool, tuple[Dispatcher, Dispatcher]] = {}
        self.users = self._pair(engines=False)
        began = time.monotonic()
        self.users[0].run(vm.name, "--exec", "true")
        self.usual = time.monotonic() - began

    def close(self) -> None:
        for pair in self._pairs.values():
            for user in pair:
                user.close()

    def _pair(self, *, engines: bool) -> tuple[Dispatcher, Dispatcher]:
        """The users with engines or without, who are made for the first round that wants them."""
        if engines not in self._pairs:
            first, second = (Dispatcher(self._inventory, engines=engines) for _ in range(2))
            self._pairs[engines] = first, second
        return self._pairs[engines]

    def play(self, plan: Plan) -> Evidence:
        self._prepare(plan)
        cast = _Cast(self, plan)
        try:
            told = cast.perform()
        finally:
            self.vm.heal()
        wait_until(lambda: not left_on(self.vm), _PATIENCE, "nothing runs on the VM any more")
        follower = self.users[0].start("--logs", self.session(plan), "--json")
        follow_up = self.collect(plan, "follow-up", follower)
        return Evidence(
            plan=plan, vm=self.vm.name, told=told, follow_up=follow_up, lines=self.lines(plan)
        )

    def _prepare(self, plan: Plan) -> None:
        self.users = self._pair(engines=plan.engines)
        for user in self.users if plan.reconnect else ():
            user.drop_connections()
        for script in self.vm.home.glob(".local/state/dxansible/keeper-*") if plan.bare else ():
            script.unlink()
        if plan.cut_up is not None or plan.cut_down is not None:
            self.vm.cut_after(plan.cut_up, plan.cut_down, plan.cuts)

    def session(self, plan: Plan) -> str:
        """The id of the round's session."""
        return f"{plan.run_id}-{hashlib.sha256(self.vm.name.encode()).hexdigest()[:8]}"

    def lines(self, plan: Plan) -> int:
        """How often the command has run."""
        return lines_in(self.vm.home / plan.file)

    def send(self, plan: Plan, user: Dispatcher) -> subprocess.Popen[bytes]:
        """Start a client that sends the round's command."""
        return user.start(self.vm.name, "--exec", plan.command, "--run-id", plan.run_id, "--json")

    def collect(self, plan: Plan, who: str, client: subprocess.Popen[bytes]) -> Told:
        """Wait for the end of a client; one that hangs is killed, and says nothing."""
        try:
            out, err = client.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            client.kill()
            client.communicate()
            return Told(who=who, code=1, lines=self.lines(plan), error="it hung")
        return _told(who, client.returncode, self.lines(plan), out, err)


def lines_in(path: Path) -> int:
    """How many lines a file has; 0 if it is not there."""
    try:
        return len(path.read_text().splitlines())
    except FileNotFoundError:
        return 0


def _told(who: str, code: int, lines: int, out: bytes, err: bytes) -> Told:
    try:
        (result,) = json.loads(out)["results"]
    except (ValueError, KeyError):
        words = (out + err).decode(errors="replace").strip()[-500:]
        return Told(who=who, code=code, lines=lines, error=words)
    return Told(
        who=who,
        code=code,
        lines=lines,
        outcome=result["outcome"],
        reason=result["reason"],
        error=result["error"] or "",
        output=result["stdout"],
        cut=any(result["truncation"].values()),
        gone=result["stop_verified"],
    )


class _Cast:
    """The clients of one round."""

    def __init__(self, stage: _Stage, plan: Plan) -> None:
        self.stage = stage
        self.plan = plan
        self.clients = {"client": stage.send(plan, stage.users[0])}

    def perform(self) -> tuple[Told, ...]:
        """Let everything happen in its time, and hear what each client says at its very end."""
        began = time.monotonic()
        moments = self._moments()
        told: dict[str, Told] = {}
        while moments or len(told) < len(self.clients):
            while moments and time.monotonic() - began >= moments[0][0]:
                moments.pop(0)[1]()
            hung = time.monotonic() - began > _PATIENCE
            for who, client in self.clients.items():
                if who not in told and (client.poll() is not None or hung):
                    told[who] = self.stage.collect(self.plan, who, client)
            time.sleep(0.01)
        return tuple(told.values())

    def _moments(self) -> list[_Moment]:
        plan, vm = self.plan, self.stage.vm
        kills = [(moment, partial(self._kill, name)) for moment, name in plan.kills]
        wanted: tuple[tuple[float | None, Callable[[], None]], ...] = (
            *((moment, vm.cut_now) for moment in plan.resets),
            (plan.kill_sessions, vm.kill_sessions),
            (plan.kill_client, self._kill_and_send_again),
            (plan.rival, self._race),
            *kills,
            (plan.aborts, self._abort_twice),
        )
        scale = self.stage.usual + plan.before + plan.after
        return sorted(
            ((moment * scale, what) for moment, what in wanted if moment is not None),
            key=lambda pair: pair[0],
        )

    def _kill_and_send_again(self) -> None:
        self.clients["client"].kill()
        self.clients["successor"] = self.stage.send(self.plan, self.stage.users[0])

    def _kill(self, name: str) -> None:
        kill(name, self.stage.users[0], self.stage.vm)

    def _abort_twice(self) -> None:
        session = self.stage.session(self.plan)
        for number, user in enumerate(self.stage.users, 1):
            self.clients[f"abort {number}"] = user.start("--abort", session, "--json")

    def _race(self) -> None:
        user = self.stage.users[0 if self.plan.same_home else 1]
        self.clients["rival"] = self.stage.send(self.plan, user)
