"""Two releases on one fleet: each follows, stops, lists and runs again what the other started.

``make skew`` installs an earlier release and names its directory of programs in DX_EARLIER.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.vm_processes import wait_until, work_on

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm

_EARLIER = os.environ.get("DX_EARLIER", "")
_NEWER = str(Path(sys.executable).parent)

pytestmark = [
    pytest.mark.skipif(not _EARLIER, reason="make skew"),
    pytest.mark.engines,
    pytest.mark.newcomer,
]

_UNTIL_TOLD = "while [ ! -e finish ]; do sleep 0.1; done"
_WORK = f"mktemp run-XXXXXX >/dev/null; echo begun; {_UNTIL_TOLD}; echo ended"


@dataclass
class Pair:
    """The release that starts, and the other one, for one user."""

    user: Dispatcher
    first: str
    second: str

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a call of the first."""
        return self._start(self.first, *arguments)

    def other(self, *arguments: str) -> tuple[int, Any, str]:
        """Run a call of the second; returns exit code, document and standard error."""
        with self._start(self.second, *arguments, "--json") as call:
            out, err = call.communicate(timeout=120)
        return call.returncode, json.loads(out) if out else None, err.decode()

    def _start(self, programs: str, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [f"{programs}/dx-dispatch", *arguments],
            env={**self.user.environment, "PATH": f"{programs}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )


@pytest.fixture(params=["earlier first", "newer first"])
def pair(user: Dispatcher, request: pytest.FixtureRequest) -> Pair:
    """Both orders."""
    programs = (_EARLIER, _NEWER) if request.param == "earlier first" else (_NEWER, _EARLIER)
    return Pair(user, *programs)


@pytest.fixture
def vm(until_told: Vm) -> Vm:
    """A machine without traces of earlier commands."""
    for trace in until_told.home.glob("run-*"):
        trace.unlink()
    return until_told


def _runs(vm: Vm) -> int:
    return len(list(vm.home.glob("run-*")))


def _session(run: str, listed: Any) -> str:  # noqa: ANN401 - a document
    (found,) = [each for each in listed["sessions"] if each["session_id"].startswith(run)]
    assert found["state"] == "running"
    return str(found["session_id"])


def _id() -> str:
    return f"skew_{secrets.token_hex(6)}"


def test_the_other_lists_follows_and_attaches(pair: Pair, vm: Vm) -> None:
    run = _id()
    with pair.begin("epyc6", "--exec", _WORK, "--run-id", run, "--json") as first:
        wait_until(lambda: _runs(vm) == 1, 60, "the command runs")
        code, listed, err = pair.other("--sessions", "epyc6")
        assert code == 0, err
        session = _session(run, listed)
        code, _, err = pair.other("--logs", session, "--no-follow")
        assert "Traceback" not in err
        first.kill()
    (vm.home / "finish").touch()

    code, attached, err = pair.other("epyc6", "--exec", _WORK, "--run-id", run)
    assert (code, attached["results"][0]["attached"]) == (0, True), err
    code, followed, err = pair.other("--logs", session)
    assert (code, followed["results"][0]["outcome"]) == (0, "SUCCESS"), err
    assert followed["results"][0]["stdout"] == "begun\nended\n"
    assert _runs(vm) == 1


def test_the_other_stops_it(pair: Pair, vm: Vm) -> None:
    run = _id()
    with pair.begin("epyc6", "--exec", _WORK, "--run-id", run, "--json") as first:
        wait_until(lambda: _runs(vm) == 1, 60, "the command runs")
        _, listed, _ = pair.other("--sessions", "epyc6")
        code, stopped, err = pair.other("--abort", _session(run, listed))
        out, _ = first.communicate(timeout=60)

    assert (code, stopped["results"][0]["outcome"]) == (0, "ABORTED"), err
    assert stopped["results"][0]["stop_verified"] is True
    assert json.loads(out)["results"][0]["outcome"] == "ABORTED"
    assert not work_on(vm)


def test_the_other_runs_again_what_failed_and_nothing_else(pair: Pair, lab: Lab) -> None:
    for vm in lab.vms.values():
        for trace in vm.home.glob("run-*"):
            trace.unlink()
    command = "mktemp run-XXXXXX >/dev/null; [ -e good ]"
    (lab.vms["macmini"].home / "good").touch()
    with pair.begin("all", "--exec", command) as first:
        first.communicate(timeout=120)
    assert first.returncode == 1

    code, again, err = pair.other("--rerun", "failed")

    assert "Traceback" not in err
    assert (code, {each["host"] for each in again["results"]}) == (1, {*lab.vms} - {"macmini"}), err
    assert {name: _runs(vm) for name, vm in lab.vms.items()} == {
        name: 1 if name == "macmini" else 2 for name in lab.vms
    }
    (lab.vms["macmini"].home / "good").unlink()


def test_the_newer_does_not_run_again_what_still_runs(pair: Pair, vm: Vm) -> None:
    if pair.second == _EARLIER:
        pytest.skip("the earlier release believes its records")
    with pair.begin("epyc6,macmini", "--exec", f"cd ~; {_WORK}") as first:
        wait_until(lambda: _runs(vm) == 1, 60, "the command runs")
        first.kill()

    _, again, err = pair.other("--rerun", "failed")

    assert "is still running" in str(again), again
    assert "Traceback" not in err
    assert _runs(vm) == 1


def test_the_other_asks_an_agent_s_session_on(pair: Pair) -> None:
    with pair.begin("epyc6", "echo one", "--agent", "shell", "--wait", "--json") as first:
        out, err = first.communicate(timeout=120)
    assert first.returncode == 0, err
    session = json.loads(out)["results"][0]["session_id"]

    code, second, told = pair.other("--session", session, "echo two", "--wait")

    assert (code, second["results"][0]["turn"]) == (0, 2), told
    code, listed, told = pair.other("--status", session)
    assert (code, listed["sessions"][0]["state"]) == (0, "succeeded"), told
