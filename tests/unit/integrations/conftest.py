"""A Jules and a Slack on loopback, a client of it whose time costs nothing, and a Beads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dxansible.integrations.jules import JulesClient
from tests.services import JulesServer, SlackServer

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        """Begin at some moment."""
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def jules() -> Iterator[JulesServer]:
    """A Jules of one's own."""
    with JulesServer() as server:
        yield server


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """A Slack of one's own."""
    with SlackServer() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    """Time of one's own."""
    return Clock()


@pytest.fixture
def client(jules: JulesServer, clock: Clock) -> JulesClient:
    """A client that has its key."""
    return JulesClient(jules.url, jules.key, sleep=clock.sleep, clock=clock)
