"""A client's end is the end of its call, whatever ends it; nothing stays behind."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.engine.person import Person, answer
from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    import subprocess

LAST = "touch ~/ready; while [ ! -e ~/finish ]; do sleep 0.1; done; echo end >~/ended"


def begun(person: Person, command: str = LAST, *more: str) -> subprocess.Popen[str]:
    """A call whose command runs."""
    for name in ("ready", "finish", "ended"):
        (person.home / name).unlink(missing_ok=True)
    process = person.dispatch("here", "--exec", command, "-v", "--timeout", "60", *more)
    wait_until((person.home / "ready").exists)
    return process


def of_calls(person: Person) -> list[str]:
    """Forks of engines, and processes of runs."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            line = (path / "cmdline").read_bytes().strip(b"\0").split(b"\0")
            home = f"HOME={person.home}".encode() in (path / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        private = any(f"{person.run_directory}/dx-".encode() in word for word in line)
        if private or (home and line[0] == b"dx-dispatch"):
            found.append(b" ".join(line).decode())
    return found


def test_a_fork_shows_the_command_line_by_which_what_is_left_of_a_run_is_found(
    regular: Person,
) -> None:
    process = begun(regular)
    forks = [line for line in of_calls(regular) if line.split()[0].endswith("bin/ansible-playbook")]
    (regular.home / "finish").touch()
    said = answer(process)

    assert (said.code, regular.reason(said)) == (0, "")
    assert len(forks) >= 3  # the warden, the playbook and its worker
    assert all("/env/" in line for line in forks)


def forks(person: Person) -> list[int]:
    """The engine's processes of calls: each call's and, before it, the one that watches over it."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            line = (path / "cmdline").read_bytes().strip(b"\0")
            home = f"HOME={person.home}".encode() in (path / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if home and line == b"dx-dispatch":
            found.append(int(path.name))
    return sorted(found)


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("which", [0, -1], ids=["its warden", "the call itself"])
def test_a_call_whose_process_is_killed_is_named_to_come_back_to(
    regular: Person, which: int, *, as_json: bool
) -> None:
    process = begun(regular, LAST, *(["--json"] if as_json else []))
    os.kill(forks(regular)[which], signal.SIGKILL)
    said = answer(process)

    assert said.code == 1
    if as_json:
        (result,) = json.loads(said.out)["results"]
        session = result["session_id"]
        assert (result["outcome"], result["reason"]) == ("FAILURE", "lost_contact")
    else:
        session = said.err.rpartition("dx-dispatch --logs ")[2].strip()
    (regular.home / "finish").touch()
    wait_until((regular.home / "ended").exists)
    back = answer(regular.dispatch("--logs", session))
    assert back.code == 0


def test_a_killed_client_leaves_its_command_to_run_and_nothing_here(regular: Person) -> None:
    process = begun(regular)
    assert len(of_calls(regular)) > 4
    process.kill()
    answer(process)
    wait_until(lambda: not of_calls(regular))
    wait_until(
        lambda: [path.name for path in regular.run_directory.iterdir()] == [regular.engines.name]
    )
    (regular.home / "finish").touch()

    wait_until((regular.home / "ended").exists)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_client_stops_its_command(regular: Person, number: int) -> None:
    process = begun(regular)
    os.killpg(process.pid, number)
    said = answer(process)

    assert said.code == 130
    assert "aborted host=here" in said.err
    assert "Traceback" not in said.err
    wait_until(lambda: not of_calls(regular))
    (regular.home / "finish").touch()
    assert not (regular.home / "ended").exists()


def test_a_second_interrupt_does_not_wait(regular: Person) -> None:
    process = begun(regular, f"trap '' TERM; {LAST}")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "stopping the command" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    said = answer(process)
    (regular.home / "finish").touch()

    assert (said.code, "may still be running" in said.err) == (130, True)


def test_a_suspended_client_suspends_its_call_and_goes_on_with_it(regular: Person) -> None:
    process = begun(regular)
    calls = [pid for pid in children_of_engines(regular) if state(pid) != "Z"]
    process.send_signal(signal.SIGTSTP)
    wait_until(lambda: state(process.pid) == "T")
    wait_until(lambda: "T" in {state(pid) for pid in calls})
    process.send_signal(signal.SIGCONT)
    wait_until(lambda: "T" not in {state(pid) for pid in calls})
    (regular.home / "finish").touch()

    assert answer(process).code == 0


def children_of_engines(person: Person) -> list[int]:
    family = set(person.pids())
    for _ in range(2):
        family |= {
            int(path.name) for path in Path("/proc").glob("[0-9]*") if parent(path) in family
        }
    return sorted(family - set(person.pids()))


def parent(path: Path) -> int:
    try:
        return int((path / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


_LEAVE = """
import os, sys
from _socket import AF_UNIX, SOCK_STREAM, socket
from dxansible.engine import caller, client
from dxansible.engine.wire import pack
text = caller.context(caller.DISPATCH, os.environ["PYTHONPATH"])
fds = client._open_fds()
arguments = ["dx-dispatch", "here", "--exec", "echo ran >>~/raced"]
request = pack([text, *client._fields(arguments, "", dict(os.environb), "", fds)])
line = socket(AF_UNIX, SOCK_STREAM)
line.connect(caller.address(text))
client._offer(line, request)
if sys.argv[1:] == ["go"]:
    sys.exit(client._accompany(line, fds))
"""


def test_a_client_that_leaves_between_yes_and_go_has_started_nothing(regular: Person) -> None:
    before = children_of_engines(regular)
    raced = regular.home / "raced"
    assert answer(regular.program(_LEAVE)).code == 0
    wait_until(lambda: children_of_engines(regular) == before)

    assert not raced.exists()
    assert answer(regular.program(_LEAVE, "go")).code == 0
    assert raced.read_text() == "ran\n"
