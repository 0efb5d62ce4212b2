"""Many hosts in one run."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dxansible.fleet import FanoutOptions, FanoutOutcome, fanout
from tests.lab import Fault
from tests.unit.hearing import Hearing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dxansible.record import HostRecord
    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm
ALL = ["homedesktop-wsl", "macmini", "epyc6"]


def hosts_in(err: bytes) -> list[str]:
    """The hosts of the summary, which has a line for each at the end."""
    return re.findall(r"^(\S+) +[A-Z_]+ +exit ", err.decode(), re.MULTILINE)


def prefixed(*lines: str) -> list[bytes]:
    """Each line as it is shown for each of the hosts, sorted."""
    return sorted(f"{name:15} | {line}".encode() for name in ALL for line in lines)


@pytest.mark.engines
@pytest.mark.sampled("user")
def test_lines_are_prefixed_and_the_summary_is_in_the_inventorys_order(user: Dispatcher) -> None:
    answer = user.run("all", "--exec", "echo one; echo two >&2; printf unfinished")
    assert answer.code == 0
    assert sorted(answer.out.splitlines()) == prefixed("one", "unfinished")
    assert sorted(line for line in answer.err.splitlines() if b" | " in line) == prefixed("two")
    assert hosts_in(answer.err) == ALL


@pytest.mark.engines
@pytest.mark.sampled("user")
def test_output_is_shown_while_the_command_runs(user: Dispatcher, lab: Lab) -> None:
    machines = [lab.vms[name] for name in ALL]
    for vm in machines:
        (vm.home / "seen").unlink(missing_ok=True)
    command = "echo begun; while [ ! -e seen ]; do sleep 0.1; done; echo ended"
    with user.start("all", "--exec", command) as client:
        assert client.stdout
        assert sorted(client.stdout.readline().rstrip() for _ in ALL) == prefixed("begun")
        for vm in machines:
            (vm.home / "seen").touch()
        out, _ = client.communicate(timeout=60)
    assert sorted(out.splitlines()) == prefixed("ended")


@pytest.mark.resident
@pytest.mark.parametrize(
    ("command", "outcome", "code"),
    [
        ("case $(id -un) in *epyc) exit 7 ;; esac", "FAILURE", 1),
        ("case $(id -un) in *epyc) exit 7 ;; *mac) sleep 60 ;; esac", "TIMEOUT", 124),
    ],
)
def test_the_exit_code_is_that_of_the_worst_host(
    user: Dispatcher, command: str, outcome: str, code: int
) -> None:
    answer = user.run("all", "--exec", command, "--timeout", "2", "--json")
    assert (answer.code, answer.document["outcome"]) == (code, outcome)
    results = {result["host"]: result for result in answer.document["results"]}
    assert list(results) == ALL
    assert results["homedesktop-wsl"]["outcome"] == "SUCCESS"
    assert results["epyc6"]["exit_code"] == 7


class Order(Hearing):
    """Notes in which order hosts finish."""

    def __init__(self) -> None:
        self.hosts: list[str] = []

    def ended(self, result: HostRecord) -> None:
        self.hosts.append(result.host)


@pytest.mark.usefixtures("here")
def test_a_host_that_never_answers_holds_up_no_other(lab: Lab, epyc6: Vm) -> None:
    hole = lab.vms["homedesktop-wsl"]
    hole.fault(Fault.DROP)
    try:
        order = Order()
        results = fanout("all", "sleep 1; echo hello", FanoutOptions(), observers=[order])
    finally:
        hole.heal()
    assert order.hosts[-1] == "homedesktop-wsl"
    assert sorted(order.hosts[:-1]) == ["epyc6", "macmini"]
    outcomes = {result.host: result.outcome for result in results}
    assert outcomes == {
        "homedesktop-wsl": FanoutOutcome.PREFLIGHT_FAILED,
        "macmini": FanoutOutcome.SUCCESS,
        epyc6.name: FanoutOutcome.SUCCESS,
    }


@pytest.fixture
def meeting_point() -> Iterator[Path]:
    """A directory that all users of all machines can write to."""
    with tempfile.TemporaryDirectory(prefix="dxmeet-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def test_with_more_hosts_than_forks_all_start_before_any_has_to_end(
    user: Dispatcher, lab: Lab, meeting_point: Path
) -> None:
    inventory = str(lab.extra_hosts(12))
    wait_for_all = (
        f"cd {meeting_point}; mktemp XXXXXX >/dev/null;"
        " while set -- *; [ $# -lt 12 ]; do sleep 0.2; done; echo all here"
    )
    answer = user.run("all", "-i", inventory, "--forks", "3", "--exec", wait_for_all, "--json")
    assert answer.code == 0
    results = answer.document["results"]
    assert [result["host"] for result in results] == [f"h{n:03}" for n in range(1, 13)]
    assert {result["stdout"] for result in results} == {"all here\n"}
    assert len(list(meeting_point.iterdir())) == 12


@pytest.mark.newcomer
@pytest.mark.engines
@pytest.mark.sampled("user")
def test_fifty_hosts_all_answer(user: Dispatcher, lab: Lab) -> None:
    answer = user.run("all", "-i", str(lab.extra_hosts(50)), "--exec", "echo hello", "--json")
    results = answer.document["results"]
    assert {(result["outcome"], result["stdout"]) for result in results} == {("SUCCESS", "hello\n")}
    assert (answer.code, len(results)) == (0, 50)


def test_a_burst_that_servers_turn_away_in_part_is_told_host_by_host(
    user: Dispatcher, lab: Lab, meeting_point: Path
) -> None:
    inventory = str(lab.extra_hosts(40))
    for vm in lab.vms.values():
        vm.fault(Fault.MAX_STARTUPS)
    try:
        begin = f"mktemp {meeting_point}/XXXXXX"
        answer = user.run("all", "-i", inventory, "--exec", begin, "--json")
    finally:
        for vm in lab.vms.values():
            vm.heal()
    results = answer.document["results"]
    reasons = Counter(result["reason"] for result in results)
    done = {Path(result["stdout"].strip()) for result in results if result["exit_code"] == 0}
    ran = set(meeting_point.iterdir())
    # on a busy machine a command is asked for again, and then a server may turn that away
    assert done <= ran
    assert len(ran - done) <= reasons["lost_contact"], reasons
    assert (len(results), len(done)) == (40, reasons["ok"])
    assert set(reasons) <= {"ok", "HOST_UNREACHABLE", "TIMEOUT", "lost_contact"}


@pytest.mark.engines
@pytest.mark.sampled("user")
def test_equal_outputs_are_gathered_under_the_names_that_gave_them(user: Dispatcher) -> None:
    command = "case $(id -un) in *epyc) echo odd; exit 3 ;; *) echo even ;; esac"
    answer = user.run("all", "--exec", command, "--gather")
    rule = "-" * 15
    assert answer.out.decode() == (
        f"{rule}\nhomedesktop-wsl,macmini (2)\n{rule}\neven\n"
        f"{rule}\nepyc6 (1) FAILURE exit 3\n{rule}\nodd\n"
    )
    assert (answer.code, hosts_in(answer.err)) == (1, ALL)


@pytest.mark.engines
@pytest.mark.sampled("user")
def test_what_differs_from_most_hosts_is_shown_without_their_names(
    user: Dispatcher, lab: Lab
) -> None:
    command = (
        "set -- $SSH_CONNECTION; case $(id -un) in *wsl) a=wsl m=old ;; *mac) a=mac m=new ;; "
        '*) a=epyc m=new ;; esac; echo "I am $a, $(id -un)@$a"; date; echo "version $m"'
    )
    similar = user.run("all", "--exec", command, "--gather=similar").out.decode().splitlines()
    diff = user.run("all", "--exec", command, "--gather=diff").out.decode()
    mac = lab.vms["macmini"].user

    assert [line for line in similar if "(" in line] == [
        "homedesktop-wsl (1)",
        "macmini,epyc6 (2; shown: macmini)",
    ]
    assert f"I am mac, {mac}@mac" in similar
    assert diff.startswith(f"{'-' * 15}\nmacmini,epyc6 (2; shown: macmini)\n")
    changed = [line for line in diff.splitlines() if line[0] in "+-" and line[:3] != "---"]
    assert changed == ["+++ homedesktop-wsl stdout", "-version new", "+version old"]
