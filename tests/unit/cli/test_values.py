"""Rules of durations, days and sizes on the command line."""

from __future__ import annotations

import time

import pytest

from dxansible.cli.option import Kind, Option
from dxansible.cli.values import BadValueError, convert

LIMIT = Option("--limit", kind=Kind.DURATION)
AGE = Option("--age", kind=Kind.DURATION, least=0)
DAYS = Option("--days", kind=Kind.DAYS, least=0)
AMOUNT = Option("--amount", kind=Kind.AMOUNT)
SIZE = Option("--size", kind=Kind.SIZE)


@pytest.mark.parametrize(
    ("entry", "text", "value"),
    [
        (LIMIT, "90", 90.0),
        (LIMIT, "1.5", 1.5),
        (LIMIT, "1e3", 1000.0),
        (LIMIT, "10m", 600.0),
        (LIMIT, "1h30m", 5400.0),
        (LIMIT, "1d2h3m4.5s", 93_784.5),
        (LIMIT, "0.5h", 1800.0),
        (AGE, "0", 0.0),
        (AGE, "0s", 0.0),
        (DAYS, "30", 30),
        (DAYS, "0", 0),
        (DAYS, "30d", 30),
        (DAYS, "1d24h", 2),
        (AMOUNT, "0.50", 0.5),
        (AMOUNT, "5", 5.0),
        (SIZE, "4096", 4096),
        (SIZE, "64k", 65_536),
        (SIZE, "10M", 10_485_760),
        (SIZE, "1.5GiB", 1_610_612_736),
        (SIZE, "1T", 1_099_511_627_776),
    ],
)
def test_a_number_without_a_unit_is_as_before_and_units_multiply(
    entry: Option, text: str, value: float
) -> None:
    found = convert(entry, text)

    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("entry", "texts", "says"),
    [
        (LIMIT, ["", "soon", "1h30", "30m1h", "1m1m", "10 m", "10M", "m"], "no duration, like"),
        (LIMIT, ["0", "0m", "-1", "nan", "inf", "9" * 400 + "d"], "is no duration above 0"),
        (AGE, ["-1", "nan", "inf"], "is no duration of 0 or more"),
        (DAYS, ["12h", "1.5", "2.0", "1d1s"], "is not whole days, like 7, 7d or 48h"),
        (DAYS, ["-1"], "is out of range: at least 0"),
        (DAYS, ["soon"], "is no duration"),
        (AMOUNT, ["", "0", "-1", "inf", "nan", "$5", "1,50"], "is no amount above 0"),
        (SIZE, ["", "-1", "1e3", "1.5", "10MB", "10 M", "9" * 400 + "T"], "is no size, like 4096"),
    ],
)  # fmt: skip
def test_any_other_word_is_refused(entry: Option, texts: list[str], says: str) -> None:
    for text in texts:
        with pytest.raises(BadValueError, match=says):
            convert(entry, text)


AT = Option("--at", kind=Kind.TIME)


def test_a_time_of_day_is_the_next_one_by_the_local_clock() -> None:
    for text in ("00:00", "7:05", "23:59"):
        moment = convert(AT, text)
        assert isinstance(moment, float)
        assert 0 < moment - time.time() <= 25 * 3600  # a day may have 25 hours
        hour, minute = map(int, text.split(":"))
        assert time.localtime(moment)[3:6] == (hour, minute, 0)


def test_a_date_and_a_time_may_have_an_offset() -> None:
    assert convert(AT, "2199-12-24 18:30+01:00") == convert(AT, "2199-12-24T17:30:00Z")


@pytest.mark.parametrize("text", ["", "24:00", "3", "soon", "2020-01-01 00:00", "7:60"])
def test_a_past_date_and_other_texts_are_no_time(text: str) -> None:
    with pytest.raises(BadValueError):
        convert(AT, text)


def test_a_duration_may_have_a_greatest_value() -> None:
    wait = Option("--when-back", kind=Kind.DURATION, most=518400)

    assert convert(wait, "6d") == 518400
    with pytest.raises(BadValueError, match="at most 6d"):
        convert(wait, "7d")
