"""A fleet whose agents are shells, and tasks that end when they are told to."""

from __future__ import annotations

from tests.integration.sessions.conftest import inventory, work
from tests.integration.sessions.conftest import project, world

__all__ = ["inventory", "project", "work", "world"]
