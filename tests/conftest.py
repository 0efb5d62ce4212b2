"""The order of the tests: long ones begin first, so that none is left alone at the end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

# most tests are about what an engine must not change, and many need a user who never called before
os.environ.setdefault("DX_ENGINE", "off")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what is marked as long before the rest; each part keeps its order."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
