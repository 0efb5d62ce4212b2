"""Plays rounds on 50 real sshd, each of which has a home directory of its own."""

from __future__ import annotations

import re
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from benchmarks.fleet import Fleet
from tests.chaos.kept.calls import results_of, see_through
from tests.chaos.kept.judge import Evidence, Told
from tests.chaos.kills import kill
from tests.chaos.stage import lines_in
from tests.integration.dispatcher import Dispatcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Self

    from tests.chaos.kept.plan import Plan

__all__ = ["Stage"]

_PATIENCE = 600.0
"""Seconds after which a call counts as hung."""
_LONG_LIVED = "-C -o ControlMaster=auto -o ControlPersist=900"
"""A round may take longer than a minute, after which connections end by default."""
_EVENT = re.compile(r"^(success|failure|timeout|aborted|preflight_failed) host=(\S+)(.*)$")


class Stage:
    """The hosts, and two users of them: one has engines, the other none."""

    def __init__(self, fleet: Fleet, users: dict[bool, Dispatcher], names: Iterable[str]) -> None:
        """``users`` by whether they have engines. Take the time of an undisturbed call."""
        self._homes = {name: fleet.root / "vm" / name for name in names}
        self._users = users
        for user in users.values():
            user.environment["ANSIBLE_SSH_ARGS"] = _LONG_LIVED
        self._usual = {kept: self._time(user) for kept, user in users.items()}

    @classmethod
    @contextmanager
    def open(cls, hosts: int) -> Iterator[Self]:
        """Start the hosts, and leave nothing at the end."""
        with Fleet() as fleet, ExitStack() as leaving:
            inventory, users = fleet.inventory(hosts), {}
            for kept in (False, True):
                users[kept] = Dispatcher(inventory, engines=kept)
                leaving.callback(users[kept].close)
            yield cls(fleet, users, fleet.names(hosts))

    def play(self, plan: Plan) -> Evidence:
        """Play one round to its end, in which nothing of it runs any more."""
        user = self._users[plan.kept]
        if plan.warm:
            user.run("h001", "--exec", "true", "--no-slack", limit=_PATIENCE)
        arguments = ["all", "--exec", plan.command, "--run-id", plan.run_id, "-v"]
        arguments += ["--retries", str(plan.retries), *([] if plan.live else ["--json"])]
        with user.start(*arguments) as client:
            timers = [self._kill_later(plan, user, *kill) for kill in plan.kills]
            out, err = see_through(client, timers, _PATIENCE)
        words = err.decode(errors="replace")
        told = _live(out.decode(), words) if plan.live else results_of(out)
        lost = any(each.lost for each in told.values())
        return Evidence(
            plan=plan,
            code=client.returncode,
            told=told,
            later=self._follow(plan) if lost else {},
            ran=self.ran(plan),
            engine="engine_unused" not in words,
            words=words[-500:],
        )

    def _follow(self, plan: Plan) -> dict[str, Told]:
        """See the command through on all hosts that have it, as a user who knows only its id."""
        found = self._users[False].run("--logs", plan.run_id, "--json", limit=_PATIENCE)
        return results_of(found.out)

    def ran(self, plan: Plan) -> dict[str, int]:
        """How often each host has run the command of a round."""
        return {name: lines_in(home / plan.file) for name, home in self._homes.items()}

    def _time(self, user: Dispatcher) -> float:
        call = ("all", "--exec", "true", "--no-slack")
        user.run(*call, limit=_PATIENCE)  # which makes the connections
        began = time.monotonic()
        user.run(*call, limit=_PATIENCE)
        return time.monotonic() - began

    def _kill_later(
        self, plan: Plan, user: Dispatcher, moment: float, victim: str
    ) -> threading.Timer:
        timer = threading.Timer(
            moment * (self._usual[plan.kept] + plan.seconds), kill, (victim, user, None)
        )
        timer.start()
        return timer


def _live(out: str, log: str) -> dict[str, Told]:
    """By host, from the lines of output that have its name, and from the log."""
    output: dict[str, str] = {}
    for line in out.splitlines():
        host, _, text = line.partition(" | ")
        output[host.strip()] = output.get(host.strip(), "") + f"{text}\n"
    told = {}
    for event, host, rest in filter(None, map(_event, log.splitlines())):
        reason = re.search(r" reason=(\S+)", rest)
        told[host] = Told(
            outcome=event.upper(),
            reason=reason[1] if reason else "",
            output=output.get(host, ""),
            error=rest,
            attached=" attached=true" in rest,
        )
    return told


def _event(line: str) -> tuple[str, str, str] | None:
    found = _EVENT.match(line)
    return (found[1], found[2], found[3]) if found else None
