"""The Python interface, as programs use it."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dxansible.errors import InventoryError, UsageError
from dxansible.fleet import (
    FanoutOptions,
    FanoutOutcome,
    PreflightStatus,
    fanout,
    fanout_ssh,
)
from tests.integration.dispatcher import OBEY_MODES
from tests.lab import Fault

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

SPECIFICATION = """\
from lib.fleet import fanout_ssh, run_preflight_checks, PreflightStatus

# Run preflight checks
preflight = run_preflight_checks("epyc6")
if preflight.status == PreflightStatus.OK:
    result = fanout_ssh("epyc6", "make test", timeout_sec=120.0)
    if result.outcome == FanoutOutcome.SUCCESS:
        print(result.stdout)
    else:
        print(f"Failed: {result.error}")
"""
"""Word for word, with one name that it uses and does not import."""

SNIPPET = f"from lib.fleet import FanoutOutcome\n{SPECIFICATION}"


def run_python(user: Dispatcher, program: str) -> str:
    arguments = [sys.executable, "-c", program]
    done = subprocess.run(arguments, env=user.environment, capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout.decode()


@pytest.mark.resident
def test_the_specifications_program_prints_what_the_command_prints(
    user: Dispatcher, epyc6: Vm
) -> None:
    makefile = epyc6.home / "Makefile"
    makefile.write_text("test:\n\t@echo all passed\n")
    try:
        assert run_python(user, SNIPPET) == "all passed\n\n"
    finally:
        makefile.unlink()
    assert run_python(user, SNIPPET) == "Failed: epyc6: exit code 2\n"


@pytest.mark.resident
@pytest.mark.usefixtures("here")
def test_nine_threads_get_their_own_results(pool: ThreadPoolExecutor) -> None:
    hosts = ["homedesktop-wsl", "macmini", "epyc6"]
    asked = [
        pool.submit(fanout_ssh, hosts[n % 3], f"echo out {n}; echo err {n} >&2; exit {n}")
        for n in range(9)
    ]
    for number, answer in enumerate(asked):
        result = answer.result()
        assert (result.host, result.exit_code, result.attempts) == (hosts[number % 3], number, 1)
        assert (result.stdout, result.stderr) == (f"out {number}\n", f"err {number}\n")
        assert (result.outcome is FanoutOutcome.SUCCESS) is (number == 0)


HELLO = "from lib.fleet import fanout_ssh; print(fanout_ssh('epyc6', 'echo hello').stdout, end='')"
SURROUNDINGS = {
    "no HOME": 'unset HOME; exec "$@"',
    "a HOME that is missing": 'HOME=$PWD/missing; exec "$@"',
    "a HOME that is a file": 'HOME=/dev/null; exec "$@"',
    "a HOME that can't be written to": f'HOME=$PWD/locked; exec {" ".join(OBEY_MODES)} "$@"',
    "a working directory that is gone": 'mkdir gone; cd gone; rmdir ../gone; exec "$@"',
    "almost no environment": 'exec env -i DX_INVENTORY="$DX_INVENTORY" TMPDIR="$TMPDIR" "$@"',
}


@pytest.mark.parametrize("before", SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_neither_terminal_nor_input_nor_home_is_needed(user: Dispatcher, before: str) -> None:
    (user.home / "locked").mkdir(mode=0o500)
    arguments = ["sh", "-c", f"exec <&-; {before}", "sh", sys.executable, "-c", HELLO]
    environment = {**user.environment, "TMPDIR": str(user.home)}
    done = subprocess.run(
        arguments,
        env=environment,
        cwd=user.home,
        capture_output=True,
        check=False,
        start_new_session=True,
    )
    assert (done.stdout, done.stderr, done.returncode) == (b"hello\n", b"", 0)
    assert not (user.home / "missing").exists()


def shape(line: str) -> str:
    """A log line with N for its durations."""
    return re.sub(r"duration_ms=\d+", "duration_ms=N", line)


@pytest.mark.resident
def test_the_log_callback_gets_the_specifications_lines(here: Dispatcher, epyc6: Vm) -> None:
    lines: list[str] = []
    fanout_ssh("epyc6", 'echo "a b"', log_callback=lines.append)
    who = f"host=epyc6 user={epyc6.user}"
    command_line = here.run("epyc6", "--exec", 'echo "a b"')
    expected = [
        f"preflight_ok {who} auth_mode=ssh_key duration_ms=N",
        f'success {who} command="echo \\"a b\\"" attempt=1 duration_ms=N',
    ]
    assert [shape(line) for line in lines] == expected
    assert [shape(line) for line in command_line.err.decode().splitlines()[:2]] == expected


@pytest.mark.resident
def test_a_retry_and_what_comes_of_it_are_logged(here: Dispatcher, epyc6: Vm) -> None:
    lines: list[str] = []
    epyc6.fault(Fault.REFUSE)
    with here.start("epyc6", "--exec", "true", env={"DX_LOG_FORMAT": "json"}) as client:
        fanout_ssh("epyc6", "true", log_callback=lines.append)
        _, err = client.communicate(timeout=60)
    assert [line.split()[0] for line in lines] == ["retry", "preflight_failed"]
    assert f"retry host=epyc6 user={epyc6.user} command=true attempt=1 error=" in lines[0]
    assert "status=HOST_UNREACHABLE attempt=2" in lines[1]
    events = [json.loads(line) for line in err.splitlines() if line.startswith(b"{")]
    assert [event["event"] for event in events] == ["retry", "preflight_failed"]
    assert {event["host"] for event in events} == {"epyc6"}


@pytest.mark.resident
@pytest.mark.usefixtures("here")
def test_a_library_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    fanout_ssh("epyc", "echo out; echo err >&2; exit 3")
    fanout_ssh("nobody", "true")
    assert capfd.readouterr() == ("", "")


@pytest.mark.resident
@pytest.mark.usefixtures("here")
def test_a_command_with_the_same_id_runs_once(epyc6: Vm, pool: ThreadPoolExecutor) -> None:
    once = FanoutOptions(run_id=f"cmd_{secrets.token_hex(8)}")
    command = "mktemp once-XXXXXX; sleep 1"

    def send() -> str:
        (result,) = fanout("epyc6", command, once)
        assert (result.outcome, result.attempts) == (FanoutOutcome.SUCCESS, 1)
        return result.stdout

    answers = [*pool.map(lambda _: send(), range(2)), send()]
    (made,) = epyc6.home.glob("once-*")
    assert answers == [f"{made.name}\n"] * 3
    made.unlink()


@pytest.mark.resident
@pytest.mark.usefixtures("here")
def test_one_host_is_wanted_and_an_alias_is_one() -> None:
    assert fanout_ssh("mac", "true").host == "macmini"
    several = fanout_ssh("epyc6,macmini", "true")
    assert several.outcome is FanoutOutcome.PREFLIGHT_FAILED
    assert several.reason is PreflightStatus.USER_MAPPING_MISSING
    assert "call fanout for more than one" in (several.error or "")


@pytest.mark.usefixtures("here")
def test_a_broken_tool_is_an_exception(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for timeout in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="seconds above 0"):
            fanout_ssh("epyc6", "true", timeout_sec=timeout)
    with pytest.raises(UsageError, match="the command is empty"):
        fanout_ssh("epyc6", " ")
    monkeypatch.setenv("DX_INVENTORY", f"{tmp_path}/missing")
    with pytest.raises(InventoryError, match="there is no inventory"):
        fanout_ssh("epyc6", "true")
