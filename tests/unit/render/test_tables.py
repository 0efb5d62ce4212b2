"""Rules of tables: whole for programs, and never wider than a terminal."""

from __future__ import annotations

import random

import pytest
from rich.cells import cell_len

from dxansible.render.show import coloured
from dxansible.render.tables import Table, columns, indented, table
from tests.unit.render.plain import plain

SHAPE = columns(
    "ID", "VM", "STATE", "AGE", "TASK", shown="STATE", leave=("TASK", "AGE"), text=("TASK",)
)
TASK = "Fix the parser of dates, and add a test for each of the formats that it reads"
ROW = ("ses_0123456789abcdef-54150442", "epyc6", "running", "3h 5m", TASK)


def test_without_a_terminal_a_table_is_whole_and_a_row_is_one_line() -> None:
    assert plain(table(SHAPE, [ROW], ["cyan"])).splitlines() == [
        "ID                             VM     STATE    AGE    TASK",
        f"ses_0123456789abcdef-54150442  epyc6  running  3h 5m  {TASK}",
    ]


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (200, [f"ses_0123456789abcdef-54150442  epyc6  running  3h 5m  {TASK}"]),
        (
            100,
            [ROW[0] + "  epyc6  running  3h 5m  Fix the parser of dates, and add a test for…"],
        ),
        (
            60,
            [
                "ses_0123456789abcdef-54150442  epyc6  running  3h 5m",
                "  Fix the parser of dates, and add a test for each of the",
                "  formats that it reads",
            ],
        ),
        (
            50,
            [
                "ses_0123456789abcdef-54150442  epyc6  running",
                "  age 3h 5m  Fix the parser of dates, and add a",
                "  test for each of the formats that it reads",
            ],
        ),
        (
            20,
            [
                "ses_0123456789abcdef-54150442  epyc6  running",
                "  age 3h 5m  Fix the",
                "  parser of dates,",
                "  and add a test for",
                "  each of the",
                "  formats that it",
                "  reads",
            ],
        ),
    ],
)  # fmt: skip
def test_what_has_no_room_goes_below_and_a_text_ends_with_a_word(
    width: int, lines: list[str]
) -> None:
    assert plain(table(SHAPE, [ROW], [None], width)).splitlines()[1:] == lines


def test_a_dense_table_has_one_line_below_a_row() -> None:
    drawn = Table(SHAPE, [ROW], [None], width=60, dense=True)

    assert drawn.lines(0)[1:] == ["  Fix the parser of dates, and add a test for each of the…"]


def test_the_colour_of_a_row_is_that_of_one_cell() -> None:
    (row,) = Table(SHAPE, [ROW], ["cyan"]).lines(0)

    assert coloured("running", "cyan") in row


def test_the_last_cell_of_a_row_has_no_room_after_it() -> None:
    shape = columns("VM", "STATE", shown="STATE", leave=())
    rows = [("epyc6", "ended"), ("mac", "a-state-of-later")]

    shown = plain(table(shape, rows, ["green"] * 2, 60))

    assert shown.splitlines() == ["VM     STATE", "epyc6  ended", "mac    a-state-of-later"]


def test_a_column_without_a_value_gives_way_first_and_leaves_nothing_below() -> None:
    shape = columns("ID", "BEADS", "AGENT", shown="ID", leave=("AGENT", "BEADS"))

    assert plain(table(shape, [("x" * 20, "-", "opencode")], [None], 30)).splitlines() == [
        "ID                    AGENT",
        "xxxxxxxxxxxxxxxxxxxx  opencode",
    ]


def test_wide_characters_take_two_cells() -> None:
    rows = [("世界", "a"), ("e\u0301", "b"), ("plain", "c")]

    shown = table(columns("VM", "X", shown="X", leave=()), rows, [None] * 3)

    assert shown.splitlines() == ["VM     X", "世界   a", "e\u0301      b", "plain  c"]


def test_no_foreign_text_makes_a_row_of_its_own() -> None:
    shape = columns("VM", "STATE", shown="STATE", leave=())

    assert table(shape, [("a\nb", "c\td")], [None]) == "VM    STATE\na\\nb  c\\td\n"
    assert indented("a\nb", None) == "  a\\nb\n"


def test_a_long_message_is_wrapped_between_words_on_a_terminal_alone() -> None:
    text = "epyc6: can't be reached; is it on?"

    assert indented(text, None) == f"  {text}\n"
    assert indented(text, 22) == "  epyc6: can't be\n  reached; is it on?\n"


WORDS = (
    "fix",
    "世界の",
    "parser-of-dates",
    "日本語",
    "a",
    "e\u0301te\u0301",
    "👩‍🔬",
    "and",
    "test",
)


@pytest.mark.parametrize("seed", range(200))
def test_no_line_is_too_wide_no_id_is_broken_and_no_word_ends_early(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    width = dice.randint(45, 220)
    rows = [
        (
            f"ses_{dice.getrandbits(64):016x}-54150442",
            dice.choice(("epyc6", "mac", "世界")),
            dice.choice(("ok", "failed")),
            dice.choice(("-", "45s", "23h 59m")),
            " ".join(dice.choices(WORDS, k=dice.randint(1, 30))),
        )
        for _ in range(dice.randint(1, 8))
    ]
    drawn = Table(SHAPE, rows, [None] * len(rows), width=width, dense=dice.random() < 0.5)

    for number, row in enumerate(rows):
        lines = [plain(line) for line in drawn.lines(number)]
        assert max(map(cell_len, lines)) <= width
        shown = " ".join(lines).split()
        assert {row[0], row[1], row[2]} <= set(shown)
        words = [word.removesuffix("…") for word in shown if word != "…"]
        known = {*" ".join(row).split(), "age"}
        assert set(words) - {""} <= known
