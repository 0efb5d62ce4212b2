"""The pictures of the documents: real screens, which load nothing and name no machine of ours."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from tests.pictures.drawing import screen_of, svg
from tests.unit.shown_calls import DOCUMENTS, ROOT

_PICTURES = sorted((ROOT / "docs/pictures").glob("*.svg"))
_NAMESPACE = "http://www.w3.org/2000/svg"
_MOST = 60_000
"""Bytes of a picture."""


def _words(picture: str) -> str:
    """All text in it, a word on each line."""
    root = ET.fromstring(picture)  # noqa: S314 - made by us
    words = [each.text or "" for each in root.iter(f"{{{_NAMESPACE}}}text")]
    return "\n".join(filter(str.strip, words)).replace("\xa0", " ")


@pytest.mark.parametrize("name", ["run", "board"])
def test_there_is_a_picture_of(name: str) -> None:
    assert name in {path.stem for path in _PICTURES}


@pytest.mark.parametrize("path", _PICTURES, ids=lambda path: path.stem)
def test_a_picture_is_small_and_loads_nothing(path: object) -> None:
    text = (ROOT / str(path)).read_text()
    rest = text.replace(f'xmlns="{_NAMESPACE}"', "")

    assert len(text.encode()) < _MOST
    assert "dx-dispatch" in _words(text) or "SESSION" in _words(text)
    assert not re.findall(r"https?:|//|@import|@font-face|href|<image|<script", rest)
    assert {each[0] for each in re.findall(r"url\(([^)]*)\)", rest)} == {"#"}


@pytest.mark.parametrize("path", _PICTURES, ids=lambda path: path.stem)
def test_a_picture_shows_no_path_or_user_of_the_machine_it_was_made_on(path: object) -> None:
    words = _words((ROOT / str(path)).read_text())

    assert not re.search(r"/(tmp|home|root|work|usr|run|var)\b|\w@|\bdxl[0-9a-f]{6}|127\.", words)


@pytest.mark.parametrize("path", _PICTURES, ids=lambda path: path.stem)
def test_a_document_shows_each_picture(path: object) -> None:
    shown = {
        (document.parent / target).resolve()
        for document in DOCUMENTS
        for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", document.read_text())
    }

    assert path in shown


def test_a_screen_has_what_is_left_on_it_in_its_colours() -> None:
    sent = (
        b"\x1b[2J\x1b[1;1Hold\x1b[1;1H\x1b[31mred\x1b[0m & <b>\x1b[K\r\n  2/3\r\x1b[Kgone\r\x1b[K"
    )
    rows = screen_of(sent, columns=20, lines=5)

    assert [row.plain for row in rows] == ["red & <b>"]
    picture = svg(rows, columns=20, name="it")
    assert _words(picture).split("\n") == ["red", "&", "<b>"]
    assert re.search(r"\.it-r\d \{ fill: #cc555a", picture)
    assert "\x1b" not in picture
