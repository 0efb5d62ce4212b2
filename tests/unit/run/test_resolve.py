"""Which ids a typed word can be the beginning of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dxansible.errors import UsageError
from dxansible.run.attach_sessions import resolve_id, resolve_session

if TYPE_CHECKING:
    from dxansible.settings import Settings


@pytest.mark.parametrize("typed", ["", " ", "a b", "../x"])
def test_what_begins_no_id_names_no_session_not_even_the_only_one(
    settings: Settings, typed: str
) -> None:
    with pytest.raises(UsageError, match="is not a session id; see: dx-dispatch --sessions"):
        resolve_id(typed, settings)
    with pytest.raises(UsageError, match="is not a session id"):
        resolve_session(typed, settings)
