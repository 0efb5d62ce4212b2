"""What a command reads: all of what it is given, whole before it starts; and nothing else."""

from __future__ import annotations

import json
import os
import secrets
import stat
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dxansible.fleet import FanoutOptions, fanout
from tests.integration.vm_processes import wait_until

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm

pytestmark = pytest.mark.resident

DATA = bytes(range(256)) * 8192
"""Two megabytes, far over what any pipe on the way holds."""
WARNING = b"stdin_unread"


def test_every_host_reads_all_of_it_and_its_end(user: Dispatcher) -> None:
    answer = user.run("all", "--stdin", "--exec", "sha256sum; cat; wc -c", "--json", stdin=DATA)
    results = answer.document["results"]
    assert [each["outcome"] for each in results] == ["SUCCESS"] * 3
    for each in results:
        assert each["stdout"] == f"{sha256(DATA).hexdigest()}  -\n0\n"
    assert WARNING not in answer.err


@pytest.mark.parametrize("data", [b"", b"\0", b"no newline", b"caf\xe9\n\x1e\r\n", b"a\n" * 70_000])
def test_a_filter_gives_the_bytes_back(user: Dispatcher, data: bytes) -> None:
    answer = user.run("epyc6", "--stdin", "--exec", "cat", "-q", stdin=data)
    assert (answer.code, answer.out, answer.err) == (0, data, b"")


def test_the_command_may_come_from_a_file(user: Dispatcher, tmp_path: Path) -> None:
    script = tmp_path / "script.sh"
    script.write_text("# a comment that is longer than the data\ncat /dev/stdin\n")
    answer = user.run("epyc6", "--stdin", "--exec", "--file", str(script), "-q", stdin=b"data")
    assert (answer.code, answer.out) == (0, b"data")


@pytest.mark.long
def test_a_hundred_megabytes_arrive_whole(user: Dispatcher) -> None:
    data = secrets.token_bytes(1 << 20) * 100
    answer = user.run(
        "epyc6", "--stdin", "--exec", "sha256sum", "-q", "--timeout", "120", stdin=data, limit=600
    )
    assert (answer.code, answer.out) == (0, f"{sha256(data).hexdigest()}  -\n".encode())


def test_it_is_private_on_the_vm_and_gone_at_the_end(user: Dispatcher, epyc6: Vm) -> None:
    run = f"private_{secrets.token_hex(4)}"
    command = "read line; echo $line; until [ -e go-on ]; do sleep 0.1; done"
    (epyc6.home / "go-on").unlink(missing_ok=True)
    with user.start(
        "epyc6", "--stdin", "--exec", command, "--run-id", run, stdin=subprocess.PIPE
    ) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(b"secret-canary\n")
        client.stdin.close()
        assert client.stdout.readline() == b"secret-canary\n"
        sessions = epyc6.home / ".local/state/dxansible/sessions"
        (kept,) = sessions.glob(f"{run}-*/input")
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        here = [*user.home.rglob("*"), *Path(tempfile.gettempdir()).glob("dx-*/**/*")]
        assert not [path for path in here if path.is_file() and b"canary" in _bytes(path)]
        (epyc6.home / "go-on").touch()
        assert client.wait(60) == 0
    assert not [path for path in epyc6.home.rglob("*") if path.name == "input" and path.is_file()]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_cut_on_its_way_starts_nothing_and_the_next_attempt_once(
    user: Dispatcher, epyc6: Vm
) -> None:
    for trace in epyc6.home.glob("once-*"):
        trace.unlink()
    user.run("epyc6", "--exec", "true")  # the keeper is there
    user.drop_connections()
    epyc6.cut_after(up=500_000)
    command = "mktemp once-XXXXXX >/dev/null; sha256sum"
    result = user.run("epyc6", "--stdin", "--exec", command, "--json", stdin=DATA).result
    assert (result["outcome"], result["attempts"]) == ("SUCCESS", 2)
    assert result["stdout"] == f"{sha256(DATA).hexdigest()}  -\n"
    assert len(list(epyc6.home.glob("once-*"))) == 1


