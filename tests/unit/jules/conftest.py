"""A Jules on loopback, and a client of it whose time costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dxansible.jules.client import JulesClient
from tests.services import JulesServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.clock import Clock


@pytest.fixture
def jules() -> Iterator[JulesServer]:
    """A Jules of one's own."""
    with JulesServer() as server:
        yield server


@pytest.fixture
def client(jules: JulesServer, clock: Clock) -> JulesClient:
    """A client that has its key."""
    return JulesClient(jules.url, jules.key, sleep=clock.sleep, clock=clock)
