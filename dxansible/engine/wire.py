"""How a call is written down for the engine, as lists of byte strings.

Imports nothing, as the client's time is mostly imports.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FIELDS", "GO", "LENGTH", "NO", "YES", "pack", "unpack"]

FIELDS = (
    "arguments", "environment", "directory", "umask", "ignored", "blocked", "package", "token",
    "fds",
)  # fmt: skip
"""Of a call, in this order. The file descriptors themselves come beside it."""

YES, NO, GO = b"y", b"n", b"\0"
LENGTH = 4


def pack(parts: Iterable[bytes]) -> bytes:
    """Join byte strings so that `unpack` finds them again."""
    return b"".join(len(part).to_bytes(LENGTH, "big") + part for part in parts)


def unpack(data: bytes) -> list[bytes]:
    """Undo `pack`. Raises ValueError for what it never made."""
    parts = []
    place = 0
    while place < len(data):
        begin = place + LENGTH
        place = begin + int.from_bytes(data[place:begin], "big")
        if place > len(data):
            raise ValueError("this is cut off")
        parts.append(data[begin:place])
    return parts