def test_the_same_run_id_reads_the_first_ones_input_whoever_sends_it(user: Dispatcher) -> None:
    run = f"stdin_{secrets.token_hex(4)}"
    for _ in range(2):
        answer = user.run(
            "epyc6", "--stdin", "--exec", "sha256sum", "--run-id", run, "-q", stdin=DATA
        )
        assert (answer.code, answer.out) == (0, f"{sha256(DATA).hexdigest()}  -\n".encode())


@pytest.mark.usefixtures("here")
def test_python_gives_bytes() -> None:
    (result,) = fanout("epyc6", "cat", FanoutOptions(stdin=b"\xff\0\n"))
    assert result.stdout_bytes == b"\xff\0\n"


def test_a_playbook_takes_it_from_a_variable(user: Dispatcher, lab: Lab, tmp_path: Path) -> None:
    request, mark = tmp_path / "request.yml", lab.vms["epyc6"].home / "from-playbook"
    text = "{{ 7*7 }}\n"
    request.write_text(json.dumps({"dx_command": f"cat >{mark}", "dx_stdin": text}))
    playbook = Path(__file__).parents[2] / "playbooks/run-command.yml"
    program = str(Path(sys.executable).parent / "ansible-playbook")
    arguments = ["-i", user.environment["DX_INVENTORY"], "-e", f"@{request}", "--limit", "epyc6"]
    subprocess.run(
        [program, str(playbook), *arguments], env=user.environment, check=True, capture_output=True
    )
    assert mark.read_text() == text


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (("epyc6", "--stdin", "--exec", "--file", "-"), "--stdin and --file - are both standard"),
        (("epyc6", "--stdin", "work"), "--stdin is of no use with a task for an agent"),
        (("--list", "--stdin"), "--stdin is of no use with --list"),
    ],
)
def test_it_is_for_commands_alone(user: Dispatcher, call: tuple[str, ...], says: str) -> None:
    answer = user.run(*call, "--json", stdin=b"true")
    assert (answer.code, answer.document["error"]["type"]) == (2, "UsageError")
    assert says in answer.document["error"]["message"]


def test_a_pipe_that_waits_in_vain_gives_one_line_and_is_left_alone(user: Dispatcher) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"data")
    with user.start("epyc6", "--exec", "cat", stdin=reading) as client:
        _, err = client.communicate(timeout=120)
    os.close(writing)
    assert (client.returncode, err.count(WARNING)) == (0, 1)
    assert b"--stdin" in err
    assert os.read(reading, 10) == b"data"
    os.close(reading)


def test_what_comes_while_the_command_runs_is_noticed_too(user: Dispatcher, epyc6: Vm) -> None:
    for name in ("begun", "go-on"):
        (epyc6.home / name).unlink(missing_ok=True)
    command = "touch begun; until [ -e go-on ]; do sleep 0.1; done"
    with user.start("epyc6", "--exec", command, stdin=subprocess.PIPE) as client:
        assert client.stdin is not None
        wait_until((epyc6.home / "begun").exists, 60, "the command runs")
        client.stdin.write(b"late")
        client.stdin.flush()
        (epyc6.home / "go-on").touch()
        assert client.stderr is not None
        assert client.stderr.read().count(WARNING) == 1


def test_nothing_that_waits_is_no_reason_for_a_warning(user: Dispatcher, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("data")
    never, held = os.pipe()
    with (tmp_path / "file").open() as file:
        for stdin in (subprocess.DEVNULL, file, never):
            with user.start("epyc6", "--exec", "true", stdin=stdin) as client:
                _, err = client.communicate(timeout=120)
            assert (client.returncode, WARNING in err) == (0, False)
    assert WARNING not in user.run("epyc6", "--exec", "true", stdin=b"").err
    as_command = user.run("epyc6", "--exec", "--file", "-", stdin=b"true")
    assert WARNING not in as_command.err
    os.close(held)
    os.close(never)
