"""A fleet whose agents are shells, and tasks that end when they are told to."""

from __future__ import annotations

from tests.integration.sessions.conftest import inventory, project, work
from tests.integration.sessions.test_finalize import world

__all__ = ["inventory", "project", "work", "world"]
