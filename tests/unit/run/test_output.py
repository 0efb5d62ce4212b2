"""Rules of keeping a stream in bounded memory."""

import pytest

from dxansible.run.output import HeadTailBuffer, Position


def capture(limit: int, *pieces: bytes) -> HeadTailBuffer:
    kept = HeadTailBuffer(limit)
    for piece in pieces:
        kept.add(piece)
    return kept


@pytest.mark.parametrize("size", [0, 1, 9, 10])
def test_what_is_within_the_limit_is_kept_whole(size: int) -> None:
    kept = capture(10, bytes(range(size)))

    assert (kept.content(), kept.lost) == (bytes(range(size)), 0)


@pytest.mark.parametrize(
    ("limit", "content"), [(10, b"01234vwxyz"), (9, b"0123vwxyz"), (1, b"z"), (0, b"")]
)
def test_the_beginning_and_the_end_are_kept_and_the_rest_is_counted(
    limit: int, content: bytes
) -> None:
    kept = capture(limit, b"0123456789abcdefghijklmnopqrstuvwxyz")

    assert (kept.content(), kept.lost) == (content, 36 - limit)


@pytest.mark.parametrize("size", [1, 3, 7, 36])
def test_it_does_not_matter_how_the_stream_is_cut_into_pieces(size: int) -> None:
    stream = b"0123456789abcdefghijklmnopqrstuvwxyz"

    kept = capture(10, *(stream[at : at + size] for at in range(0, len(stream), size)))

    assert (kept.content(), kept.lost) == (b"01234vwxyz", 26)


def test_a_gap_is_counted_and_what_follows_belongs_to_the_end() -> None:
    kept = capture(10, b"ab")
    kept.add(b"cdefghij", skipped=100)

    assert (kept.content(), kept.lost, kept.missed) == (b"abfghij", 103, 100)


def test_a_gap_without_bytes_after_it_is_counted() -> None:
    kept = capture(10, b"ab")
    kept.add(b"", skipped=5)

    assert (kept.content(), kept.lost) == (b"ab", 5)


def test_what_has_not_come_by_the_end_is_lost() -> None:
    kept = capture(10, b"ab")
    kept.end_at(5)
    kept.end_at(5)

    assert (kept.content(), kept.lost) == (b"ab", 3)


def test_a_stream_that_has_come_whole_has_lost_nothing() -> None:
    kept = capture(10, b"ab")
    kept.end_at(2)

    assert kept.lost == 0


def test_what_an_earlier_reader_has_got_is_not_new() -> None:
    position = Position()
    assert position.fresh(b"abcd", 0) == (b"abcd", 0)
    assert position.fresh(b"ef", 3) == (b"ef", 3)

    position.rewind()

    assert position.fresh(b"abc", 0) == (b"", 0)
    assert position.fresh(b"gh", 5) == (b"h", 0)
    assert position.fresh(b"i", 2) == (b"i", 2)
