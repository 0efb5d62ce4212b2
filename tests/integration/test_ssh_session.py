"""Rules of sessions over a live connection: real control masters of a real sshd."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_session import (
    ConnectionEndedError,
    hang_up,
    run,
    sent_environment,
)

from tests.integration.vm_processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory whose path is short enough for sockets."""
    directory = Path(tempfile.mkdtemp(prefix="dxt-"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def start(lab: Lab, epyc6: Vm, place: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a control master with its socket at ``place / "s"``."""
    started = []

    def begin(*options: str) -> subprocess.Popen[bytes]:
        config, socket_path = lab.client_home / ".ssh" / "config", place / "s"
        where = ["-p", str(epyc6.port), f"{epyc6.user}@{epyc6.address}"]
        refuses = {"SSH_ASKPASS": "/bin/false", "SSH_ASKPASS_REQUIRE": "force"}
        started.append(
            subprocess.Popen(
                ["ssh", "-F", str(config), "-S", str(socket_path), "-N", *options, *where],
                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | refuses,
            )
        )  # fmt: skip
        wait_until(socket_path.exists, 60, "the master listens")
        return started[-1]

    yield begin
    for each in started:
        each.kill()
        each.wait()


@pytest.fixture
def path(start: Callable[..., subprocess.Popen[bytes]], place: Path) -> str:
    """The socket of a master that takes sessions."""
    start("-M")
    return str(place / "s")


@pytest.mark.parametrize(
    ("command", "data", "answer"),
    [
        ("echo out; echo err >&2; cat; exit 7", b"in\xff", (7, b"out\nin\xff", b"err\n")),
        ("true", b"", (0, b"", b"")),
        ("echo \"$0\" '$HOME' ü", b"\n", None),
        ("wc -c", b"x" * 5_000_000, (0, b"5000000\n", b"")),
        ("exit 3", b"x" * 5_000_000, (3, b"", b"")),
        ("head -c 5000000 /dev/zero; echo e >&2", b"", (0, bytes(5_000_000), b"e\n")),
    ],
)  # fmt: skip
def test_a_session_is_what_ssh_makes_of_it(
    path: str, command: str, data: bytes, answer: tuple[int, bytes, bytes] | None
) -> None:
    theirs = subprocess.run(
        ["ssh", "-S", path, "-F", "none", "x", command],
        input=data,
        capture_output=True,
        check=False,
    )

    found = run(path, command, data)

    assert found is not None
    assert (found[0], found[1].strip(), found[2]) == (
        theirs.returncode, theirs.stdout.strip(), theirs.stderr,
    )  # fmt: skip
    assert answer is None or (found[0], found[1].lstrip(), found[2]) == answer


def test_without_a_master_nothing_has_begun(place: Path) -> None:
    path = place / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        assert run(str(path), "true", b"") is None
        listener.bind(str(path))
        assert run(str(path), "true", b"") is None
        listener.listen()

        def answer() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert run(str(path), "true", b"") is None
        thread.join()


def test_a_master_that_refuses_has_begun_nothing(
    start: Callable[..., subprocess.Popen[bytes]], place: Path, epyc6: Vm
) -> None:
    start("-o", "ControlMaster=ask")

    assert run(str(place / "s"), "touch ~/began", b"") is None
    assert not (epyc6.home / "began").exists()


def test_a_command_that_a_signal_ends_has_no_exit_code(path: str) -> None:
    with pytest.raises(ConnectionEndedError):
        run(path, "kill -9 $$", b"")


@pytest.mark.parametrize("end", ["sessions", "master", "hang up"])
def test_a_connection_that_ends_in_the_middle_is_lost(
    start: Callable[..., subprocess.Popen[bytes]], place: Path, epyc6: Vm, end: str
) -> None:
    until_gone = "while [ -e ~/began ]; do sleep 0.1; done"
    master, began = start("-M"), epyc6.home / "began"
    began.unlink(missing_ok=True)

    def cut() -> None:
        wait_until(began.exists, 60, "the command runs")
        match end:
            case "sessions":
                epyc6.kill_sessions()
            case "master":
                master.send_signal(signal.SIGKILL)
            case _:
                hang_up("mark=7")

    thread = threading.Thread(target=cut)
    thread.start()
    before = time.monotonic()
    with pytest.raises(ConnectionEndedError):
        run(str(place / "s"), f": mark=7; touch ~/began; {until_gone}", b"")
    thread.join()
    began.unlink()  # ends what the VM has been left with

    assert time.monotonic() - before < 200


def test_what_is_sent_of_the_environment_is_ssh_s_choice() -> None:
    environ = {"LANG": "C", "LC_ALL": "de", "LC[X]": "1", "TOKEN": "secret", "XLANG": ""}

    assert sent_environment(["LANG", "LC_*"], environ) == ["LANG=C", "LC_ALL=de"]
    assert sent_environment(["LC[X]", "T?KEN"], environ) == ["LC[X]=1", "TOKEN=secret"]
    assert sent_environment([], environ) == []


def test_a_call_over_a_live_connection_starts_no_ssh(user: Dispatcher, place: Path) -> None:
    log = place / "log"
    wrapper = place / "ssh"
    wrapper.write_text(f'#!/bin/sh\necho "$*" >>{log}\nexec {shutil.which("ssh")} "$@"\n')
    wrapper.chmod(0o755)
    environment = {"PATH": f"{place}:{os.environ['PATH']}"}
    first = user.run("epyc6", "--exec", "echo $LANG", env={**environment, "LANG": "C.UTF-8"})
    assert first.code == 0, first.err
    assert log.read_text().count("sh -c") > 0
    log.unlink()

    second = user.run("epyc6", "--exec", "cat; exit 5", env=environment)

    assert second.code == 1
    lines = log.read_text().splitlines() if log.exists() else []
    assert [line for line in lines if not line.startswith("-G")] == []
