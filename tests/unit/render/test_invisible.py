"""Rules of showing what a person can't see."""

from __future__ import annotations

import pytest

from dxansible.render.invisible import count_invisible, invisible_note, show_invisible

INVISIBLE = {
    "zero-width space": "\u200b",
    "zero-width joiner": "\u200d",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "right-to-left override": "\u202e",
    "isolate": "\u2067",
    "arabic letter mark": "\u061c",
    "soft hyphen": "\u00ad",
    "variation selector": "\ufe0f",
    "variation selector supplement": "\U000e01ef",
    "tag": "\U000e0041",
    "hangul filler": "\u3164",
    "escape": "\x1b",
    "carriage return": "\r",
    "next line": "\x85",
    "line separator": "\u2028",
    "lone surrogate": "\ud800",
}


@pytest.mark.parametrize("character", INVISIBLE.values(), ids=INVISIBLE)
def test_an_invisible_character_is_written_out_and_counted(character: str) -> None:
    name = f"U+{ord(character):04X}"

    assert show_invisible(f"a{character}b{character}") == f"a<{name}>b<{name}>"
    assert count_invisible(f"a{character}b{character}") == {name: 2}
    text = f"invisible characters, which the agent reads as they are: 2 (2 x {name})"
    assert invisible_note(f"a{character}b{character}") == text


def test_what_is_seen_stays_as_it_is() -> None:
    text = "Grüße, 日本語\n\tनमस्ते 🙂 e\u0301 \u00a0<U+200B>"

    assert show_invisible(text) == text
    assert (count_invisible(text), invisible_note(text)) == ({}, "")
