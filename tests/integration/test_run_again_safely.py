"""``--rerun`` asks first: a command whose end nobody has proved is not started beside itself."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dxansible.ids import session_on
from tests.integration.vm_processes import lives, wait_until
from tests.lab import Fault

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm

pytestmark = [pytest.mark.resident, pytest.mark.directed]

HOSTS = ["h001", "h002"]
PATIENT = ("--timeout", "600", "--retries", "10")


@dataclass(frozen=True, slots=True)
class Starts:
    """A directory in which each start of the command on a host notes its process."""

    directory: Path

    @property
    def command(self) -> str:
        """Runs while held on its host, and fails where that is wanted."""
        return (
            f"cd {self.directory}; host=${{DX_SESSION##*-}}; "
            "new=$(mktemp new-XXXXXX); echo $$ >$new; mv $new ran-$host-$new; "
            "while [ -e hold-$host ]; do sleep 0.1; done; [ ! -e fail-$host ]"
        )

    def let(self, what: str, *hosts: str) -> None:
        """Hold the command, or let it fail, on exactly these hosts."""
        for path in self.directory.glob(f"{what}-*"):
            path.unlink()
        for host in hosts:
            (self.directory / f"{what}{session_on('', host)}").touch()

    def of(self, host: str) -> list[int]:
        """The processes that it has had on a host."""
        found = self.directory.glob(f"ran{session_on('', host)}-*")
        return [int(path.read_text()) for path in found]

    def alive(self, host: str) -> int:
        """How many of them are there."""
        return sum(map(lives, self.of(host)))

    def counts(self) -> dict[str, int]:
        """How often it has started on each host."""
        return {host: len(self.of(host)) for host in HOSTS}

    def await_all(self, client: subprocess.Popen[bytes]) -> None:
        """Wait until it has started on every host."""
        wait_until(lambda: client.poll() is not None or min(self.counts().values()) > 0, 60, "runs")
        assert client.poll() is None


@contextmanager
def _noting() -> Iterator[Starts]:
    with tempfile.TemporaryDirectory(prefix="dxstarts-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o777)
        starts = Starts(Path(name))
        yield starts
        starts.let("hold")
        wait_until(lambda: not any(map(starts.alive, HOSTS)), 60, "all commands are over")


@contextmanager
def calling(fleet: Dispatcher, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a call; if the test fails meanwhile, nobody waits for it."""
    with fleet.start(*words) as client:
        try:
            yield client
        finally:
            client.kill()


@pytest.fixture
def starts() -> Iterator[Starts]:
    """What has started where."""
    with _noting() as found:
        yield found


@pytest.fixture
def fleet(lab: Lab, user: Dispatcher) -> Iterator[Dispatcher]:
    """The user, who has two hosts on two machines."""
    user.environment["DX_INVENTORY"] = str(lab.extra_hosts(len(HOSTS)))
    yield user
    for host in HOSTS:
        lab.extras[host].heal()


def machine_of(lab: Lab, host: str) -> Vm:
    return list(lab.vms.values())[HOSTS.index(host)]


def leave(fleet: Dispatcher, lab: Lab, host: str) -> None:
    """Let a host be silent from now on."""
    lab.extras[host].fault(Fault.REFUSE)
    fleet.drop_connections()


def record_of(fleet: Dispatcher) -> Path:
    (path,) = (fleet.home / ".local/state/dxansible/runs").iterdir()
    return path


