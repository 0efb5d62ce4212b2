"""Rules of finding things in an agent's events."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.agent_events import (
    Match,
    parse_event,
    readable,
    text_at,
    values_at,
)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("a", [1]),
        ("b.c", ["dotted"]),
        ("b.d", [2]),
        ("l.*.t", ["x", "y"]),
        ("l.t", []),
        ("l", [[{"t": "x"}, 5, {"t": "y"}, None]]),
        ("a.b", []),
        ("n", [None]),
        ("n.*", []),
        ("missing", []),
    ],
)
def test_what_is_at_a_path(path: str, values: list[object]) -> None:
    event = {
        "a": 1,
        "b": {"c": "nested", "d": 2},
        "b.c": "dotted",
        "l": [{"t": "x"}, 5, {"t": "y"}, None],
        "n": None,
    }

    assert values_at(event, path) == values


@pytest.mark.parametrize(
    ("value", "expected", "matches"),
    [
        (1, (1,), True),
        (True, (1,), False),
        (1, (True,), False),
        (1.0, (1,), True),
        ("a", ("b", "a"), True),
        ("a", ("b",), False),
        (None, (None,), True),
        ([], ("",), False),
        ({"a": 1}, (None,), False),
    ],
)
def test_a_condition_holds_as_json_has_it(
    value: object, expected: tuple[Any, ...], *, matches: bool
) -> None:
    assert Match((("k", expected),)).matches({"k": value}) is matches


def test_a_condition_on_nothing_holds_where_nothing_is() -> None:
    assert Match((("k", (None,)),)).matches({})
    assert not Match((("k", (None,)), ("l", ("m",)))).matches({})


def test_text_is_put_together_of_all_there_is() -> None:
    event = {"a": ["x", 5, None, True, float("nan"), {"b": "c"}], "d": 1.5}

    assert text_at(event, ["a.*", "d", "e"]) == "x\n5\n1.5"


def test_only_an_object_is_an_event() -> None:
    assert parse_event('{"a": NaN}') is not None
    for line in ["", "[]", "null", "5", '"text"', "{", "[" * 100_000, "1" * 5000, "\ufeff{}"]:
        assert parse_event(line) is None


def test_nothing_readable_moves_the_cursor() -> None:
    assert readable("\x1b[1mred\x1b[0m\x1b]0;title\x07 a\tb\r\nc\rd\x1be\x9b\x00\x7f") == (
        "red a\tb\nc\nde"
    )
    assert readable("half \ud800 of a pair") == "half \ufffd of a pair"
