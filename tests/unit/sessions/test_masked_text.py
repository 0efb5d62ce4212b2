"""Rules of masking text that comes in pieces."""

from __future__ import annotations

import pytest

from dxansible.sessions.masked_text import MaskedText

TEXT = "one\nTOKEN=ghp_0123456789abcdefghijkl and\n\nlast password=hunter22"
MASKED = "one\nTOKEN=*** and\n\nlast password=***"


@pytest.mark.parametrize("size", [1, 2, 7, 25, 1000])
def test_a_secret_is_masked_wherever_its_pieces_end(size: int) -> None:
    masked = MaskedText()

    pieces = [masked.feed(TEXT[at : at + size]) for at in range(0, len(TEXT), size)]

    assert "".join(pieces) + masked.close() == MASKED
    assert masked.close() == ""


def test_whole_lines_are_not_held_back() -> None:
    masked = MaskedText()

    assert (masked.feed("one\ntwo"), masked.feed("\n"), masked.feed("")) == ("one\n", "two\n", "")
