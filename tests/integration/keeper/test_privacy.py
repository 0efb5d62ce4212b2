"""The command's text is its owner's business."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from tests.integration.keeper.machine import wait_until
from tests.lab import processes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.keeper.machine import Machine

SECRET = "hunter2-in-the-text"  # noqa: S105 # it is what the test looks for
COMMAND = f": {SECRET}; while [ ! -e go ]; do sleep 0.05; done"


def test_no_process_list_shows_the_text(machine: Machine) -> None:
    call = machine.begin("s", COMMAND, wait=20)
    wait_until((machine.session("s") / "leader").exists)
    for _ in range(5):
        assert not processes.running(SECRET)
    (machine.home / "go").touch()
    assert call.reply().code == 0


def test_no_file_has_the_text_afterwards(machine: Machine) -> None:
    (machine.home / "go").touch()
    machine.run("s", COMMAND)
    files = [path for path in machine.home.rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


def test_only_the_owner_can_look(machine: Machine) -> None:
    machine.start("s", COMMAND, wait=1)
    modes = {path: _mode(path) for path in [machine.state, *machine.state.rglob("*")]}
    (machine.home / "go").touch()
    machine.follow("s")
    modes |= {path: _mode(path) for path in machine.state.rglob("*")}
    assert {path.name for path in modes} >= {"sessions", "command", "claim", "end", "supervisor"}
    assert {mode for mode in modes.values() if stat.S_ISDIR(mode)} == {stat.S_IFDIR | 0o700}
    others = {mode for mode in modes.values() if not stat.S_ISDIR(mode)}
    assert others == {stat.S_IFREG | 0o600, stat.S_IFIFO | 0o600}


def _mode(path: Path) -> int:
    return path.lstat().st_mode
