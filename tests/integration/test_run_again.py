"""``--rerun`` on real machines: a command runs again on the hosts that need it, and there alone."""

from __future__ import annotations

import json
import os
import stat
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.integration.fleet_notes import Notes, take_notes
from tests.lab import Fault
from tests.sample import EVERY_CASE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab

pytestmark = pytest.mark.resident

HOSTS = [f"h{number:03}" for number in range(1, 7)]
MEANS = {
    "failed": {"fail", "slow", "refuse"},
    "unreachable": {"refuse"},
    "timeout": {"slow"},
    "all": {"fail", "slow", "refuse", "good"},
}


@pytest.fixture
def notes() -> Iterator[Notes]:
    """What has run where."""
    with take_notes() as found:
        yield found


@pytest.fixture
def fleet(lab: Lab, user: Dispatcher) -> Iterator[Dispatcher]:
    """The user, who has six hosts."""
    user.environment["DX_INVENTORY"] = str(lab.extra_hosts(len(HOSTS)))
    yield user
    for host in HOSTS:
        lab.extras[host].heal()


def impose(lab: Lab, notes: Notes, faults: dict[str, str]) -> None:
    """Give each host its fault, or none."""
    for what in ("fail", "slow"):
        notes.let(what, [host for host, fault in faults.items() if fault == what])
    for host in HOSTS:
        lab.extras[host].heal()
        if faults[host] == "refuse":
            lab.extras[host].fault(Fault.REFUSE)


