"""Shows a patch on a terminal: with colours, and without anything that could drive it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.render.show import coloured, painted
from dxansible.run.events import HostEnded, OutputReceived
from dxansible.settings import colour_wanted
from dxansible.value import replace

if TYPE_CHECKING:
    from dxansible.run.events import Event, Observer

__all__ = ["PaintedPatch", "painted_patch"]

_LONGEST_LINE = 64 * 1024
"""Bytes of an unfinished line that are held back."""
_HEADER, _HUNK = b"diff --git ", b"@@ "
_OF_HUNKS = {"+": "green", "-": "red", "@": "cyan"}


class PaintedPatch:
    """Observer that passes the patch of one host on in whole lines, painted."""

    def __init__(self, inner: Observer) -> None:
        """``inner`` shows what it gets."""
        self._inner = inner
        self._line = b""
        self._painter = _Painter()

    def handle(self, news: Event) -> None:
        """Paint output; pass everything else on."""
        match news:
            case OutputReceived():
                self._inner.handle(replace(news, out=self._paint(news.out), err=_safe(news.err)))
            case HostEnded():
                rest, self._line = self._line, b""
                if rest:
                    last = self._painter.paint(rest)
                    self._inner.handle(OutputReceived(host=news.result.host, out=last, err=b""))
                self._inner.handle(news)
            case _:
                self._inner.handle(news)

    def _paint(self, data: bytes) -> bytes:
        *lines, rest = (self._line + data).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            lines.append(rest)
            rest = b""
        self._line = rest
        return b"".join(map(self._painter.paint, lines))


def painted_patch(patch: str) -> bytes:
    """Return a whole patch as a terminal gets it."""
    lines = patch.encode(errors="replace").removesuffix(b"\n").split(b"\n")
    return b"".join(map(_Painter().paint, lines))


class _Painter:
    """Paints one line of a patch after the other; the lines before a hunk are its header."""

    def __init__(self) -> None:
        self._in_hunk = False
        self._on = colour_wanted() is not False

    def paint(self, line: bytes) -> bytes:
        """Return the line, with its end."""
        if line.startswith((_HEADER, _HUNK)):
            self._in_hunk = line.startswith(_HUNK)
        text = line.removesuffix(b"\r").decode(errors="replace")
        colour = _OF_HUNKS.get(text[:1]) if self._in_hunk else None
        return painted(coloured(text, colour), on=self._on).encode(errors="replace") + b"\n"


def _safe(data: bytes) -> bytes:
    return painted(data.decode(errors="replace"), on=False).encode(errors="replace")
