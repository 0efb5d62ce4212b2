"""Somebody with a repository, a key of Jules, and Beads, who calls dx-dispatch in this process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.services import JulesServer, SlackServer
from tests.services.beads import FakeBeads
from tests.unit.cli.office import github, office  # noqa: F401 - fixtures
from tests.unit.cli.test_command import call  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

ISSUE: dict[str, Any] = {
    "id": "bd-123", "title": "Mend it", "description": "It is broken.", "status": "open",
    "priority": 1, "issue_type": "bug",
}  # fmt: skip
ROOT = Path(__file__).parents[3]


class Person:
    """What they have around them."""

    def __init__(self, home: Path, jules: JulesServer) -> None:
        """A repository whose remote is at GitHub, and an issue."""
        self.home, self.jules = home, jules
        self.beads = FakeBeads.install(home / "bin", ISSUE)
        repository = home / "widget"
        subprocess.run(["git", "init", "-q", str(repository)], check=True)
        remote = "git@github.com:acme/widget.git"
        subprocess.run(
            ["git", "-C", str(repository), "remote", "add", "origin", remote], check=True
        )

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start dx-dispatch as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "dxansible", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
        )


@pytest.fixture
def jules() -> Iterator[JulesServer]:
    """A Jules of one's own."""
    with JulesServer() as server:
        yield server


@pytest.fixture
def slack(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    """A Slack of one's own, and its token in the environment."""
    with SlackServer() as server:
        monkeypatch.setenv("SLACK_BOT_TOKEN", server.token)
        monkeypatch.setenv("DX_SLACK_URL", server.url)
        monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
        yield server


@pytest.fixture
def person(home: Path, jules: JulesServer, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Them, in their repository."""
    for name in ("BEADS_DIR", "BD_ACTOR", "BEADS_ACTOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{home / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("USER", "tester")
    monkeypatch.setenv("JULES_API_KEY", jules.key)
    monkeypatch.setenv("DX_JULES_URL", jules.url)
    found = Person(home, jules)
    monkeypatch.chdir(home / "widget")
    return found


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting costs nothing: an event that is waited for is only looked at."""
    import threading  # noqa: PLC0415 - only to change what it waits

    wait = threading.Event.wait

    def look(event: threading.Event, timeout: float | None = None) -> bool:
        time.sleep(0)
        return wait(event, timeout if timeout is None else min(timeout, 0.01))

    monkeypatch.setattr(threading.Event, "wait", look)
