"""A Slack on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.services import SlackServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """A Slack of one's own."""
    with SlackServer() as server:
        yield server
