"""Connections that break while a command runs: it runs exactly once, and its end is still told."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from tests.integration.doors import (
    Told,
    command_line,
    python,
    told,
    told_by_both,
    work_until_told,
)
from tests.integration.vm_processes import wait_until
from tests.lab import Fault, Vm

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future, ThreadPoolExecutor
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.integration.doors import Result

REATTACHED = Told(outcome="SUCCESS", reason="ok", exit_code=0, attempts=2)
LOST = Told(outcome="FAILURE", reason="lost_contact", attempts=2)


def runs(vm: Vm) -> list[Path]:
    """What `work_until_told` leaves behind each time it starts."""
    return list(vm.home.glob("run-*"))


def ask_both(
    pool: ThreadPoolExecutor, here: Dispatcher, vm: Vm, log: Callable[[str], None] | None = None
) -> Future[tuple[Result, Result]]:
    """Run `work_until_told` through both doors, and return when both commands run."""
    command = work_until_told(vm)
    asked = pool.submit(lambda: told_by_both(here, vm.name, command, timeout=120, log=log))
    wait_until(lambda: len(runs(vm)) == 2, 60, "both commands run")
    return asked


BREAKS = {"a reset by the network": Vm.cut_now, "a killed sshd": Vm.kill_sessions}


@pytest.mark.parametrize("break_it", BREAKS.values(), ids=BREAKS)
def test_a_broken_connection_is_taken_up_again(
    here: Dispatcher, epyc6: Vm, pool: ThreadPoolExecutor, break_it: Callable[[Vm], None]
) -> None:
    asked = ask_both(pool, here, epyc6)
    break_it(epyc6)
    (epyc6.home / "finish").touch()
    for result in asked.result():
        assert told(result) == REATTACHED
        assert result["stdout"] == "before\nafter\n"
    assert len(runs(epyc6)) == 2


def test_a_command_whose_connection_stays_lost_goes_on_and_can_be_read_later(
    here: Dispatcher, epyc6: Vm, pool: ThreadPoolExecutor
) -> None:
    asked = ask_both(pool, here, epyc6)
    epyc6.fault(Fault.REFUSE)
    epyc6.cut_now()
    results = asked.result()
    (epyc6.home / "finish").touch()
    epyc6.heal()
    for result in results:
        assert told(result) == LOST
        assert f"dx-dispatch --logs {result['session_id']}" in result["error"]
    answer = here.run("--logs", results[0]["session_id"], "--json")
    assert (answer.code, answer.result["outcome"]) == (0, "SUCCESS")
    assert answer.result["stdout"] == "before\nafter\n"
    assert len(runs(epyc6)) == 2


def test_a_connection_that_stalls_is_given_up_and_taken_up_again(
    here: Dispatcher, epyc6: Vm, pool: ThreadPoolExecutor
) -> None:
    def heal_at_the_retry(line: str) -> None:
        if line.startswith("retry "):
            epyc6.heal()

    asked = ask_both(pool, here, epyc6, heal_at_the_retry)
    epyc6.fault(Fault.STALL)
    (epyc6.home / "finish").touch()
    for result in asked.result():
        assert told(result) == REATTACHED
        assert result["stdout"] == "before\nafter\n"
    assert len(runs(epyc6)) == 2


def test_a_connection_that_stalls_for_good_is_lost(
    here: Dispatcher, epyc6: Vm, pool: ThreadPoolExecutor
) -> None:
    asked = ask_both(pool, here, epyc6)
    epyc6.fault(Fault.STALL)
    results = asked.result()
    (epyc6.home / "finish").touch()
    assert [told(result) for result in results] == [LOST, LOST]


CUTS = [
    {"up": 0}, {"up": 2000}, {"up": 6000}, {"up": 30_000}, {"up": 70_000},
    {"down": 1}, {"down": 1800}, {"down": 3500}, {"down": 20_000}, {"down": 200_000},
]  # fmt: skip
"""Bytes: from before the first, through ssh's handshake and our script's upload, to the output."""


def long_both_ways() -> str:
    """Return a command with 100 kB that ssh can't compress, and about as much output."""
    padding = secrets.token_urlsafe(75_000)
    return (
        "mktemp run-XXXXXX >/dev/null; for n in 1 2 3 4; do head -c 75000 /dev/urandom | base64;"
        f" sleep 0.2; done; echo all; : {padding}"
    )


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_a_cut_at_any_byte_costs_one_attempt_and_no_second_run(
    here: Dispatcher, epyc6: Vm, cut: dict[str, int]
) -> None:
    work_until_told(epyc6)
    for count, door in enumerate((lambda: command_line(here, "epyc6", long_both_ways()),
                                  lambda: python("epyc6", long_both_ways())), start=1):  # fmt: skip
        here.drop_connections()
        epyc6.cut_after(**cut)
        result = door()
        assert told(result) == REATTACHED
        assert result["stdout"].endswith("\nall\n")
        assert len(result["stdout"]) > 400_000
        assert len(runs(epyc6)) == count
