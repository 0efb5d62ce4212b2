"""People with engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.kept.person import Person

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def person() -> Iterator[Person]:
    """Somebody who has not called yet."""
    somebody = Person()
    yield somebody
    somebody.close()


@pytest.fixture(scope="module")
def regular() -> Iterator[Person]:
    """Somebody whose engine is ready, and stays so over a file of tests."""
    somebody = Person()
    somebody.warm()
    yield somebody
    somebody.close()
