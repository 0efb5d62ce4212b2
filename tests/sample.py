"""Chooses the cases of a test that `make test` runs; `make test-full` runs every one of them.

A test with several parameters has a case for each combination of their values. Marked as sampled,
it runs a sample in which each value of each parameter is there at least once:

- ``sampled("form")`` names parameters whose values come in turn, from one case to the next. One
  test need not have them all; the name of the test says which one comes first.
- ``sampled(agent=2)`` is the same for a parameter of which a test has two values.
"""

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

__all__ = ["EVERY_CASE", "cover", "deselect"]

EVERY_CASE = bool(os.environ.get("DX_EVERY_CASE"))


def deselect(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not in the sample."""
    if EVERY_CASE:
        return
    tests: dict[tuple[str, str], list[pytest.Function]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("sampled") and hasattr(item, "callspec"):
            function: pytest.Function = item  # type: ignore[assignment] # nothing else has parameters
            tests[item.nodeid.partition("[")[0], function.originalname].append(function)
    left_out: set[pytest.Item] = set()
    for (_, name), functions in tests.items():
        mark = functions[0].get_closest_marker("sampled")
        assert mark is not None
        in_turn = {**dict.fromkeys(mark.args, 1), **mark.kwargs}
        kept = cover(_cases(functions), in_turn, sum(name.encode()))
        left_out |= {each for number, each in enumerate(functions) if number not in kept}
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]


def _cases(functions: Sequence[pytest.Function]) -> list[dict[str, int]]:
    """Return the number of each parameter's value; those of one decorator are one parameter."""
    decorated = [mark.args[0] for mark in functions[0].iter_markers("parametrize")]
    together = [each.split(",") if isinstance(each, str) else each for each in decorated]
    axes = {names[0].strip(): [name.strip() for name in names] for names in together}
    known = {name for names in axes.values() for name in names}
    axes |= {name: [name] for name in functions[0].callspec.params if name not in known}
    found: list[dict[str, int]] = [{} for _ in functions]
    for axis, names in axes.items():
        seen: list[list[object]] = []
        for case, function in zip(found, functions, strict=True):
            values = [function.callspec.params[name] for name in names]
            if values not in seen:
                seen.append(values)
            case[axis] = seen.index(values)
    return found


def cover(cases: Sequence[Mapping[str, int]], in_turn: Mapping[str, int], first: int) -> set[int]:
    """Return the numbers of the cases that have every value of every parameter.

    A case has the number of a value for each parameter. Of a parameter in ``in_turn`` so many
    values are needed, ``first`` and those after it; a single one is only what a case should have
    if it is needed anyway.
    """
    sizes = {name: 1 + max(case[name] for case in cases) for name in in_turn if name in cases[0]}
    needed = {pair for case in cases for pair in case.items() if pair[0] not in sizes}
    for name, size in sizes.items():
        if in_turn[name] > 1:
            needed |= {(name, (first + step) % size) for step in range(in_turn[name])}
    kept: set[int] = set()
    while needed or not kept:
        turn = {(name, (first + len(kept)) % size) for name, size in sizes.items()}
        gains = {
            number: (len(needed & case.items()), len(turn & case.items()))
            for number, case in enumerate(cases)
            if number not in kept
        }
        best = max(gains, key=gains.__getitem__)
        kept.add(best)
        needed -= cases[best].items()
    return kept
