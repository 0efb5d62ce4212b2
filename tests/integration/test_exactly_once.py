"""Whatever breaks, and however often it is sent, a command of one run id runs once on a host."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

import pytest

from tests.chaos import Evidence, draw, play_rounds, violations
from tests.integration.vm_processes import wait_until, work_on
from tests.lab import Fault

if TYPE_CHECKING:
    import subprocess
    from typing import Any

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm

pytestmark = pytest.mark.engines


class Once:
    """A command that appends a line, then waits until it may end."""

    def __init__(self, vm: Vm) -> None:
        self.vm = vm
        self.run_id = f"once_{secrets.token_hex(6)}"
        self.command = (
            f"echo line >>lines-{self.run_id}; echo begun;"
            f" while [ ! -e end-{self.run_id} ]; do sleep 0.1; done; echo done"
        )

    @property
    def arguments(self) -> tuple[str, ...]:
        return ("epyc6", "--exec", self.command, "--run-id", self.run_id, "--json")

    @property
    def lines(self) -> int:
        path = self.vm.home / f"lines-{self.run_id}"
        return path.read_text().count("\n") if path.exists() else 0

    def end(self) -> None:
        (self.vm.home / f"end-{self.run_id}").touch()


@pytest.fixture
def once(epyc6: Vm) -> Once:
    return Once(epyc6)


def _result(client: subprocess.Popen[bytes]) -> dict[str, Any]:
    with client:
        out, err = client.communicate(timeout=120)
    assert out, err
    (result,) = json.loads(out)["results"]
    return dict(result)


@pytest.mark.resident
def test_a_command_sent_again_after_its_end_is_not_run_again(user: Dispatcher, once: Once) -> None:
    once.end()
    first, second = user.run(*once.arguments).result, user.run(*once.arguments).result
    assert first["stdout"] == second["stdout"] == "begun\ndone\n"
    assert first["session_id"] == second["session_id"]
    assert once.lines == 1


def test_the_successor_of_a_killed_client_attaches_and_gets_everything(
    user: Dispatcher, once: Once
) -> None:
    with user.start(*once.arguments) as killed:
        wait_until(lambda: once.lines == 1, 30, "the command runs")
        killed.kill()
    successor = user.start(*once.arguments)
    once.end()
    result = _result(successor)
    assert (result["outcome"], result["stdout"]) == ("SUCCESS", "begun\ndone\n")
    assert once.lines == 1


def test_clients_at_once_start_it_once_and_all_see_its_end(user: Dispatcher, once: Once) -> None:
    number = 5 if user.has_engines else 3  # an Ansible of each one's own takes longer
    clients = [user.start(*once.arguments) for _ in range(number)]
    wait_until(lambda: once.lines > 0, 60, "the command runs")
    once.end()
    results = [_result(client) for client in clients]
    assert [result["outcome"] for result in results] == ["SUCCESS"] * number
    assert {result["stdout"] for result in results} == {"begun\ndone\n"}
    assert once.lines == 1


@pytest.mark.resident
def test_a_second_host_runs_it_too(user: Dispatcher, lab: Lab, once: Once) -> None:
    names = ("epyc6", "macmini")
    for name in names:
        (lab.vms[name].home / f"end-{once.run_id}").touch()
        answer = user.run(name, *once.arguments[1:])
        assert answer.result["outcome"] == "SUCCESS"
    lines = f"lines-{once.run_id}"
    assert [(lab.vms[name].home / lines).read_text() for name in names] == ["line\n"] * 2


@pytest.mark.resident
def test_a_client_that_came_too_late_to_connect_has_started_nothing(
    user: Dispatcher, once: Once
) -> None:
    once.vm.fault(Fault.REFUSE)
    answer = user.run(*once.arguments)
    assert answer.result["outcome"] == "PREFLIGHT_FAILED"
    once.vm.heal()
    once.end()
    assert not work_on(once.vm)
    assert once.lines == 0
    assert user.run(*once.arguments).result["outcome"] == "SUCCESS"
    assert once.lines == 1


def test_an_aborted_id_can_not_be_started_any_more(user: Dispatcher, once: Once) -> None:
    client = user.start(*once.arguments)
    wait_until(lambda: once.lines == 1, 30, "the command runs")
    (session,) = (
        path.name for path in once.vm.home.glob(f".local/state/dxansible/sessions/{once.run_id}-*")
    )
    assert user.run("--abort", session).code == 0
    assert _result(client)["outcome"] == "ABORTED"
    answer = user.run(*once.arguments)
    assert (answer.code, answer.result["outcome"]) == (130, "ABORTED")
    assert once.lines == 1


SEED = 20
ROUNDS = (1, 2, 4, 5, 6)
"""Cuts, resets, races, and kills of client, sshd, keeper and engine."""


@pytest.mark.long
def test_no_accident_breaks_a_promise(lab: Lab) -> None:
    seen: list[Evidence] = []
    plans = [draw(SEED, number) for number in ROUNDS]
    played = play_rounds(lab, plans, seen.append, machines=1)
    broken = [(one.plan, one.told, violations(one)) for one in played if violations(one)]
    assert broken == []
    assert len(seen) == len(ROUNDS)
