"""Which situations sequences of calls come to, and the fewest sequences that come to them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.sequences import Model, make_sequence

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["fewest", "situations"]


def situations(seed: int) -> set[tuple[str, ...]]:
    """Return what changes a session in which state, and with which options."""
    model = Model()
    found: set[tuple[str, ...]] = set()
    bound: dict[str, str | None] = {}
    for step in make_sequence(seed):
        before = model.answer({"verb": "poll", "id": step["id"]})
        digest = step.get("digest")
        if step["verb"] == "start":
            bound.setdefault(step["id"], digest)
        other = digest is not None and bound.get(step["id"]) not in {None, digest}
        remnants = "remnants" in step and before["state"] == "exited"
        if step["verb"] in {"start", "abort", "settle"} or before["state"] == "running":
            found.add((step["verb"], _state(before), "other" * other, "remnants" * remnants))
        model.answer(step)
    return found


def _state(before: dict[str, Any]) -> str:
    marks = [name for name in ("tombstone", "left") if before[name]]
    return "-".join([before["state"], *marks])


def fewest(seeds: Iterable[int]) -> list[int]:
    """Return seeds whose sequences come to all the situations that those of ``seeds`` come to."""
    reached = {seed: situations(seed) for seed in seeds}
    left: set[tuple[str, ...]] = set().union(*reached.values())
    chosen: list[int] = []
    while left:
        best = max(reached, key=lambda seed: len(reached[seed] & left))
        left -= reached.pop(best)
        chosen.append(best)
    return chosen
