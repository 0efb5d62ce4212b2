"""Rules of a run over nodes: how the part from here goes on, and where a lost part goes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dxansible.mesh.parts import Parts
from dxansible.mesh.route import Attempt, Known, Lost, route
from dxansible.run.request import Again, PlayEnd, PlayRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

END = PlayEnd(status="successful", exit_code=0)


def test_the_part_from_here_goes_on_as_the_run_says_when_ansible_is_killed() -> None:
    def prepare(left: str, why: str, began: float) -> dict[str, object]:
        return {"left": left, "why": why, "began": began}

    def follow_here(_take: Callable[[dict[str, Any]], None], again: Again) -> PlayEnd:
        told.append(again.prepare(again.rest(), "killed", 5.0))
        return END

    told: list[object] = []
    request = PlayRequest(
        playbook=Path("play.yml"), inventory=(), limit="all", variables={}, runtime_dir=Path("/"),
        began=1.0,
    )  # fmt: skip
    again = Again(rest=lambda: "web,db", prepare=prepare)
    parts = Parts(request, Path("/no-receptor"), lambda _raw: None, again, threading.Event())

    assert parts.follow(follow_here) == END
    assert told == [{"left": "web,db", "why": "killed", "began": 5.0}]


class Run(Known):
    """A run of which tests say what has ended, and which pages are full."""

    def __init__(self) -> None:
        self.ended: set[str] = set()
        self.full = False
        self.why: list[str] = []

    def left(self, hosts: Sequence[str]) -> Sequence[str]:
        return [host for host in hosts if host not in self.ended]

    def next_page(self, hosts: Sequence[str]) -> dict[str, Any] | None:
        return {"page": list(hosts)} if self.full else None

    def usable(self) -> Sequence[str]:
        return ["a", "b"]

    def prepare(self, hosts: Sequence[str], why: str) -> dict[str, Any]:
        self.why.append(why)
        return {"attach": list(hosts)}


def test_a_lost_part_goes_to_each_node_once_and_then_here() -> None:
    run = Run()
    steps = route("a", ["web", "db"], run)
    attempts = [next(steps), steps.send(Lost("off", started=False))]
    run.ended.add("db")
    attempts.append(steps.send(Lost("cut", started=True)))

    assert attempts == [
        Attempt(node="a", hosts=["web", "db"]),
        Attempt(node="b", hosts=["web", "db"]),
        Attempt(node=None, hosts=["web"], variables={"attach": ["web"]}),
    ]
    assert run.why == ["the execution node b was lost: cut"]
    assert next(steps, None) is None


def test_a_full_page_is_no_loss() -> None:
    run = Run()
    steps = route("a", ["web"], run)
    next(steps)
    run.full = True

    assert steps.send(None) == Attempt(node="a", hosts=["web"], variables={"page": ["web"]})
    run.full = False
    assert steps.send(None).variables == {"attach": ["web"]}
    assert "without a result" in run.why[0]


def test_a_part_whose_hosts_have_ended_is_over() -> None:
    run = Run()
    steps = route("a", ["web"], run)
    next(steps)
    run.ended.add("web")

    assert next(steps, None) is None
