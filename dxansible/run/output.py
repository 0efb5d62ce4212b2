"""Keeps a host's output in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.redact import redact
from dxansible.value import replace

if TYPE_CHECKING:
    from dxansible.record import Truncation
    from dxansible.run.events import OutputReceived
    from dxansible.run.turn_events import TurnUpdate

__all__ = ["HeadTailBuffer", "HostOutput", "HostText", "Position"]

_DEFAULT_LIMIT = 4 * 2**20


class HeadTailBuffer:
    """The bytes of one stream: the first half of the limit, then the newest half."""

    def __init__(self, limit: int) -> None:
        """Keep at most ``limit`` bytes."""
        self._room = limit // 2
        self._tail_limit = limit - self._room
        self._head = bytearray()
        self._tail = bytearray()
        self.lost = 0
        """Bytes of the stream that are not kept."""
        self.missed = 0
        """Bytes of the stream that never arrived."""

    def add(self, data: bytes, skipped: int = 0) -> None:
        """Take the next bytes; ``skipped`` bytes before them never arrived."""
        if skipped:
            self.lost += skipped
            self.missed += skipped
            self._room = 0  # bytes after a gap go to the tail
        self._head += data[: self._room]
        rest = data[self._room :]
        self._room -= len(data) - len(rest)
        self._tail += rest
        excess = len(self._tail) - self._tail_limit
        if excess > 0:
            del self._tail[:excess]
            self.lost += excess

    def end_at(self, total: int) -> None:
        """Set the stream's length to ``total``; bytes not added by now never arrived."""
        missing = total - len(self._head) - len(self._tail) - self.lost
        if missing > 0:
            self.add(b"", missing)

    def content(self) -> bytes:
        """Return the kept bytes: the head and the tail without the gap."""
        return bytes(self._head + self._tail)


class Position:
    """The position in a stream that several readers read, one after the other."""

    def __init__(self) -> None:
        """Begin at the first byte."""
        self._at = self._known = 0

    def rewind(self) -> None:
        """Begin at the first byte again, for another reader."""
        self._at = 0

    def fresh(self, data: bytes, skipped: int) -> tuple[bytes, int]:
        """Return the part of ``data`` that is new, and how many bytes before it no reader got."""
        begin = self._at + skipped
        missing, old = max(0, begin - self._known), max(0, self._known - begin)
        self._at = begin + len(data)
        self._known = max(self._known, self._at)
        return data[old:], missing


class HostOutput:
    """Both streams of a command."""

    def __init__(self) -> None:
        """Begin without output."""
        self._read = (Position(), Position())
        self._kept: tuple[HeadTailBuffer, HeadTailBuffer] | None = None
        self._totals = (0, 0)
        self._expired = self.attached = False

    def take(self, news: OutputReceived) -> OutputReceived:
        """Keep the output; return the event with only what no earlier reader has seen."""
        out, out_skipped = self._read[0].fresh(news.out, news.out_skipped)
        err, err_skipped = self._read[1].fresh(news.err, news.err_skipped)
        kept = self._buffers(news.limit)
        kept[0].add(out, out_skipped)
        kept[1].add(err, err_skipped)
        self._totals = (news.out_total, news.err_total)
        self._expired, self.attached = news.expired, news.attached
        return replace(news, out=out, err=err, out_skipped=out_skipped, err_skipped=err_skipped)

    def rewind(self) -> None:
        """Begin at the first byte again, for another run."""
        for position in self._read:
            position.rewind()

    def end_at(self, totals: tuple[int, int] | None = None) -> None:
        """Set the length of both streams; None means the last numbers from the VM."""
        for buffer, total in zip(self._buffers(), totals or self._totals, strict=True):
            buffer.end_at(total)

    def content(self) -> tuple[bytes, bytes]:
        """Return the kept bytes of both streams."""
        out, err = self._buffers()
        return out.content(), err.content()

    def truncation(self, told: Truncation, *, passed_on: bool) -> Truncation:
        """Return how much is missing; with ``passed_on``, only bytes that never arrived.

        ``told`` is what the VM has said of output that nobody counted.
        """
        out, err = self._buffers()
        return replace(
            told,
            stdout_bytes=out.missed if passed_on else out.lost,
            stderr_bytes=err.missed if passed_on else err.lost,
            expired=self._expired,
        )

    def _buffers(self, limit: int = _DEFAULT_LIMIT) -> tuple[HeadTailBuffer, HeadTailBuffer]:
        if self._kept is None:
            self._kept = HeadTailBuffer(limit), HeadTailBuffer(limit)
        return self._kept


class HostText:
    """The text of an agent; in text from git and its hooks, secrets are masked.

    Masked text comes in whole lines: a secret may be split over two pieces, but not over two lines.
    """

    def __init__(self) -> None:
        """Begin without text."""
        self._rest = ["", ""]

    def take(self, news: TurnUpdate) -> TurnUpdate:
        """Return the update with text that is safe to show."""
        if news.finalizes:
            return replace(news, out=self._lines(0, news.out), err=self._lines(1, news.err))
        out, err = self.close()
        return replace(news, out=out + news.out, err=err + news.err)

    def close(self) -> tuple[str, str]:
        """Return the text that was held back, masked; nothing follows."""
        (out, err), self._rest = self._rest, ["", ""]
        return redact(out), redact(err)

    def _lines(self, stream: int, text: str) -> str:
        lines, newline, self._rest[stream] = (self._rest[stream] + text).rpartition("\n")
        return redact(lines + newline)
