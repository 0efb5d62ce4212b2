"""An answer shows the head and the tail of a stream, and says which bytes they are."""

from __future__ import annotations

import pytest

from dxansible.mcp.window import Window


def _shown(window: Window) -> dict[str, object]:
    return window.fields("out")


def test_a_stream_that_fits_is_whole() -> None:
    window = Window(0, 10)
    for piece in (b"12345", b"67", b"890"):
        window.add(piece)

    assert _shown(window) == {"out": "1234567890", "out_offsets": {"head": [0, 10], "total": 10}}


def test_a_longer_one_has_its_head_and_its_newest_bytes() -> None:
    window = Window(0, 6)
    for piece in (b"12345", b"67", b"890"):
        window.add(piece)

    offsets = {"head": [0, 3], "tail": [7, 10], "total": 10}
    assert _shown(window) == {"out": "123", "out_tail": "890", "out_offsets": offsets}


def test_an_offset_begins_there_and_the_total_is_of_the_stream() -> None:
    window = Window(8, 6)
    for piece in (b"12345", b"67", b"890"):
        window.add(piece)

    assert _shown(window) == {"out": "90", "out_offsets": {"head": [8, 10], "total": 10}}


def test_beyond_the_end_there_is_nothing() -> None:
    window = Window(40, 6)
    window.add(b"12345")

    assert _shown(window) == {"out": "", "out_offsets": {"head": [5, 5], "total": 5}}


def test_bytes_that_never_arrived_are_a_gap() -> None:
    window = Window(0, 20)
    window.add(b"12")
    window.add(b"67", skipped=3)

    offsets = {"head": [0, 2], "tail": [5, 7], "total": 7}
    assert _shown(window) == {"out": "12", "out_tail": "67", "out_offsets": offsets}


@pytest.mark.parametrize("limit", range(24))
def test_a_character_is_never_cut_and_the_pieces_are_where_they_say(limit: int) -> None:
    stream = "aäé€𝄞z".encode() * 3
    window = Window(0, limit)
    for byte in stream:
        window.add(bytes([byte]))

    shown = _shown(window)
    offsets = shown["out_offsets"]
    assert isinstance(offsets, dict)
    for name, field in (("head", "out"), ("tail", "out_tail")):
        if name in offsets:
            begin, end = offsets[name]
            assert stream[begin:end].decode() == shown[field]
    assert offsets["total"] == len(stream)


def test_the_pieces_of_several_answers_are_the_stream() -> None:
    stream, got, at = bytes(range(97, 123)) * 40, b"", 0
    while at < len(stream):
        window = Window(at, 100)
        window.add(stream)
        shown = _shown(window)
        got += str(shown["out"]).encode()
        offsets = shown["out_offsets"]
        assert isinstance(offsets, dict)
        at = offsets["head"][1]

    assert got == stream
