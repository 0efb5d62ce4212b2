"""Rules of what is printed for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.render.show import coloured, show
from tests.unit.render.plain import plain

if TYPE_CHECKING:
    import pytest

CLIPBOARD = "\x1b]52;c;eA==\x07"


def test_foreign_text_reaches_no_terminal_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    show(f"epyc6  {coloured('FAILURE' + CLIPBOARD, 'red')}  \x1b[31mred\x1b[0m\tx\u202e\r")

    assert capsys.readouterr().out == (
        "epyc6  FAILURE\\x1b]52;c;eA==\\x07  \\x1b[31mred\\x1b[0m\tx\\u202e\\r\n"
    )


def test_our_colours_are_shown_where_they_are_wanted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    text = f"a {coloured('b', 'green')} c"

    show(text, err=True, end="")
    assert capsys.readouterr().err == "a \x1b[32mb\x1b[0m c"
    monkeypatch.setenv("NO_COLOR", "1")
    show(text, err=True, end="")
    assert capsys.readouterr().err == "a b c"


def test_a_text_without_a_colour_stays_as_it_is() -> None:
    assert coloured("a", None) == "a"
    assert plain(f"a {coloured('b', 'green')} c") == "a b c"
