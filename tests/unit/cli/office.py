"""Somebody with a project on the VM, sessions that work on it, and a GitHub of ours."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dxansible.sessions import SessionOptions, start_session
from dxansible.settings import Settings
from tests.services.github import GitHubServer
from tests.unit.collection.finalizing import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["FIRST", "Office", "github", "office"]

FIRST = "https://github.com/acme/api/pull/1"


class Office:
    """Somebody with a project on the VM, sessions that work on it, and a GitHub."""

    def __init__(self, home: Path, github: GitHubServer) -> None:
        self.project, self.github, self.home = Project(home), github, home

    def session(self, task: str = "echo two >file", **fields: object) -> str:
        """One that has ended."""
        options = {"agent": "shell", "repo": "~/app", "beads": "bd-123", "wait": True, **fields}
        settings = Settings.load()
        (result,) = start_session(
            "here",
            task,
            SessionOptions(settings=settings, **options),  # type: ignore[arg-type] # any field
        )
        assert result.session_id, result
        return result.session_id

    @property
    def pushed(self) -> list[str]:
        return self.project.pushed("dx/bd-123")


@pytest.fixture(scope="session")
def github() -> Iterator[GitHubServer]:
    """Its address is in the environment, which engines share with their callers."""
    with GitHubServer() as server:
        yield server


@pytest.fixture
def office(
    inventory: Path, home: Path, github: GitHubServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Office]:
    assert inventory.exists()
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("PATH", f"{home / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("GITHUB_API_URL", github.url)
    monkeypatch.setenv("GITHUB_TOKEN", github.token)
    github.begin()
    yield Office(home, github)
    if github.at_create is not None:
        github.at_create.set()
