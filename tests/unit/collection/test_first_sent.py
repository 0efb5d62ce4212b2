"""Rules of telling a later run when work was first sent."""

from __future__ import annotations

import json
import time

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils import elapsed, first_sent

HOUR = 3600.0


def since(given: object) -> int:
    return first_sent.seconds_since(first_sent.read_stamp(given), 0)


def test_a_run_on_this_machine_knows_the_moment_itself() -> None:
    moment = elapsed.now() - HOUR
    carried = json.loads(json.dumps(first_sent.stamp(moment)))
    carried["ago"] = 0  # however long ago the stamp was made

    assert first_sent.read_stamp(carried) == moment


def test_a_run_on_another_machine_adds_the_time_that_the_stamp_may_have_taken() -> None:
    carried = first_sent.stamp(elapsed.now() - HOUR) | {"boot": "another", "at": 1e9}

    assert since(carried) >= HOUR + 120


def test_a_machine_without_a_boot_id_trusts_no_clock_but_its_own() -> None:
    carried = first_sent.stamp(elapsed.now() - HOUR) | {"boot": "", "at": 1e9}

    assert since(carried) >= HOUR + 120


@pytest.mark.parametrize("given", [60, 60.0, "60"])
def test_a_playbook_may_give_seconds(given: object) -> None:
    assert 60 <= since(given) < 120


@pytest.mark.parametrize("given", [None, "", "soon", float("nan"), {}, {"at": 1.0}, [1]])
def test_an_unknown_moment_is_longer_ago_than_any_machine_is_up(given: object) -> None:
    assert since(given) == 10**9


def test_the_seconds_count_the_time_until_the_call_arrives() -> None:
    moment = elapsed.now()

    assert first_sent.seconds_since(moment, 40) > 40


def test_the_clock_goes_on_while_the_machine_sleeps() -> None:
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    assert elapsed.now() == pytest.approx(time.clock_gettime(clock), abs=30)
