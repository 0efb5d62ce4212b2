"""However a client of Jules dies, calling again leads to one session; and no secret is left."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lab import processes
from tests.services.jules import Fault

if TYPE_CHECKING:
    import subprocess

    from tests.unit.cli.conftest import Person

COMMAND = ("--jules", "--issue", "bd-123", "--claim")
REQUESTS = (
    ("GET", "sources/github/acme/widget"),
    ("GET", "sessions"),
    ("POST", "sessions"),
)
MOMENTS = [(*request, phase) for request in REQUESTS for phase in ("before", "after", "answered")]


def kill_at(person: Person, moment: tuple[str, str, str]) -> int:
    """Start a client and kill it at a moment of its conversation; return its exit code."""
    client: list[subprocess.Popen[bytes]] = []
    begun = threading.Event()

    def hook(method: str, path: str, phase: str) -> None:
        if (method, path, phase) == moment:
            begun.wait(10)
            client[0].kill()
            client[0].wait()

    person.jules.hook = hook
    client.append(person.start(*COMMAND))
    begun.set()
    client[0].communicate(timeout=60)
    person.jules.hook = lambda *_: None
    return client[0].returncode


@pytest.mark.parametrize("moment", MOMENTS, ids="-".join)
def test_a_client_killed_between_any_two_steps_and_again(
    person: Person, moment: tuple[str, str, str]
) -> None:
    code = kill_at(person, moment)
    # what was answered last may be printed before the signal comes
    assert code == -signal.SIGKILL or (code == 0 and moment == (*REQUESTS[2], "answered"))

    again = person.start(*COMMAND)
    out, err = again.communicate(timeout=60)

    (session,) = person.jules.sessions
    assert (again.returncode, out.decode().split()[0]) == (0, session), err
    assert person.jules.count("POST", "sessions") <= 2
    assert person.beads.issue("bd-123")["status"] == "in_progress"


@pytest.mark.parametrize("kills", ["show", "update before", "update", "comment before", "comment"])
def test_a_client_killed_while_it_talks_to_beads_and_again(person: Person, kills: str) -> None:
    person.beads.state = person.beads.state | {"kills": kills}
    killed = person.start(*COMMAND)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL

    again = person.start(*COMMAND)
    _, err = again.communicate(timeout=60)

    assert again.returncode == 0, err
    assert len(person.jules.sessions) == 1
    assert person.beads.issue("bd-123")["status"] == "in_progress"


def test_two_clients_after_another_that_died_find_the_same(person: Person) -> None:
    kill_at(person, ("POST", "sessions", "after"))

    outs = [person.start(*COMMAND).communicate(timeout=60)[0] for _ in range(2)]

    assert outs[0] == outs[1] != b""
    assert len(person.jules.sessions) == 1


def test_a_ctrl_c_while_waiting_leaves_the_session(person: Person) -> None:
    person.jules.states = ["IN_PROGRESS"]
    client = person.start(*COMMAND, "--wait", "--json")
    seen = threading.Event()
    person.jules.hook = lambda _method, path, phase: (
        seen.set() if path.endswith("/activities") and phase == "answered" else None
    )
    assert seen.wait(30)
    client.send_signal(signal.SIGINT)
    out, err = client.communicate(timeout=30)

    assert client.returncode == 130
    assert b"stopped following; the work continues at Jules" in err
    assert b'"outcome": null, "exit_code": 130' in out


CANARY = "canary-a0b1c2d3e4f5"


def test_the_key_is_nowhere_but_in_the_request(person: Person) -> None:
    person.jules.key = CANARY
    looked: list[set[int]] = []

    def hook(_method: str, _path: str, _phase: str) -> None:
        looked.append(processes.running(CANARY))

    person.jules.hook = hook
    body = f'{{"error": {{"status": "X", "message": "key {CANARY} is bad"}}}}'.encode()
    person.jules.fail("GET", "1", Fault(status=503, body=body), times=2)
    person.jules.fail("GET", "/activities", Fault(status=400, body=body), times=1)
    texts = []
    for arguments in (
        (*COMMAND, "--wait", "-v"),
        ("--jules", "--issue", "bd-123", "--dry-run", "--json"),
        ("--sessions", "--jules", "--json", "-v"),
        ("--status", "1" * 19),
        ("--jules", "x", "--repo", "acme/other", "-v", "--json"),
    ):
        client = person.start(*arguments, JULES_API_KEY=CANARY, DX_LOG_FORMAT="json")
        texts += [each.decode() for each in client.communicate(timeout=60)]
    person.jules.key = "another"
    client = person.start("--sessions", "--jules", "-v", JULES_API_KEY=CANARY)
    texts += [each.decode() for each in client.communicate(timeout=60)]

    assert "SUCCESS" in "".join(texts)
    assert "is not a Jules API key" in texts[-1]
    assert looked
    assert set().union(*looked) == set()
    for text in texts:
        assert CANARY not in text
    for root, _directories, files in os.walk(person.home):
        for name in files:
            assert CANARY.encode() not in (Path(root) / name).read_bytes(), name
