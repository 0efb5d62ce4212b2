"""Output that a VM's full disk has lost is told in every place that tells of the turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import begin, on_vm
from tests.integration.small_disk import state_on_small_disk
from tests.integration.vm_processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.integration.sessions.work import Work
    from tests.lab import Vm

pytestmark = pytest.mark.resident

LOST = b"the VM's disk was full"


@pytest.fixture
def disk(epyc6: Vm, user: Dispatcher, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The directory of the VM's state on a small disk of its own, which has our script."""
    with state_on_small_disk(epyc6, request.param) as state:
        user.run("epyc6", "--exec", "true")
        yield state


small = pytest.mark.parametrize("disk", ["size=1m"], indirect=True)
few_inodes = pytest.mark.parametrize("disk", ["size=64m,nr_inodes=200"], indirect=True)


@small
@pytest.mark.long
def test_a_turn_whose_output_was_lost_says_so_everywhere(user: Dispatcher, disk: Path) -> None:
    answer = user.run("epyc6", "seq 200000", "--wait", "--json")
    result = answer.result
    assert (answer.code, result["outcome"]) == (4, "SUCCESS")
    assert answer.document["exit_code"] == 4
    assert result["truncation"]["disk_full"] is True
    session = result["session_id"]

    told = user.run("--logs", session, "--raw")
    assert told.code == 4
    assert told.out.startswith(b"1\n2\n3\n")
    assert told.err.count(LOST) == 2, "at the place, and in the summary"
    status = user.run("--status", session, "--json").document
    for each in (status["session"], status["last_turn"]):
        assert each["truncation"]["disk_full"] is True
    assert LOST in user.run("--status", session).out
    sessions = user.run("--sessions", "epyc6", "--json").document["sessions"]
    (listed,) = [each for each in sessions if each["session_id"] == session]
    assert listed["truncation"]["disk_full"] is True
    assert disk.is_mount()


@few_inodes
@pytest.mark.long
def test_a_disk_without_inodes_is_a_full_disk(
    user: Dispatcher, epyc6: Vm, disk: Path, work: Work
) -> None:
    session = begin(user, f"{work.task}; seq 1000000")
    work.runs()
    on_vm(epyc6, f"i=0; while true >{disk}/filler.$i; do i=$((i + 1)); done 2>/dev/null; true")
    work.end()
    wait_until(lambda: _ended(user, session), 60, "the turn ends")
    answer = user.run("--logs", session, "--json")
    assert answer.code == 4
    assert (answer.result["outcome"], answer.result["truncation"]["disk_full"]) == ("SUCCESS", True)


def _ended(user: Dispatcher, session: str) -> bool:
    status = user.run("--status", session, "--json").document
    return bool(status["last_turn"]["state"] == "ended")


@few_inodes
def test_a_command_on_a_disk_without_inodes_says_that_output_is_missing(
    user: Dispatcher, epyc6: Vm, disk: Path
) -> None:
    fill = f"i=0; while true >{disk}/filler.$i; do i=$((i + 1)); done 2>/dev/null"
    answer = user.run("epyc6", "--exec", f"({fill}); seq 1000000; echo end >&2")
    on_vm(epyc6, f"rm -f {disk}/filler.*")
    assert answer.code == 4
    assert answer.out.startswith(b"1\n2\n3\n")
    assert answer.err.count(LOST) == 2, "at the place, and in the summary"


@small
@pytest.mark.parametrize("form", ["--json", "--max-output=100000"])
def test_a_full_disk_is_in_the_exit_code_of_a_command(
    user: Dispatcher, disk: Path, form: str
) -> None:
    answer = user.run("epyc6", "--exec", "seq 1000000; echo end >&2", form, "--json")
    result = answer.result
    expected = "max" not in form
    assert disk.is_mount()
    assert result["truncation"]["disk_full"] is expected
    assert answer.code == (4 if expected else 0)
