"""Rules of the private directory of a run, and of handing a text over."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dxansible.errors import EngineError
from dxansible.run.workspace import private_directory, serve_on_socket
from tests.unit.waiting import runs, wait_until

_OWNER = """
import subprocess, sys
from pathlib import Path
from dxansible.run.workspace import private_directory
with private_directory(Path(sys.argv[1])) as directory:
    (directory / "env").mkdir()
    playbook = subprocess.Popen(["sh", "-c", "sleep 60; :", f"{directory}/env/cmdline"])
    print(directory, playbook.pid, flush=True)
    sys.stdin.read()
"""


def read(path: Path) -> bytes:
    with socket.socket(socket.AF_UNIX) as reader:
        reader.connect(str(path))
        return b"".join(iter(lambda: reader.recv(65536), b""))


def test_the_directory_is_its_owners_alone_and_is_gone_after_use(tmp_path: Path) -> None:
    with private_directory(tmp_path) as directory:
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        (directory / "file").write_text("text")

    assert list(tmp_path.iterdir()) == []


def test_the_directory_is_gone_after_an_exception_too(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), private_directory(tmp_path):
        raise KeyboardInterrupt

    assert list(tmp_path.iterdir()) == []


def test_two_runs_at_once_have_two_directories(tmp_path: Path) -> None:
    with private_directory(tmp_path) as first, private_directory(tmp_path) as second:
        assert first != second


def test_it_says_where_no_directory_can_be_made() -> None:
    with pytest.raises(EngineError, match="in /proc: "), private_directory(Path("/proc")):
        pass


def test_nothing_is_left_by_an_owner_that_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _OWNER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        directory, playbook = owner.stdout.readline().decode().split()
        assert os.listdir(tmp_path) == [os.path.basename(directory)]  # noqa: PTH119, PTH208 - text

        os.kill(owner.pid, signal.SIGKILL)

    wait_until(lambda: not list(tmp_path.iterdir()))
    wait_until(lambda: not runs(int(playbook)))


@pytest.mark.parametrize("name", ["runs.of", "runs[of", "runs*of"])
def test_the_directory_s_name_is_no_pattern(tmp_path: Path, name: str) -> None:
    parent = tmp_path / name
    parent.mkdir()
    command = [sys.executable, "-c", _OWNER, str(parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        directory, playbook = owner.stdout.readline().decode().split()
        other = f"{directory.replace(name, 'runs-of')}/env/cmdline"
        with subprocess.Popen(["sh", "-c", "sleep 60; :", other]) as stranger:
            owner.kill()
            wait_until(lambda: not list(parent.iterdir()))
            wait_until(lambda: not runs(int(playbook)))
            with pytest.raises(subprocess.TimeoutExpired):
                stranger.wait(1)
            stranger.kill()


def test_nothing_is_left_where_the_helper_that_cleans_up_was_killed(tmp_path: Path) -> None:
    with private_directory(tmp_path) as directory:
        (directory / "env").mkdir()
        playbook = subprocess.Popen(["sh", "-c", "sleep 60; :", f"{directory}/env/cmdline"])
        (janitor,) = [
            path
            for path in Path("/proc").glob("[0-9]*")
            if cmdline(path)[3:] == ["dx-janitor", str(directory)]
        ]
        os.kill(int(janitor.name), signal.SIGKILL)

    assert list(tmp_path.iterdir()) == []
    assert playbook.wait(10) == -signal.SIGKILL


def cmdline(path: Path) -> list[str]:
    try:
        return (path / "cmdline").read_text().rstrip("\0").split("\0")
    except OSError:
        return []


@pytest.mark.parametrize("text", [b"", b"make test", bytes(range(256)) * 20_000])
def test_every_reader_gets_the_whole_text(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "text.sock"
    texts: list[bytes] = []

    with serve_on_socket(text, path):
        readers = [threading.Thread(target=lambda: texts.append(read(path))) for _ in range(20)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()

    assert texts == [text] * 20


def test_only_the_owner_may_read_the_text(tmp_path: Path) -> None:
    path = tmp_path / "text.sock"

    with serve_on_socket(b"make test", path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_reader_that_leaves_early_does_not_matter_to_the_next(tmp_path: Path) -> None:
    path = tmp_path / "text.sock"
    text = b"x" * 10_000_000

    with serve_on_socket(text, path):
        with socket.socket(socket.AF_UNIX) as hasty:
            hasty.connect(str(path))
            assert hasty.recv(1) == b"x"
        assert read(path) == text


def test_nobody_is_served_after_the_end(tmp_path: Path) -> None:
    path = tmp_path / "text.sock"

    with serve_on_socket(b"make test", path):
        pass

    with pytest.raises(ConnectionRefusedError):
        read(path)
