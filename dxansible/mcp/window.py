"""Keeps the part of a stream that an answer shows: its head, its tail, and their offsets."""

from __future__ import annotations

import codecs

__all__ = ["Window"]

_CONTINUES = range(0x80, 0xC0)
"""Bytes of UTF-8 that continue a character."""


class Window:
    """At most ``limit`` bytes of a stream from ``offset`` on: half from there, half the newest."""

    def __init__(self, offset: int, limit: int) -> None:
        """Begin without bytes."""
        self._offset, self._room = offset, limit - limit // 2
        self._head, self._tail = bytearray(), bytearray()
        self._head_from: int | None = None
        self._tail_limit = limit // 2
        self.total = 0
        """Bytes of the stream so far, whether kept or not."""

    def add(self, data: bytes, skipped: int = 0) -> None:
        """Take the next bytes; ``skipped`` bytes before them never arrived."""
        self.total += skipped
        begin, self.total = self.total, self.total + len(data)
        fresh = data[max(0, self._offset - begin) :]
        if not fresh:
            return
        at = self.total - len(fresh)
        if self._head_from is None:
            self._head_from = at
        if at == self._head_from + len(self._head):  # after a gap, bytes go to the tail
            taken = fresh[: self._room - len(self._head)]
            self._head += taken
            fresh = fresh[len(taken) :]
        self._tail += fresh
        excess = len(self._tail) - self._tail_limit
        if excess > 0:
            del self._tail[:excess]

    def fields(self, name: str) -> dict[str, object]:
        """Return the fields of an answer: texts, and the offsets of their bytes.

        A character is never cut in two.
        """
        head_from = min(self._offset, self.total) if self._head_from is None else self._head_from
        head, tail = bytes(self._head), bytes(self._tail)
        tail_from = self.total - len(tail)
        if tail and tail_from == head_from + len(head):
            head, tail = head + tail, b""
        offsets: dict[str, object] = {}
        found: dict[str, object] = {}
        text, size = _whole(head) if tail or self.total > head_from + len(head) else _all(head)
        found[name], offsets["head"] = text, [head_from, head_from + size]
        if tail:
            begin = next((n for n, byte in enumerate(tail[:4]) if byte not in _CONTINUES), 0)
            found[f"{name}_tail"] = _all(tail[begin:])[0]
            offsets["tail"] = [tail_from + begin, self.total]
        return {**found, f"{name}_offsets": {**offsets, "total": self.total}}


def _all(data: bytes) -> tuple[str, int]:
    return data.decode("utf-8", errors="replace"), len(data)


def _whole(data: bytes) -> tuple[str, int]:
    """Return the text up to the last whole character, and the number of its bytes."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data)
    pending = len(decoder.getstate()[0])
    return text, len(data) - pending
