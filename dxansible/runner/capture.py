"""Keeps the beginning and the end of a stream in bounded memory, and counts what it let go."""

from __future__ import annotations

__all__ = ["Capture", "Position"]


class Capture:
    """Bytes of one stream: the first half of the limit, then the newest half."""

    def __init__(self, limit: int) -> None:
        """Keep at most ``limit`` bytes."""
        self._room = limit // 2
        self._tail_limit = limit - self._room
        self._head = bytearray()
        self._tail = bytearray()
        self._lost = 0
        self._missed = 0

    def add(self, data: bytes, skipped: int = 0) -> None:
        """Take the next bytes; ``skipped`` bytes before them never arrived."""
        if skipped:
            self._lost += skipped
            self._missed += skipped
            self._room = 0  # what follows a gap belongs to the end
        self._head += data[: self._room]
        rest = data[self._room :]
        self._room -= len(data) - len(rest)
        self._tail += rest
        excess = len(self._tail) - self._tail_limit
        if excess > 0:
            del self._tail[:excess]
            self._lost += excess

    def end_at(self, total: int) -> None:
        """The stream had ``total`` bytes: what has not been added by now never arrived."""
        missing = total - len(self._head) - len(self._tail) - self._lost
        if missing > 0:
            self.add(b"", missing)

    @property
    def lost(self) -> int:
        """Bytes of the stream that are not kept."""
        return self._lost

    @property
    def missed(self) -> int:
        """Bytes of the stream that never arrived."""
        return self._missed

    def content(self) -> bytes:
        """What is kept, the gap closed up."""
        return bytes(self._head + self._tail)


class Position:
    """How far a stream has been read, by one reader after the other."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._at = self._known = 0

    def rewind(self) -> None:
        """Another reader begins with the first byte."""
        self._at = 0

    def fresh(self, data: bytes, skipped: int) -> tuple[bytes, int]:
        """What of the next bytes is new, and how many before them nobody has got."""
        begin = self._at + skipped
        missing, old = max(0, begin - self._known), max(0, self._known - begin)
        self._at = begin + len(data)
        self._known = max(self._known, self._at)
        return data[old:], missing
