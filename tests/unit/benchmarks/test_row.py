"""What the table of the benchmarks says of its numbers."""

from __future__ import annotations

import json

from benchmarks import table
from benchmarks.row import Row, Verdict, percentile


def test_a_ratio_is_that_of_the_medians() -> None:
    row = Row(key="k", work="w", beside="b", goal=2.0, ours=(9.0, 2.0, 4.0), theirs=(2.0, 1.0, 7.0))
    assert row.measured == 2.0
    assert row.verdict is Verdict.PASS


def test_a_ratio_above_its_goal_fails() -> None:
    row = Row(key="k", work="w", beside="b", goal=1.9, ours=(4.0,), theirs=(2.0,))
    assert row.verdict is Verdict.FAIL


def test_without_anything_beside_the_goal_is_for_our_own_value() -> None:
    assert Row(key="k", work="w", goal=6.0, ours=(5.0, 5.5, 60.0)).verdict is Verdict.PASS
    assert Row(key="k", work="w", goal=6.0, ours=(6.5,)).verdict is Verdict.FAIL


def test_a_row_without_a_goal_is_for_information() -> None:
    assert Row(key="k", work="w", ours=(1.0,)).verdict is Verdict.NO_GOAL


def test_a_row_that_could_not_be_measured_says_why_in_every_form() -> None:
    row = Row(key="k", work="w", beside="b", goal=1.0, ours=(1.0,), problem="no black hole here")
    assert row.verdict is Verdict.NOT_MEASURED
    assert "no black hole here" in table.plain([row])
    assert "no black hole here" in table.markdown({}, [row])


def test_the_99th_of_a_hundred_samples_is_the_last_but_one() -> None:
    assert percentile(tuple(float(number) for number in range(100, 0, -1)), 99) == 99.0


def test_a_row_comes_back_from_json_as_it_was() -> None:
    row = Row(key="k", work="w", beside="b", goal=0.5, ours=(1.5,), theirs=(2.0,), note="n")
    assert Row.from_dict(json.loads(json.dumps(row.as_dict()))) == row
