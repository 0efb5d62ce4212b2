"""Rules of the notes that say to which hosts nothing was sent."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.sent_file import SentFile

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def notes(tmp_path: Path) -> SentFile:
    (tmp_path / "sent").touch()
    return SentFile(str(tmp_path / "sent"))


def test_the_last_note_of_a_host_counts(notes: SentFile) -> None:
    for host in ("a", "b\udcff"):
        assert notes.note_start(host)
        notes.note_wait(host)
    assert notes.note_start("a")
    assert notes.note_start("c")

    assert notes.close() == {"b\udcff"}


def test_once_it_is_closed_nothing_is_sent(notes: SentFile) -> None:
    notes.note_wait("a")

    assert notes.close() == {"a"}
    assert not notes.note_start("a")
    notes.note_wait("a")
    assert notes.close() == frozenset()


def test_a_start_and_the_close_agree(tmp_path: Path) -> None:
    for number in range(100):
        path = tmp_path / str(number)
        path.touch()
        SentFile(str(path)).note_wait("a")
        together, sent = threading.Barrier(2), list[bool]()

        def start(path: Path = path, together: threading.Barrier = together) -> None:
            together.wait()
            sent.append(SentFile(str(path)).note_start("a"))  # noqa: B023 - joined below

        thread = threading.Thread(target=start)
        thread.start()
        together.wait()
        unsent = SentFile(str(path)).close()
        thread.join()
        assert sent == ["a" not in unsent]
