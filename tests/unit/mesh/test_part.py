"""Rules of one part at a node: what is lost, what is left there, and what its silence means."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from dxansible.mesh import part as module
from dxansible.mesh.part import Part
from dxansible.mesh.receptor import MeshError, Node
from dxansible.mesh.route import Lost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dxansible.mesh.receptor import Receptor
    from dxansible.mesh.units import Units
    from tests.unit.clock import Clock

SIGN, NEWS = {"event": "keepalive"}, {"event": "runner_on_ok"}
END = {"status": "successful"}
PINGED = "when all pings are answered"


class Mesh:
    """A receptor with one node, and the units of the call.

    It answers reads with ``script``: bytes, lines and seconds of silence.
    """

    def __init__(self, clock: Clock, script: list[Any]) -> None:
        self.clock, self.script = clock, script
        self.submitted: str | None = "unit1"
        self.refuses: MeshError | None = None
        self.pings: list[str | None] = []
        self.pinged, self.over = threading.Event(), threading.Event()
        self.units: list[str] = []
        self.leaving = False
        self.events: list[dict[str, Any]] = []
        self.last: dict[str, Any] | None = None
        """The last event that is wanted."""
        self.unknown: list[MeshError] = []
        """What the node says before it knows the unit."""
        self.read_from: list[tuple[str | None, int]] = []
        self.signed = True

    def take(self, event: dict[str, Any]) -> bool:
        self.events.append(event)
        return event == self.last

    def submit(self, _node: Node, _payload: bytes, created: Callable[[str], None]) -> str:
        if self.submitted:
            created(self.submitted)
        if self.refuses:
            raise self.refuses
        return "unit1"

    @contextmanager
    def results(
        self, _unit: str, start: int = 0, node: str | None = None
    ) -> Iterator[Callable[[float], bytes | None]]:
        self.read_from.append((node, start))
        if node is not None and self.unknown:
            raise self.unknown.pop()
        yield self._read

    def _read(self, _seconds: float) -> bytes | None:
        step = self.script.pop(0) if self.script else b""
        if isinstance(step, float):
            self.clock.sleep(step)
            return None
        if step == PINGED:
            assert self.pinged.wait(10)
            return None
        return step if isinstance(step, bytes) else json.dumps(step).encode() + b"\n"

    def detail(self, _unit: str) -> str:
        return "as receptor says"

    def ping(self, _node: str) -> str | None:
        if self.pings:
            return self.pings.pop(0)
        self.pinged.set()
        self.over.wait(10)
        return None

    def created(self, unit: str, _node: str) -> None:
        self.units.append(unit)

    def release(self, unit: str, *, leaving: bool) -> None:
        self.units.remove(unit)
        self.leaving = leaving
        self.over.set()


@pytest.fixture
def follow(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Mesh]]:
    """Follow a part to its end. Returns its mesh, or raises Lost; no unit is left in any case."""
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock, sleep=clock.sleep))
    made: list[Mesh] = []

    def followed(*script: Any, **given: Any) -> Mesh:  # noqa: ANN401 - steps, and the mesh's fields
        mesh = Mesh(clock, list(script))
        made.append(mesh)
        vars(mesh).update(given)
        receptor, units = cast("Receptor", mesh), cast("Units", mesh)
        node = Node(name="exec1", signed=mesh.signed)
        part = Part(receptor, node, units, mesh.take, threading.Event())
        part.follow(b"payload")
        return mesh

    yield followed
    assert [mesh.units for mesh in made] == [[] for _ in made]


def test_its_events_come_until_its_end_and_none_after_it(follow: Callable[..., Mesh]) -> None:
    halves = json.dumps(NEWS).encode() + b"\n"

    found = follow(SIGN, halves[:5], halves[5:], b"\nno word of a worker\n", END, NEWS)

    assert found.events == [SIGN, NEWS]


def test_an_end_of_its_output_is_no_end_of_its_work(follow: Callable[..., Mesh]) -> None:
    with pytest.raises(Lost, match="ended early: killed as receptor says") as lost:
        follow(SIGN, b"killed\n", b"")

    assert lost.value.started


def test_a_node_without_signatures_is_read_itself_as_soon_as_it_knows_the_unit(
    follow: Callable[..., Mesh], tmp_path: Path
) -> None:
    unknown = [MeshError("unknown work unit", tmp_path)] * 2

    found = follow(SIGN, NEWS, END, signed=False, unknown=unknown)

    assert found.read_from == [("exec1", 0)] * 3
    assert found.events == [SIGN, NEWS]


@pytest.mark.parametrize("known", [True, False])
def test_what_the_node_itself_does_not_tell_comes_from_the_receptor_here(
    follow: Callable[..., Mesh], tmp_path: Path, *, known: bool
) -> None:
    news = json.dumps(NEWS).encode() + b"\n"
    unknown = [] if known else [MeshError("unknown work unit", tmp_path)] * 9
    there = [SIGN, news[:5], b""] if known else []
    size = len(json.dumps(SIGN)) + 1 + 5

    found = follow(*there, news[5:] if known else NEWS, END, signed=False, unknown=unknown)

    assert found.read_from[-1] == (None, size if known else 0)
    assert found.events == ([SIGN, NEWS] if known else [NEWS])


def test_the_last_event_is_the_end_of_the_call_and_the_worker_leaves_by_itself(
    follow: Callable[..., Mesh],
) -> None:
    early = follow(SIGN, NEWS, 5.0, END, last=NEWS)
    late = follow(SIGN, NEWS, END)

    assert (early.events, early.script, early.leaving) == ([SIGN, NEWS], [5.0, END], True)
    assert not late.leaving


def test_a_part_that_was_sent_may_have_started(follow: Callable[..., Mesh], tmp_path: Path) -> None:
    error = MeshError("no answer", tmp_path)

    with pytest.raises(Lost) as after:
        follow(refuses=error)
    with pytest.raises(Lost) as before:
        follow(refuses=error, submitted=None)

    assert (after.value.started, before.value.started) == (True, False)


def test_silence_is_a_loss_only_after_a_while_and_a_start_takes_longer(
    follow: Callable[..., Mesh],
) -> None:
    quiet = [39.0, NEWS] * 5

    assert follow(100.0, SIGN, *quiet, END).events == [SIGN, *[NEWS] * 5]
    with pytest.raises(Lost, match="silent for 41 s"):
        follow(SIGN, 41.0, END)
    with pytest.raises(Lost, match="silent for 121 s"):
        follow(121.0, END)


def test_a_worker_that_stays_after_its_end_is_left(follow: Callable[..., Mesh]) -> None:
    assert follow(SIGN, END, 9.0, 2.0, NEWS).events == [SIGN]


@pytest.mark.parametrize("pings", [["no route"], ["no route", None, "no route"]])
def test_a_ping_without_an_answer_is_no_loss(
    follow: Callable[..., Mesh], pings: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PING_EVERY", 0.01)

    assert follow(SIGN, PINGED, 3.0, END, pings=pings).events == [SIGN]


def test_a_node_without_an_answer_to_two_pings_is_lost_unless_output_comes(
    follow: Callable[..., Mesh], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PING_EVERY", 0.01)

    heard = follow(SIGN, PINGED, 1.5, NEWS, 1.5, END, pings=["no route"] * 2)
    assert heard.events == [SIGN, NEWS]
    with pytest.raises(Lost, match="no route"):
        follow(SIGN, PINGED, 3.0, END, pings=["no route"] * 2)
