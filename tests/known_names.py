"""The names of inventories that a resident's earlier calls have kept, for a home to be emptied."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["known_names_stay"]


@contextmanager
def known_names_stay(home: Path) -> Iterator[None]:
    """Put them back after the home directory has been emptied."""
    seen = home / ".local/state/dxansible/seen"
    names = {path: path.read_bytes() for path in seen.glob("names-*") if path.suffix != ".lock"}
    yield
    for path, text in names.items():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(text)
