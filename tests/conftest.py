"""The order of the tests: long ones begin first, so that none is left alone at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what is marked as long before the rest; each part keeps its order."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
