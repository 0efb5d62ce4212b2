"""Rules of masking text that comes in pieces."""

from __future__ import annotations

import pytest

from dxansible.run.output import HostText
from dxansible.run.turn_events import TurnUpdate

TEXT = "one\nTOKEN=ghp_0123456789abcdefghijkl and\n\nlast password=hunter22"
MASKED = "one\nTOKEN=*** and\n\nlast password=***"


def said(
    text: HostText, out: str = "", err: str = "", *, finalizes: bool = True
) -> tuple[str, str]:
    news = TurnUpdate(host="a", session_id="s", turn=1, finalizes=finalizes, out=out, err=err)
    told = text.take(news)
    return told.out, told.err


@pytest.mark.parametrize("size", [1, 2, 7, 25, 1000])
def test_a_secret_is_masked_wherever_its_pieces_end(size: int) -> None:
    text = HostText()

    pieces = [said(text, TEXT[at : at + size])[0] for at in range(0, len(TEXT), size)]

    assert "".join(pieces) + text.close()[0] == MASKED
    assert text.close() == ("", "")


def test_whole_lines_are_not_held_back() -> None:
    text = HostText()

    told = [said(text, out="one\ntwo", err="bad"), said(text, out="\n", err="\n"), said(text)]

    assert told == [("one\n", ""), ("two\n", "bad\n"), ("", "")]


def test_the_words_of_an_agent_are_not_held_back() -> None:
    text = HostText()
    said(text, "TOKEN=x")

    assert said(text, "half a line", finalizes=False) == ("TOKEN=***half a line", "")
