"""Rules of the file of DX_EVENTS, and of events on standard output."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dxansible.render.event_file import EventFile
from dxansible.render.screen import Outlet, Screen

LINE = b'{"event": "x"}\n'


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    logging.getLogger("dxansible").propagate = True
    caplog.set_level(logging.WARNING)
    return caplog


def test_a_new_file_is_its_owner_s_alone_and_an_old_one_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for _ in range(2):
        file = EventFile(path)
        file.write(LINE)
        file.close()
        file.write(LINE)  # nothing happens

    assert path.read_bytes() == LINE * 2
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_mode_of_an_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.touch(0o640)
    path.chmod(0o640)
    EventFile(path).close()

    assert path.stat().st_mode & 0o777 == 0o640


WRITER = """
import sys, pathlib
from dxansible.render.event_file import EventFile
file = EventFile(pathlib.Path(sys.argv[1]))
for number in range(300):
    file.write(b'{"by": "%s", "text": "%s"}\\n' % (sys.argv[2].encode(), b"x" * (number * 50)))
"""


def test_several_processes_share_a_file_and_no_line_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    names = [str(number) for number in range(4)]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path, name]) for name in names]
    assert [each.wait(60) for each in writers] == [0] * 4

    found = [json.loads(line) for line in path.read_bytes().splitlines()]
    for name in names:
        lengths = [len(each["text"]) for each in found if each["by"] == name]
        assert lengths == [number * 50 for number in range(300)]


@pytest.mark.parametrize(
    ("name", "why"),
    [("no/such", "No such file or directory"), (".", "Is a directory"), ("fifo", "nobody reads")],
)
def test_what_can_not_be_opened_gives_one_warning(
    tmp_path: Path, said: pytest.LogCaptureFixture, name: str, why: str
) -> None:
    os.mkfifo(tmp_path / "fifo")
    file = EventFile(tmp_path / name)
    file.write(LINE)
    file.close()

    (record,) = said.records
    assert record.getMessage().startswith("events_not_written path=")
    assert why in record.getMessage()


def test_a_full_disk_gives_one_warning(said: pytest.LogCaptureFixture) -> None:
    file = EventFile(Path("/dev/full"))
    for _ in range(3):
        file.write(LINE)

    (record,) = said.records
    assert "No space left on device" in record.getMessage()


def test_a_fifo_s_reader_gets_every_line(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    got: list[bytes] = []

    def read() -> None:
        while piece := os.read(reader, 5000):
            got.append(piece)

    thread = threading.Thread(target=read)
    file = EventFile(path)
    thread.start()
    for number in range(2000):
        file.write(b"%d %s\n" % (number, b"x" * 500))
    file.close()
    thread.join(30)
    os.close(reader)

    assert [int(line.split()[0]) for line in b"".join(got).splitlines()] == list(range(2000))
    assert not said.records


def test_a_fifo_that_is_not_read_costs_a_moment_once(
    tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    file, began = EventFile(path), time.monotonic()
    for number in range(1000):
        file.write(b"%d %s\n" % (number, b"x" * 9000))
    took = time.monotonic() - began
    held = b""
    while piece := _piece(reader):
        held += piece
    file.write(LINE)  # the reader is back
    *lines, last = (held + _piece(reader)).splitlines()
    os.close(reader)

    assert took < 20
    (record,) = said.records
    assert "its reader is too slow" in record.getMessage()
    assert last + b"\n" == LINE
    assert all(len(line) > 9000 for line in lines[:-1])


def _piece(reader: int) -> bytes:
    try:
        return os.read(reader, 65536)
    except BlockingIOError:
        return b""


def test_a_reader_of_a_fifo_that_leaves_gives_one_warning(
    tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    file = EventFile(path)
    file.write(LINE)
    os.close(reader)
    file.write(LINE)
    file.write(LINE)

    (record,) = said.records
    assert "nobody reads it any more" in record.getMessage()


def test_nothing_is_written_once_the_reader_of_standard_output_has_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = os.pipe()
    gone: list[str] = []
    with os.fdopen(writer, "wb", buffering=0) as stream:
        monkeypatch.setattr(sys, "stdout", _Stdout(stream))
        output = Outlet(Screen(), lambda: gone.append("gone"))
        output.write(LINE)
        assert os.read(reader, 100) == LINE
        os.close(reader)
        output.write(LINE)
        output.write(LINE)

    assert gone == ["gone"]


class _Stdout:
    def __init__(self, buffer: object) -> None:
        self.buffer = buffer
