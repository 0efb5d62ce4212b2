"""What calls have seen is kept privately, bounded, and never trusted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from dxansible.seen import Names, Sighting, keep_names, names_of, note_sessions, sessions
from dxansible.settings import state_dir

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def _ids() -> list[str]:
    return [each.id for each in sessions()]


def test_the_session_seen_last_comes_first_and_each_once(home: Path) -> None:
    assert home.exists()
    assert _ids() == []
    note_sessions([Sighting(id="a", kind="agent", host="h", agent="claude")])
    note_sessions([Sighting(id="c", kind="command"), Sighting(id="b", kind="jules")])
    note_sessions([Sighting(id="a", kind="agent", host="g", agent="codex")])

    assert _ids() == ["a", "c", "b"]
    assert sessions()[0] == Sighting(id="a", kind="agent", host="g", agent="codex")


def test_the_newest_are_kept_and_the_file_stays_small(home: Path) -> None:
    assert home.exists()
    for number in range(3000):
        note_sessions([Sighting(id=f"ses_{number:040}", kind="agent", host="h", agent="claude")])

    assert _ids() == [f"ses_{number:040}" for number in range(2999, 2799, -1)]
    assert (state_dir() / "seen" / "sessions").stat().st_size <= 64 * 1024 + 100


def test_many_calls_at_once_lose_and_mix_nothing(home: Path) -> None:
    assert home.exists()
    with ThreadPoolExecutor(20) as threads:
        for number in range(150):
            threads.submit(note_sessions, [Sighting(id=f"cmd_{number}", kind="command")])

    assert sorted(_ids()) == sorted(f"cmd_{number}" for number in range(150))


def test_nobody_else_can_read_it(home: Path) -> None:
    note_sessions([Sighting(id="a", kind="agent")])
    keep_names("/inventory", Names(hosts=("h",)))

    directory = home / ".local/state/dxansible/seen"
    assert directory.stat().st_mode & 0o777 == 0o700
    assert len(list(directory.iterdir())) == 2
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}


def test_words_that_are_no_words_are_not_kept(home: Path) -> None:
    assert home.exists()
    bad = ["a\nb", "a\tb", "\x1b]0;x\x07", "\u202e"]
    note_sessions(Sighting(id=each, kind="agent") for each in [*bad, "good"])
    keep_names("/inventory", Names(stamp="1", hosts=(*bad, "good"), groups=("g",)))

    assert _ids() == ["good"]
    assert names_of("/inventory") == Names(stamp="1", hosts=("good",), groups=("g",))
    assert names_of("/other") == Names()


def test_a_broken_file_is_read_as_far_as_possible(home: Path) -> None:
    note_sessions([Sighting(id="a", kind="agent")])
    path = home / ".local/state/dxansible/seen/sessions"
    path.write_bytes(b"\xff\xfe\n\tx\nb\tagent\t\x1b[2J\t\n" + path.read_bytes() + b"cut\tag")

    assert _ids() == ["a"]


def test_a_directory_that_cannot_be_written_costs_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "file"))

    note_sessions([Sighting(id="a", kind="agent")])
    keep_names("/inventory", Names(hosts=("h",)))

    assert (_ids(), names_of("/inventory")) == ([], Names())


def test_a_link_in_the_place_of_the_file_is_not_followed(home: Path) -> None:
    directory = home / ".local/state/dxansible/seen"
    directory.mkdir(parents=True)
    (directory / "sessions").symlink_to(home / "elsewhere")

    note_sessions([Sighting(id="a", kind="agent")])

    assert not (home / "elsewhere").exists()
