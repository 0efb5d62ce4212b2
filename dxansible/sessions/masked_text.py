"""Masks secrets in text that comes in pieces."""

from __future__ import annotations

from dxansible.redact import redact

__all__ = ["MaskedText"]


class MaskedText:
    """Gives whole lines, masked: a secret may be in two pieces, but not in two lines."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> str:
        """The lines that are whole by now; the rest is held back."""
        lines, newline, self._rest = (self._rest + text).rpartition("\n")
        return redact(lines + newline)

    def close(self) -> str:
        """Give what was held back, since nothing follows."""
        rest, self._rest = self._rest, ""
        return redact(rest)