def ends(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {each["host"]: (each["outcome"], each["reason"]) for each in document["results"]}


def test_a_stop_that_reached_nobody_is_lost_contact_and_no_second_start(
    fleet: Dispatcher, lab: Lab, starts: Starts
) -> None:
    starts.let("hold", *HOSTS)
    with calling(fleet, "all", "--exec", starts.command, *PATIENT, "--json") as client:
        starts.await_all(client)
        leave(fleet, lab, "h002")
        assert client.stderr
        while b"retry host=h002" not in (line := client.stderr.readline()):
            assert line
        os.killpg(client.pid, signal.SIGINT)
        out, err = client.communicate(timeout=120)
    stopped = json.loads(out)
    assert (client.returncode, stopped["exit_code"]) == (130, 130)
    assert ends(stopped) == {
        "h001": ("ABORTED", "aborted"), "h002": ("FAILURE", "lost_contact"),
    }  # fmt: skip
    (silent,) = (each for each in stopped["results"] if each["host"] == "h002")
    assert silent["stop_verified"] is False
    assert "did not answer the stop" in silent["error"]
    assert f"try again: dx-dispatch --abort {silent['session_id']}" in silent["error"]
    assert b"Traceback" not in err

    starts.let("hold", "h002")
    unanswered = fleet.run("--rerun", "--json")
    assert unanswered.code == 1
    assert ends(unanswered.document) == {
        "h001": ("SUCCESS", "ok"), "h002": ("FAILURE", "lost_contact"),
    }  # fmt: skip
    assert b"not run again: the VM did not confirm" in unanswered.err
    assert b"--rerun --anyway" in unanswered.err

    lab.extras["h002"].heal()
    running = fleet.run("--rerun")
    assert running.code == 2
    assert f"still running under {silent['session_id']}".encode() in running.err
    assert (starts.counts(), starts.alive("h002")) == ({"h001": 2, "h002": 1}, 1)

    starts.let("hold")
    wait_until(lambda: not starts.alive("h002"), 60, "the command ends")
    assert fleet.run("--rerun").err.endswith(b"none of 2 hosts is failed\n")
    assert starts.counts() == {"h001": 2, "h002": 1}


def test_a_lost_command_is_ended_before_it_runs_again(
    fleet: Dispatcher, lab: Lab, starts: Starts
) -> None:
    starts.let("hold", "h002")
    with calling(fleet, "all", "--exec", starts.command, *PATIENT, "--json") as client:
        starts.await_all(client)
        (session,) = (
            path
            for path in (machine_of(lab, "h002").home / ".local/state/dxansible/sessions").iterdir()
            if path.name.endswith(session_on("", "h002")) and not (path / "end").exists()
        )
        os.kill(int((session / "supervisor").read_text().split()[0]), signal.SIGKILL)
        out, _ = client.communicate(timeout=120)
    assert ends(json.loads(out)) == {"h001": ("SUCCESS", "ok"), "h002": ("FAILURE", "lost")}
    assert starts.alive("h002") == 1

    with calling(fleet, "--rerun", "--json") as again:
        wait_until(lambda: starts.counts()["h002"] > 1 or again.poll() is not None, 60, "runs")
        assert (starts.counts()["h002"], starts.alive("h002")) == (2, 1)
        starts.let("hold")
        out, _ = again.communicate(timeout=120)
    assert (again.returncode, ends(json.loads(out))) == (0, {"h002": ("SUCCESS", "ok")})
    assert starts.counts() == {"h001": 1, "h002": 2}


def test_a_start_that_is_on_its_way_begins_no_more(
    fleet: Dispatcher, lab: Lab, starts: Starts
) -> None:
    for host in HOSTS:
        leave(fleet, lab, host)
    call = ("all", "--exec", starts.command, *PATIENT, "--run-id", "late")
    with calling(fleet, *call) as client:
        assert client.stderr
        for _ in HOSTS:
            while b"retry host=" not in (line := client.stderr.readline()):
                assert line
        os.killpg(client.pid, signal.SIGKILL)
    wait_until(lambda: not fleet.commands(), 60, "nothing is left of the killed call")
    known = json.loads(record_of(fleet).read_text())["hosts"]
    assert {end["outcome"] for end in known.values()} == {None}
    silent = fleet.run("--rerun", "--json")
    lost = dict.fromkeys(HOSTS, ("FAILURE", "lost_contact"))
    assert (silent.code, ends(silent.document)) == (1, lost)
    for host in HOSTS:
        lab.extras[host].heal()

    again = fleet.run("--rerun", "--json")
    arrives = fleet.run(*call, "--json")

    assert (again.code, ends(again.document)) == (0, dict.fromkeys(HOSTS, ("SUCCESS", "ok")))
    assert {outcome for outcome, _ in ends(arrives.document).values()} == {"ABORTED"}
    assert starts.counts() == {"h001": 1, "h002": 1}


def test_an_abort_of_an_earlier_release_proves_nothing_until_the_user_says_so(
    fleet: Dispatcher, starts: Starts
) -> None:
    starts.let("hold", "h002")
    with calling(fleet, "all", "--exec", starts.command, *PATIENT) as client:
        starts.await_all(client)
        client.kill()
    document = json.loads(record_of(fleet).read_text())
    document["hosts"] = {
        "h001": {"outcome": "SUCCESS", "reason": "ok"},
        "h002": {"outcome": "ABORTED", "reason": "aborted"},
    }
    record_of(fleet).write_text(json.dumps(document))

    refused = fleet.run("--rerun")
    assert (refused.code, b"still running under" in refused.err) == (2, True)
    assert b"or add --anyway" in refused.err
    with calling(fleet, "--rerun", "--anyway", "--json") as again:
        wait_until(lambda: starts.alive("h002") > 1 or again.poll() is not None, 60, "runs twice")
        starts.let("hold")
        out, _ = again.communicate(timeout=120)

    assert (again.returncode, ends(json.loads(out))) == (0, {"h002": ("SUCCESS", "ok")})
    assert starts.counts() == {"h001": 1, "h002": 2}
    assert fleet.run("h001", "--exec", "true", "--anyway").code == 2
