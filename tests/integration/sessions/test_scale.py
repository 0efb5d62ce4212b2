"""A VM with many sessions: all are listed, soon; and cleaned, but for those that run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.dispatcher import Dispatcher
from tests.integration.inventories import variables_of, write_hosts
from tests.integration.sessions.work import (
    await_end,
    begin,
    forget_sessions,
    on_vm,
    turn_directory,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.lab import Lab, Vm

ENDED, RUNNING = 500, 50
LIMIT_SEC = 2.0
BUSY = 5.0
"""On a busy machine: how many times as long as without any session."""


@pytest.fixture
def crowded(lab: Lab, epyc6: Vm, tmp_path: Path) -> Iterator[Dispatcher]:
    """Somebody whose inventory has one machine under many names, and an empty one."""
    forget_sessions(epyc6)
    forget_sessions(lab.vms["macmini"])
    names = ["epyc6", *(f"name{number:02}" for number in range(RUNNING))]
    variables = variables_of(epyc6) | {"dx_agent": "shell"}
    empty = {"empty": variables_of(lab.vms["macmini"])}
    inventory = write_hosts(tmp_path, dict.fromkeys(names, variables) | empty)
    user = Dispatcher(inventory, engines=True)
    yield user
    user.close()
    forget_sessions(epyc6)


def _fill(user: Dispatcher, vm: Vm) -> set[str]:
    """Start and copy sessions, and return the ids of those that run."""
    model = begin(user, "echo hi; exit 3")
    await_end(vm, model)
    on_vm(
        vm,
        f"cd {turn_directory(vm, model).parent}; i=1; while [ $i -lt {ENDED} ]; do"
        f" cp -a {model}.1 $(printf 'ses_%016x-54150442.1' $i); i=$((i + 1)); done",
    )
    answer = user.run("all:!epyc6:!empty", "echo hi; exec sleep 1000")
    assert answer.code == 0, answer.err
    running = {line.split()[0] for line in answer.out.decode().splitlines()}
    assert len(running) == RUNNING
    return running


def _list(user: Dispatcher, running: set[str]) -> float:
    """See that all are listed, and return how long that takes."""
    answer = user.run("--sessions", "epyc6", "--json")
    listed = [(each["state"], each["session_id"]) for each in answer.document["sessions"]]
    assert len(listed) == ENDED + RUNNING
    assert {name for state, name in listed if state == "running"} == running
    assert sum(state == "failed" for state, _ in listed) == ENDED
    return round(answer.seconds, 2)


@pytest.mark.long
def test_hundreds_of_sessions_are_listed_soon_and_cleaned_but_for_those_that_run(
    crowded: Dispatcher, epyc6: Vm, record_property: Callable[[str, object], None]
) -> None:
    running = _fill(crowded, epyc6)
    empty, seconds = [], []
    for _ in range(3):
        nobody = crowded.run("--sessions", "empty", "--json")
        assert nobody.document["sessions"] == []
        empty.append(round(nobody.seconds, 2))
        seconds.append(_list(crowded, running))
    record_property("seconds", seconds)
    print(f"{ENDED} ended and {RUNNING} running sessions listed in {seconds} s, none in {empty} s")  # noqa: T201
    (host,) = crowded.run("--clean", "epyc6", "--age", "0", "--json").document["hosts"]
    assert (len(host["removed"]), set(host["kept"])) == (ENDED, running)
    left = crowded.run("--sessions", "epyc6", "--json").document["sessions"]
    assert {each["session_id"] for each in left} == running
    assert {each["state"] for each in left} == {"running"}
    assert min(seconds) < max(LIMIT_SEC, BUSY * min(empty))
