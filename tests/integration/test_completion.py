"""The tab key in real shells completes what there is, quickly, and evaluates nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from dxansible.run.hosts import refresh_names
from dxansible.seen import Sighting, note_sessions, sessions
from dxansible.settings import Settings
from tests.integration.shells import BY_COMMAND, Typed, type_lines
from tests.integration.vm_processes import wait_until

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

SES = "ses_0123456789abcdef-54150442"
NASTY = "evil$(touch PWNED)`touch PWNED`;touch PWNED \\"
SHELLS = sorted(BY_COMMAND)
_HOSTS = {
    "web1": {"dx_aliases": ["front"], "dx_capabilities": ["gpu"], "dx_agent": "robot"},
    "web2": {},
    NASTY: {},
}


class Keyboard(Protocol):
    """Types keys into a shell."""

    def __call__(self, shell: str, *lines: str) -> list[Typed]:
        """Return what became of each line."""


@pytest.fixture
def keyboard(here: Dispatcher, tmp_path: Path) -> Keyboard:
    """The shells of that user, each with files of its own."""

    def environment() -> dict[str, str]:
        return {
            **here.environment,
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "XDG_STATE_HOME": str(here.home / ".local/state"),
            "LANG": "C.UTF-8",
        }

    def press(shell: str, *lines: str) -> list[Typed]:
        return type_lines(shell, lines, environment(), tmp_path / shell, BY_COMMAND)

    return press


@pytest.fixture
def known(here: Dispatcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names and sessions that earlier calls have seen."""
    inventory = tmp_path / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": _HOSTS}}))
    here.environment["DX_INVENTORY"] = str(inventory)
    monkeypatch.setenv("DX_INVENTORY", str(inventory))
    refresh_names(Settings.load())
    note_sessions([Sighting(id=SES, kind="agent", host="web1", agent="claude")])
    note_sessions([Sighting(id="smoke_1", kind="command", host="web2")])


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("shell", SHELLS)
def test_a_word_is_completed_several_are_shown_and_none_is_evaluated(
    keyboard: Keyboard, shell: str, tmp_path: Path
) -> None:
    expected = {
        "dx-dispatch fr\t": "dx-dispatch front ",
        "dx-dispatch gpu:fr\t": "dx-dispatch gpu:front ",
        "dx-dispatch 'gpu:fr\t": "dx-dispatch 'gpu:front' ",
        "dx-dispatch front --gat\t": "dx-dispatch front --gather ",
        "dx-dispatch --logs ses\t": f"dx-dispatch --logs {SES} ",
        "dx-dispatch --abort sm\t": "dx-dispatch --abort smoke_1 ",
        "dx-dispatch front --agent ro\t": "dx-dispatch front --agent robot ",
        "dx-dispatch front --agent=ro\t": "dx-dispatch front --agent=robot ",
        "dx-dispatch --engine sto\t": "dx-dispatch --engine stop ",
        "dx-dispatch x --exec --file /etc/hostn\t": "dx-dispatch x --exec --file /etc/hostname ",
        "dx-dispatch x --file=/etc/hostn\t": "dx-dispatch x --file=/etc/hostname ",
        "dx-dispatch front 'a task w\t": "dx-dispatch front 'a task w",
        "dx-dispatch --list w\t": "dx-dispatch --list w",
    }

    quoted = ("dx-dispatch ev\t", "dx-dispatch 'ev\t")
    several = ("dx-dispatch web\t\t", "dx-dispatch web1 --a\t\t")

    *found, bare, begun, hosts, options = keyboard(shell, *expected, *quoted, *several)

    assert [each.line for each in found] == list(expected.values())
    assert {"web1", "web2"} <= set(hosts.screen.split())
    assert {"--agent", "--attach-age"} <= set(options.screen.split())
    for typed in (bare, begun):
        call = typed.line.replace("dx-dispatch", "printf '<%s>'", 1)
        done = subprocess.run(
            [shell, "-c", call], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert done.stdout == f"<{NASTY}>"
    assert list(tmp_path.rglob("PWNED")) == []


@pytest.mark.resident
@pytest.mark.parametrize("shell", SHELLS)
def test_what_calls_have_started_can_be_named(
    here: Dispatcher, epyc6: Vm, keyboard: Keyboard, shell: str
) -> None:
    command = here.run(epyc6.name, "--exec", "true", "--run-id", "deploy_7")
    task = here.run(epyc6.name, "echo done", "--agent", "shell", "--wait", "--json")
    session = str(task.result["session_id"])

    assert command.code == 0
    assert {"deploy_7", session} <= {each.id for each in sessions()}
    logs, further = keyboard(shell, "dx-dispatch --logs dep\t", "dx-dispatch --session ses\t")
    assert logs.line == "dx-dispatch --logs deploy_7 "
    assert further.line == f"dx-dispatch --session {session} "
    here.run("--clean", "--age", "0", "--yes")


@pytest.mark.resident
def test_sessions_that_vms_list_can_be_named(
    here: Dispatcher, other: Dispatcher, epyc6: Vm
) -> None:
    task = other.run(epyc6.name, "echo done", "--agent", "shell", "--wait", "--json")
    other.run(epyc6.name, "--exec", "true", "--run-id", "theirs_1")
    session = str(task.result["session_id"])
    assert sessions() == []

    assert here.run("--sessions", epyc6.name).code == 0

    found = {each.id: each for each in sessions()}
    assert (found[session].agent, found[session].host) == ("shell", epyc6.name)
    assert found["theirs_1"].kind == "command"
    here.run("--clean", "--age", "0", "--yes")


def _ask(here: Dispatcher, words: bytes) -> bytes:
    return here.run(env={"_DX_DISPATCH_COMPLETE": "zsh"}, stdin=words).out


def test_hosts_are_known_once_the_inventory_has_been_read(here: Dispatcher, epyc6: Vm) -> None:
    _ask(here, b"epy")
    expected = f"{epyc6.name}\thost".encode()

    wait_until(lambda: expected in _ask(here, b"epy"), 60, "the inventory has been read")


def test_hosts_are_known_after_a_list(here: Dispatcher, epyc6: Vm) -> None:
    here.run("--list")

    assert f"{epyc6.name}\thost".encode() in _ask(here, b"epy")


@pytest.mark.usefixtures("known")
def test_an_answer_comes_at_once(here: Dispatcher) -> None:
    """In 0.3 s where an interpreter that does nothing takes 10 ms."""

    def answer() -> float:
        began = time.monotonic()
        assert b"web1\thost" in _ask(here, b"--status\0")
        return time.monotonic() - began

    def nothing() -> float:
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        return time.monotonic() - began

    found = [(answer(), nothing()) for _ in range(10)]

    assert min(ours for ours, _ in found) < 30 * min(bare for _, bare in found)
