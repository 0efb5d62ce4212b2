"""Plays rounds on real sshd, through real receptors."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from benchmarks.fleet import Fleet
from tests.chaos.kept.calls import results_of, see_through
from tests.chaos.kept.judge import Evidence
from tests.chaos.kept.judge import violations as violations_of_hosts
from tests.chaos.kept.plan import Plan
from tests.chaos.stage import lines_in
from tests.integration.dispatcher import Dispatcher
from tests.lab.mesh import Mesh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Self

__all__ = ["Accident", "Round", "Stage", "draw", "violations"]

_NODES = ("exec1", "exec2", "exec3")
_PATIENCE = 900.0
"""Seconds after which a call counts as hung."""
_CLEARED = 120.0
"""Seconds for receptor to remove a lost node's unit once that node is back."""
_LONG_LIVED = "-C -o ControlMaster=auto -o ControlPersist=900"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accident:
    """What happens in a round; the moment is a fraction of the time of an undisturbed call."""

    plan: Plan
    node: str
    moment: float
    work_alone: bool
    """The node's work is killed, and not its receptor."""
    auto: bool
    """The hosts are spread by --via auto, not by their dx_node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a round has left behind."""

    accident: Accident
    evidence: Evidence
    moved: int
    """Parts that were handed on."""
    units: tuple[str, ...]
    """What receptors still keep at the end."""
    seconds: float


def draw(seed: int, number: int) -> Accident:
    """Return the accident of a round, always the same for a seed and a number."""
    dice = Random(f"mesh/{seed}/{number}")  # noqa: S311 - no cryptography
    plan = Plan(
        number=number,
        run_id=f"mesh_{seed}_{number}_{dice.getrandbits(32):08x}",
        kept=False,
        warm=False,
        kills=(),
        retries=1,
        live=False,
        lines=dice.choice((1, 40, 400)),
        pause=dice.choice((0, 0.5, 1.0, 2.0)),
    )
    return Accident(
        plan=plan,
        node=dice.choice(_NODES),
        moment=round(dice.uniform(0.3, 1.0), 3),
        work_alone=dice.random() < 0.3,
        auto=dice.random() < 0.5,
    )


def violations(played: Round) -> list[str]:
    """Return every broken promise of a round, in words."""
    found = violations_of_hosts(played.evidence)
    return found + ([f"units are left: {played.units}"] if played.units else [])


class Stage:
    """The hosts, the nodes and a user."""

    def __init__(self, fleet: Fleet, mesh: Mesh, user: Dispatcher, hosts: int) -> None:
        """Take the time of an undisturbed call; each round without a loss takes it again."""
        self._homes = {name: fleet.root / "vm" / name for name in fleet.names(hosts)}
        self._mesh, self._user = mesh, user
        user.environment["ANSIBLE_SSH_ARGS"] = _LONG_LIVED
        user.environment["DX_RECEPTOR_SOCKET"] = str(mesh.socket)
        user.run("all", "--exec", "true", limit=_PATIENCE)
        began = time.monotonic()
        user.run("all", "--exec", "true", limit=_PATIENCE)
        self._usual = time.monotonic() - began

    @classmethod
    @contextmanager
    def open(cls, hosts: int) -> Iterator[Self]:
        """Start everything, and leave nothing at the end."""
        with Fleet() as fleet, ExitStack() as leaving:
            inventory = fleet.inventory(hosts)
            _give_nodes(inventory, fleet.names(hosts))
            mesh = leaving.enter_context(Mesh(fleet.root / "mesh", _NODES))
            user = Dispatcher(inventory, engines=False)
            leaving.callback(user.close)
            yield cls(fleet, mesh, user, hosts)

    def play(self, accident: Accident) -> Round:
        """Play one round to its end."""
        plan, began = accident.plan, time.monotonic()
        arguments = ["all", "--exec", plan.command, "--run-id", plan.run_id, "-v", "--json"]
        arguments += ["--via", "auto"] if accident.auto else []
        with self._user.start(*arguments) as client:
            kill = self._mesh.kill_work if accident.work_alone else self._mesh.kill
            moment = accident.moment * (self._usual + plan.seconds)
            timer = threading.Timer(moment, kill, (accident.node,))
            timer.start()
            out, err = see_through(client, [timer], _PATIENCE)
        seconds = time.monotonic() - began
        moved = err.count(b"node_lost ")
        if not moved:  # other work on this machine may have begun, or ended
            self._usual = seconds - plan.seconds
        told = results_of(out)
        lost = any(each.lost for each in told.values())
        later = self._user.run("--logs", plan.run_id, "--json", limit=_PATIENCE) if lost else None
        words = err.decode(errors="replace")
        evidence = Evidence(
            plan=plan,
            code=client.returncode,
            told=told,
            later=results_of(later.out) if later else {},
            ran=self.ran(plan),
            words=words[-500:],
        )
        return Round(
            accident=accident,
            evidence=evidence,
            moved=moved,
            units=tuple(self._units_left()),
            seconds=seconds,
        )

    def ran(self, plan: Plan) -> dict[str, int]:
        """How often each host has run the command of a round."""
        return {name: lines_in(home / plan.file) for name, home in self._homes.items()}

    def _units_left(self) -> set[str]:
        self._mesh.heal()
        return self._wait(self._mesh.forgotten)

    def units_in_the_end(self) -> set[str]:
        """Return the units that receptors still keep once all nodes are back."""
        return self._wait(self._mesh.all_units)

    def _wait(self, find: Callable[[], set[str]]) -> set[str]:
        deadline = time.monotonic() + _CLEARED
        while (left := find()) and time.monotonic() < deadline:
            time.sleep(0.2)
        return left


def _give_nodes(inventory: Path, hosts: list[str]) -> None:
    for number, host in enumerate(hosts):
        node = _NODES[number % len(_NODES)]
        (inventory / "host_vars" / host / "node.yml").write_text(f"---\ndx_node: {node}\n")
