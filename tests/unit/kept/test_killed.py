"""What ends a client, and what becomes of its call then; nothing stays behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.kept.person import Person, answer
from tests.unit.waiting import runs, wait_until

if TYPE_CHECKING:
    import subprocess

LAST = "echo begun >>~/ran; touch ~/ready; until [ -e ~/finish ]; do sleep 0.1; done; echo >~/ended"


def begun(person: Person, command: str = LAST, *more: str) -> subprocess.Popen[str]:
    """A call whose command runs."""
    for name in ("ran", "ready", "finish", "ended"):
        (person.home / name).unlink(missing_ok=True)
    process = person.dispatch("here", "--exec", command, "-v", "--timeout", "100", *more)
    wait_until((person.home / "ready").exists)
    return process


def files(person: Person) -> int:
    """Sockets and other files that the worker has open, one more for each call."""
    return len(list(Path(f"/proc/{person.family()[-1]}/fd").iterdir()))


def test_a_killed_client_leaves_its_command_to_run_and_nothing_here(regular: Person) -> None:
    before = files(regular)
    process = begun(regular)
    process.kill()
    answer(process)
    wait_until(lambda: files(regular) <= before)
    (regular.home / "finish").touch()

    wait_until((regular.home / "ended").exists)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_client_stops_its_command(regular: Person, number: int) -> None:
    before = files(regular)
    process = begun(regular)
    os.killpg(process.pid, number)
    said = answer(process)

    assert said.code == 130
    assert "aborted host=here" in said.err
    assert "Traceback" not in said.err
    wait_until(lambda: files(regular) <= before)
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


_TAKE = """
import json, os, socket, sys
from pathlib import Path
from dxansible.kept import client as engine
from dxansible.settings import Settings
settings = Settings.load()
place = engine._Place(settings.inventory, settings.playbooks, settings.environment)
text = b"echo ran >>~/raced"
head = {"summary": "x", "stdin": 0, "text": len(text)}
payload = json.dumps(head).encode() + b"\\n" + text
head = {
    "began": 10.0**9, "limit": "here", "operation": "run_command", "forks": 5, "flow": False,
    "variables": {"dx_run_id": sys.argv[1], "dx_stream": True}, "payload": len(payload),
}
line = socket.socket(socket.AF_UNIX)
line.connect(place.path)
line.sendall(json.dumps(head).encode() + b"\\n")
answers = line.makefile("rb")
assert answers.readline() == b"yes\\n"
if sys.argv[2] == "part":
    line.sendall(b"go\\n" + payload[:-1])
if sys.argv[2] == "all":
    line.sendall(b"go\\n" + payload)
    told = [record for batch in answers for record in json.loads(batch)]
    assert told[-1] == {"kind": "end"}, told
"""


@pytest.mark.parametrize("sent", ["nothing", "part"])
def test_a_client_that_leaves_before_all_is_said_has_started_nothing(
    regular: Person, sent: str
) -> None:
    before = files(regular)
    raced = regular.home / "raced"
    raced.unlink(missing_ok=True)
    said = answer(regular.program(_TAKE, f"run_{sent}", sent))
    assert said.code == 0, said.err
    wait_until(lambda: files(regular) <= before)

    assert not raced.exists()
    said = answer(regular.program(_TAKE, f"run_{sent}_all", "all"))
    assert said.code == 0, said.err
    assert raced.read_text() == "ran\n"


def test_a_killed_engine_leaves_no_process_and_no_file_of_its_run(person: Person) -> None:
    person.warm()
    process = begun(person)
    family = person.family()
    os.kill(family[0], signal.SIGKILL)
    wait_until(lambda: not any(map(runs, family)))
    (person.home / "finish").touch()
    said = answer(process)

    assert said.code == 0
    assert (person.home / "ran").read_text() == "begun\n"
    wait_until(lambda: list(person.run_directory.iterdir()) == [person.engines])