@pytest.mark.parametrize("seed", range(3 if EVERY_CASE else 1))
def test_each_pass_runs_on_exactly_the_hosts_that_need_it(
    fleet: Dispatcher, lab: Lab, notes: Notes, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - the same faults each time
    state: dict[str, str] = {}
    calls = [("all", "--exec", notes.command, "--timeout", "8")]
    words = ["failed", "unreachable", "timeout", "all"]
    random.shuffle(words)
    for word in ["", *words]:
        wanted = [host for host in HOSTS if not word or state[host] in MEANS[word]]
        faults = {host: random.choice(["good", "fail", "slow", "refuse"]) for host in HOSTS}
        impose(lab, notes, faults)
        fleet.drop_connections()  # a live one gets past a gate that refuses new ones

        answer = fleet.run(*(calls[0] if not word else ("--rerun", word)), "--json")

        assert [each["host"] for each in answer.document["results"]] == wanted
        reached = [host for host in wanted if faults[host] != "refuse"]
        assert notes.ran(HOSTS) == dict.fromkeys(reached, 1), word
        state |= {host: faults[host] for host in wanted}
        assert not wanted or answer.code == max(
            {"good": 0, "fail": 1, "refuse": 3, "slow": 124}[faults[host]] for host in wanted
        )


def test_passes_shrink_to_nothing(fleet: Dispatcher, lab: Lab, notes: Notes) -> None:
    impose(lab, notes, dict.fromkeys(HOSTS, "fail"))
    fleet.run("all", "--exec", notes.command)
    left = HOSTS
    while left:
        assert notes.ran(HOSTS) == dict.fromkeys(left, 1)
        assert fleet.run("--rerun", "timeout").err.startswith(b"nothing to do again")
        bad = left[2:]
        notes.let("fail", bad)
        assert fleet.run("--rerun").code == (1 if bad else 0)
        assert notes.ran(left[:2]) == dict.fromkeys(left[:2], 1)
        left = bad

    assert fleet.run("--rerun").err.startswith(b"nothing to do again")
    assert not notes.ran(HOSTS)


def test_what_is_secret_in_a_call_is_asked_for_again(fleet: Dispatcher) -> None:
    secret = f"s{os.urandom(8).hex()}"
    command = 'cat; [ "$A" = right ] && [ "$B" = right ]'
    call = ("h001,h002", "--exec", command, "--stdin", "--env", f"A={secret}", "--env", "B")
    first = fleet.run(*call, stdin=secret.encode(), env={"B": secret})
    assert (first.code, first.out.count(secret.encode())) == (1, 2)
    directory = fleet.home / ".local/state/dxansible/runs"
    (path,) = directory.iterdir()
    assert secret not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700

    without_env = fleet.run("--rerun")
    without_stdin = fleet.run("--rerun", "--env", "A=right", "--env", "B=right")
    whole = fleet.run("--rerun", "--stdin", "--env", "A=right", "--env", "B=right", stdin=b"in\n")

    assert (without_env.code, without_stdin.code, whole.code) == (2, 2, 0)
    assert b"had A, B from --env, and values are not recorded; add --env A --env" in without_env.err
    assert b"had standard input, which is not recorded; send it again" in without_stdin.err
    assert sorted(whole.out.splitlines()) == [b"h001 | in", b"h002 | in"]


def test_a_command_s_bytes_directory_and_limit_are_those_of_the_first_run(
    fleet: Dispatcher, tmp_path: Path
) -> None:
    script = tmp_path / "deploy.sh"
    script.write_bytes(b"pwd; printf 'gr\xfcn\\n'; [ -e /nowhere ]\n")
    first = fleet.run("h001,h002", "--exec", "--file", str(script), "--cwd", "/usr")
    script.unlink()

    again = fleet.run("--rerun", "--json")

    assert (first.code, again.code) == (1, 1)
    for result in again.document["results"]:
        assert result["stdout"] == "/usr\ngr\ufffdn\n"
    listed = fleet.run("--runs").out.decode()
    assert listed.count(f"--file {script}"[:20]) == 2
    assert "pwd" not in listed


def test_a_host_that_the_inventory_has_no_more_is_told(fleet: Dispatcher, lab: Lab) -> None:
    fleet.run("h001,h002,h006", "--exec", "false")
    smaller = str(lab.extra_hosts(2))

    answer = fleet.run("--rerun", "-i", smaller, "--json")

    found = {each["host"]: each["reason"] for each in answer.document["results"]}
    assert found == {
        "h006": "USER_MAPPING_MISSING", "h001": "exit_nonzero", "h002": "exit_nonzero",
    }  # fmt: skip
    assert answer.code == 3
    assert b"preflight_failed host=h006" in answer.err


def test_one_host_alone_is_recorded_only_if_it_runs_again(fleet: Dispatcher, notes: Notes) -> None:
    fleet.run("h001", "--exec", "false")
    assert fleet.run("--runs").out == b"no run is recorded\n"
    assert fleet.run("--rerun").code == 2
    notes.let("fail", ["h002"])
    fleet.run("h001,h002", "--exec", notes.command)
    fleet.run("--rerun")
    notes.let("fail", ())

    last = fleet.run("--rerun", "--json")

    assert [each["host"] for each in last.document["results"]] == ["h002"]
    assert notes.ran(HOSTS) == {"h001": 1, "h002": 3}
    runs = fleet.run("--runs", "--json").document["runs"]
    assert [len(run["hosts"]) for run in runs] == [2, 1, 1]
    assert [run["parent"] for run in runs] == [None, *(run["run_id"] for run in runs[:2])]
    nothing = fleet.run("--rerun", "--json")
    assert (nothing.code, nothing.document["results"]) == (0, [])


def test_contact_that_was_lost_is_asked_for_and_success_is_not_run_again(
    fleet: Dispatcher, notes: Notes
) -> None:
    """The record says that contact was lost, as after a network that failed for long."""
    fleet.run("h001,h002", "--exec", notes.command)
    (path,) = (fleet.home / ".local/state/dxansible/runs").iterdir()
    document = json.loads(path.read_text())
    document["hosts"]["h002"] = {"outcome": "FAILURE", "reason": "lost_contact"}
    path.write_text(json.dumps(document))

    answer = fleet.run("--rerun")

    assert answer.code == 0
    assert b"nothing to do again" in answer.err
    assert notes.ran(HOSTS) == {"h001": 1, "h002": 1}
    assert json.loads(path.read_text())["hosts"]["h002"]["outcome"] == "SUCCESS"


def test_a_state_directory_that_can_t_be_written_costs_a_line_and_nothing_else(
    fleet: Dispatcher,
) -> None:
    state = fleet.home / "state"
    state.write_text("")
    answer = fleet.run("h001,h002", "--exec", "true", env={"XDG_STATE_HOME": str(state)})
    assert answer.code == 0
    assert answer.err.count(b"run_not_recorded") == 1
    off = fleet.run("h001,h002", "--exec", "true", env={"DX_HISTORY": "off"})
    assert (off.code, b"run_not_recorded" in off.err) == (0, False)
    assert fleet.run("--runs").out == b"no run is recorded\n"
    refused = fleet.run("--rerun", env={"DX_HISTORY": "off"})
    assert (refused.code, b"DX_HISTORY is off; unset it" in refused.err) == (2, True)
