"""A stream of a session as the model of the VM keeps it, in segments (`6-spool.sh`)."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PATTERN", "Piece", "Stream", "content"]

PATTERN = bytes(33 + n % 89 for n in range(89 * 64))
"""The bytes of all streams, again and again; 89 is prime, so a wrong offset shows."""


def content(begin: int, end: int) -> bytes:
    """Return the bytes of a stream between two offsets."""
    begin_at, size = begin % 89, end - begin
    if begin_at + size <= len(PATTERN):
        return PATTERN[begin_at : begin_at + size]
    return (PATTERN * (size // len(PATTERN) + 2))[begin_at : begin_at + size]


class Piece(NamedTuple):
    """What a reply has of a stream."""

    begin: int
    upto: int
    total: int
    expired: bool = False


class Stream:
    """What is kept of one stream. A segment is its offset and its size."""

    __slots__ = ("_head_end", "_limit", "_part", "_start", "eof", "gap", "segments", "text")

    def __init__(self, limit: int) -> None:
        """Keep at most about ``limit`` bytes."""
        self._limit, self._part = limit, max(limit // 8, 4096)
        self._start = self._head_end = self.gap = 0
        self.segments: list[tuple[int, int]] = [(0, 0)]
        self.eof = False
        self.text: bytearray | None = None
        """What a turn has written; None for a command, whose bytes are those of `PATTERN`."""

    @property
    def total(self) -> int:
        """Bytes written so far."""
        if self.eof or not self.segments:
            return self._start
        begin, size = self.segments[-1]
        return begin + size

    def write(self, count: int) -> None:
        """Add bytes, which are copied segment by segment."""
        while count and not self.eof:
            begin, size = self.segments[-1]
            step = min(count, self._part - size)
            self.segments[-1] = begin, size + step
            count -= step
            if size + step == self._part:
                self._next()
                self.segments.append((self._start, 0))

    def write_text(self, data: bytes) -> None:
        """Add these bytes."""
        if not self.eof:
            self.text = (self.text or bytearray()) + data
            self.write(len(data))

    def read(self, begin: int, end: int) -> bytes:
        """Return the bytes between two offsets."""
        return content(begin, end) if self.text is None else bytes(self.text[begin:end])

    def close(self) -> None:
        """End the stream."""
        if not self.eof:
            self._next()
            self.eof = True

    def drop(self) -> None:
        """Remove what is kept: the session ended long ago."""
        self.segments = []

    def _next(self) -> None:
        begin, size = self.segments[-1]
        if begin < self._limit // 2:
            self._head_end = begin + size
        self._start = begin + size
        for old, _size in list(self.segments):
            if old < self._head_end:
                continue
            if self._start - old - self._part - self._part // 4 < self._limit // 2:
                if old > self._head_end:
                    self.gap = old - self._head_end
                return
            self.segments.remove((old, _size))

    def cut(self, offset: int, chunk: int, end: int | None) -> Piece:
        """Find up to ``chunk`` bytes from an offset. ``end`` is that of an ended session's."""
        piece = self._cut(offset, chunk)
        if end is not None and chunk > 0 and piece.upto == offset and piece.upto < end:
            return Piece(end, end, max(piece.total, end))
        return piece

    def _cut(self, offset: int, chunk: int) -> Piece:
        total = self.total
        if total <= offset or chunk == 0:
            return Piece(offset, offset, total)
        if self.eof and not self.segments:
            return Piece(total, total, total, expired=True)
        begin = upto = offset
        for at, size in self.segments:
            if size == 0 or at + size <= upto:
                continue
            if at > upto:
                if upto > begin:
                    break
                begin = at
            upto = at + size
            if upto - begin >= chunk:
                upto = begin + chunk
                break
        return Piece(begin, upto, max(total, upto))
