"""Reads the files of ``--attach``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.errors import UsageError
from dxansible.parameters import ATTACHMENTS_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["read_attachments"]


def read_attachments(paths: Sequence[str]) -> tuple[tuple[str, bytes], ...]:
    """Return names and contents, of at most one byte more than is allowed. Raises UsageError."""
    found: list[tuple[str, bytes]] = []
    left = ATTACHMENTS_BYTES + 1
    for path in paths:
        try:
            with Path(path).open("rb") as file:
                data = file.read(left)
        except (OSError, ValueError) as error:
            message = f"{path} can't be read: {getattr(error, 'strerror', None) or error}"
            raise UsageError(message, "attach a readable file") from error
        found.append((Path(path).name, data))
        left -= len(data)
        if left == 0:
            message = f"the attached files have more than {ATTACHMENTS_BYTES >> 20} MiB"
            raise UsageError(message, "attach less, or put it into the repository")
    return tuple(found)
