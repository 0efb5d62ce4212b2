"""Rules of the log's file."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dxansible.log_file import LogFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MANY = """
import sys
from pathlib import Path
from dxansible.log_file import LogFile

path, name, count, limit, kept = sys.argv[1:]
failures = []
log = LogFile(Path(path), failures.append, limit=int(limit), kept=int(kept))
for number in range(int(count)):
    log.write(f"{name} {number} {'x' * (number % 90)}\\n")
sys.exit(len(failures))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A path whose directories are not there yet."""
    return tmp_path / "state" / "dxansible" / "log" / "dx-dispatch.log"


@pytest.fixture
def failures() -> list[str]:
    return []


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_its_owner_may_read_it(path: Path, failures: list[str]) -> None:
    before = os.umask(0)
    try:
        LogFile(path, failures.append).write("one\n")
    finally:
        os.umask(before)

    assert (mode(path), mode(path.parent), mode(path.parent.parent)) == (0o600, 0o700, 0o700)
    assert (path.read_text(), failures) == ("one\n", [])


def test_a_full_file_is_kept_under_another_name_and_the_oldest_goes(
    path: Path, failures: list[str]
) -> None:
    log = LogFile(path, failures.append, limit=10, kept=3)
    for number in range(5):
        log.write(f"line {number}\n")  # 7 bytes: one fits

    files = {each.name.removeprefix(path.name): each.read_text() for each in path.parent.iterdir()}
    assert files == {"": "line 4\n", ".1": "line 3\n", ".2": "line 2\n"}
    assert {mode(each) for each in path.parent.iterdir()} == {0o600}


def test_a_line_over_the_limit_is_whole(path: Path, failures: list[str]) -> None:
    log = LogFile(path, failures.append, limit=10)
    log.write("x" * 50 + "\n")
    log.write("short\n")

    assert path.with_name(f"{path.name}.1").read_text() == "x" * 50 + "\n"
    assert path.read_text() == "short\n"


def test_processes_that_write_at_once_lose_and_mix_no_line(path: Path) -> None:
    names, count = ("first", "second", "third", "fourth"), 2000
    padded = [f"{number} {'x' * (number % 90)}" for number in range(count)]
    writers = [
        subprocess.Popen([sys.executable, "-c", MANY, str(path), name, str(count), "4000", "1000"])
        for name in names
    ]
    assert [each.wait(120) for each in writers] == [0] * len(names)

    lines = [line for each in path.parent.iterdir() for line in each.read_text().splitlines()]
    expected = [f"{name} {each}" for name in names for each in padded]
    assert len(list(path.parent.iterdir())) > 5
    assert sorted(lines) == sorted(expected)


def test_a_file_that_was_taken_away_is_made_anew(path: Path, failures: list[str]) -> None:
    log = LogFile(path, failures.append)
    log.write("one\n")
    path.unlink()
    path.parent.rmdir()
    log.write("two\n")

    assert (path.read_text(), failures) == ("two\n", [])


def test_a_line_that_a_full_disk_has_cut_stays_alone(path: Path, failures: list[str]) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("cut in the mid")
    LogFile(path, failures.append).write("whole\n")

    assert path.read_text() == "cut in the mid\nwhole\n"


def _no_directory(path: Path) -> None:
    path.parent.parent.parent.mkdir()
    path.parent.parent.write_text("a file")


def _full_disk(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to("/dev/full")


def _directory(path: Path) -> None:
    path.mkdir(parents=True)


@pytest.mark.parametrize(
    ("obstruct", "reason"),
    [
        (_no_directory, "exists"),
        (_full_disk, "No space left"),
        (_directory, "directory"),
    ],
)
def test_what_keeps_it_from_being_written_is_said_once(
    path: Path, failures: list[str], obstruct: Callable[[Path], None], reason: str
) -> None:
    obstruct(path)
    log = LogFile(path, failures.append)
    for _ in range(3):
        assert log.write("line\n") == 5
        log.flush()

    (said,) = failures
    assert reason in said


def test_while_another_process_renames_the_files_lines_are_still_written(
    path: Path, failures: list[str]
) -> None:
    log = LogFile(path, failures.append, limit=10)
    log.write("line 1\n")
    with subprocess.Popen(
        ["flock", "-x", str(path), "sh", "-c", "echo locked; read -r _"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        log.write("line 2\n")
        other.communicate(b"\n")
    log.write("line 3\n")

    assert path.with_name(f"{path.name}.1").read_text() == "line 1\nline 2\n"
    assert (path.read_text(), failures) == ("line 3\n", [])
