"""Clients of --finalize-pr that are killed, once something has been seen."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.lab import processes
from tests.services.github import GitHubFault
from tests.unit.cli.office import FIRST

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import Person
    from tests.unit.cli.office import Office
    from tests.unit.cli.test_command import Answer

    Call = Callable[..., Answer]

pytestmark = [
    pytest.mark.resident,
    pytest.mark.skipif(not shutil.which("git"), reason="no git"),
]


class Killed:
    """A client of one's own process, killed once something has been seen."""

    def __init__(self, office: Office, person: Person, session: str) -> None:
        self.running: subprocess.Popen[bytes] = person.start("--finalize-pr", session)
        self.office = office

    def once(self, seen: Callable[[], bool]) -> None:
        end = time.monotonic() + 180
        while not seen():
            if late := time.monotonic() > end:
                self.running.kill()
            assert not late, self.running.communicate()
            assert self.running.poll() is None, self.running.communicate()
            time.sleep(0.02)
        self.running.send_signal(signal.SIGKILL)
        self.running.communicate()


@pytest.mark.newcomer
def test_a_client_that_is_killed_during_the_push_leaves_nothing_half_done(
    office: Office, person: Person, call: Call, home: Path
) -> None:
    """And meanwhile the token is in no process list, and in no file."""
    wait = "touch ~/pushing; until [ -e ~/go ]; do sleep 0.05; done"
    office.project.hook(office.project.repo, "pre-push", wait)
    session = office.session()
    client = Killed(office, person, session)

    client.once((home / "pushing").exists)
    words = office.github.token.encode()
    shown = processes.running(office.github.token)
    kept = [path for path in home.rglob("*") if path.is_file() and words in _bytes(path)]
    (home / "go").touch()
    again = call("--finalize-pr", session, "--queue")

    assert (again.code, again.out) == (0, f"{FIRST}\n".encode()), again.err
    assert (shown, kept) == (set(), [])
    assert words.decode() not in again.err
    assert office.pushed == ["Mend it", "first"]
    assert len(office.github.pulls) == 1


@pytest.mark.parametrize("done", [True, False])
def test_a_client_that_is_killed_during_the_create_never_makes_a_second_one(
    office: Office, person: Person, call: Call, *, done: bool
) -> None:
    session = office.session()
    office.github.at_create = threading.Event()
    if not done:
        office.github.fail(GitHubFault(method="POST", status=502))
    Killed(office, person, session).once(office.github.create_seen.is_set)
    office.github.at_create.set()  # what it has sent arrives all the same, or is lost

    again = call("--finalize-pr", session, "--queue")

    assert (again.code, again.out) == (0, f"{FIRST}\n".encode()), again.err
    assert len(office.github.pulls) == 1
    assert office.pushed == ["Mend it", "first"]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
