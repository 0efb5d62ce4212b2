"""Rules of the sample of cases that a test runs."""

from __future__ import annotations

from itertools import product

import pytest

from tests.sample import cover


def _cases(**sizes: int) -> list[dict[str, int]]:
    numbers = product(*(range(size) for size in sizes.values()))
    return [dict(zip(sizes, each, strict=True)) for each in numbers]


@pytest.mark.parametrize("first", [0, 7])
@pytest.mark.parametrize("sizes", [{"a": 7, "b": 6}, {"a": 2, "b": 2, "c": 9}, {"a": 1}])
def test_each_value_is_there_and_no_case_too_many(sizes: dict[str, int], first: int) -> None:
    cases = _cases(**sizes)
    kept = [cases[number] for number in cover(cases, {}, first)]

    for name, size in sizes.items():
        assert {case[name] for case in kept} == set(range(size))
    assert len(kept) == max(sizes.values())


def test_values_come_in_turn_where_a_case_is_needed_anyway() -> None:
    cases = _cases(call=6, engine=2)
    for first in range(2):
        kept = [cases[number] for number in cover(cases, {"engine": 1}, first)]
        assert sorted(case["call"] for case in kept) == list(range(6))
        assert sum(case["engine"] for case in kept) == 3


def test_a_test_has_one_value_or_so_many_of_those_that_come_in_turn() -> None:
    cases = _cases(agent=4)
    assert cover(cases, {"agent": 1}, 2) == {2}
    assert cover(cases, {"agent": 2}, 3) == {3, 0}
    assert cover(cases, {"other": 1}, 3) == {0, 1, 2, 3}
