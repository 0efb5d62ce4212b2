"""Every option of the table in every mode: of use there, or refused with what to do about it."""

from __future__ import annotations

import re
import typing
from dataclasses import fields
from random import Random
from typing import TYPE_CHECKING

import pytest

from dxansible.cli import argv, click_command
from dxansible.cli.help_text import help_text, names_of
from dxansible.cli.modes import choose_call
from dxansible.cli.option import AT_JULES, ON_VMS, Kind, Mode, modes_in_words
from dxansible.cli.table import Options, table
from dxansible.errors import UsageError
from tests.unit.shown_calls import understand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.cli.option import Option

SES, JID = "ses_0123456789abcdef-54150442", "31415926535897932384"
MINIMAL: dict[Mode, tuple[str, ...]] = {
    Mode.TASK: ("here", "work"),
    Mode.FURTHER: ("--session", SES, "work"),
    Mode.EXEC: ("here", "--exec", "true"),
    Mode.RERUN: ("--rerun",),
    Mode.RUNS: ("--runs",),
    Mode.LIST: ("--list",),
    Mode.STATUS: ("--status", "here"),
    Mode.SESSIONS: ("--sessions",),
    Mode.LOGS: ("--logs", SES),
    Mode.DIFF: ("--diff", SES),
    Mode.OPEN: ("--open", SES),
    Mode.ABORT: ("--abort", SES),
    Mode.CLEAN: ("--clean",),
    Mode.FINALIZE: ("--finalize-pr", SES),
    Mode.NODES: ("--nodes",),
    Mode.ENGINE: ("--engine", "status"),
    Mode.COMPLETION: ("--completion", "bash"),
    Mode.INIT: ("--init",),
    Mode.MCP: ("--mcp",),
    Mode.JULES: ("--jules", "work"),
    Mode.JULES_MESSAGE: ("--session", JID, "work"),
    Mode.JULES_SESSIONS: ("--sessions", "--jules"),
    Mode.JULES_STATUS: ("--status", JID),
    Mode.JULES_LOGS: ("--logs", JID),
    Mode.JULES_ABORT: ("--abort", JID),
    Mode.JULES_DIFF: ("--diff", JID),
    Mode.APPROVE: ("--approve", JID),
    Mode.UNARCHIVE: ("--unarchive", JID),
    Mode.DELETE: ("--delete", JID),
}
VALUES = {
    "start_at": "2199-12-24 18:30",
    "env": "A=1",
    "on_limit": "wait",
    "attach_age": "12h",
    "engine": "stop",
    "session": SES,
    "completion": "zsh",
}
OPTIONS = {name: entry for name, entry in table().items() if entry.kind is not Kind.ARGUMENT}
MODIFIERS = {
    name: entry
    for name, entry in OPTIONS.items()
    if entry.chooses is None and name not in {"jules", "session"}
}
CHOOSING = {name: entry for name, entry in OPTIONS.items() if entry.chooses is not None}


def written(name: str, entry: Option) -> tuple[str, ...]:
    """An option, with a value where it has one."""
    return (entry.name, VALUES.get(name, "1")) if entry.kind.takes_value else (entry.name,)


@pytest.mark.parametrize("mode", Mode)
def test_the_shortest_command_line_of_a_mode_is_understood(mode: Mode) -> None:
    found, options = understand(MINIMAL[mode])

    assert found is mode
    assert callable(choose_call(mode, options))


@pytest.mark.parametrize("mode", Mode)
def test_an_option_is_of_use_in_a_mode_or_refused_there(mode: Mode) -> None:
    for name, entry in MODIFIERS.items():
        _of_use_or_refused(mode, name, entry)


def _of_use_or_refused(mode: Mode, name: str, entry: Option) -> None:
    words = [word for word in MINIMAL[mode] if (name, word) != ("file", "work")]
    line = (*words, *written(name, entry))
    if mode not in entry.modes:
        refused = f"{entry.name} is of no use with {mode}; leave it out (it is of use with "
        with pytest.raises(UsageError) as raised:
            understand(line)
        assert str(raised.value) == f"{refused}{modes_in_words(entry.modes)})"
        return
    while needed := entry.modes[mode]:
        other = table()[needed]
        with pytest.raises(UsageError, match=f"{entry.name} is of no use without {other.name}; "):
            understand(line)
        line, entry = (*line, *written(needed, other)), other
    found, options = understand(line)
    assert found is mode
    assert name in options.given


@pytest.mark.parametrize("mode", Mode)
def test_an_option_that_chooses_a_mode_goes_with_no_other(mode: Mode) -> None:
    for name, entry in CHOOSING.items():
        own = {entry.chooses, AT_JULES.get(entry.chooses or mode)}
        # the two words of a task may be the hosts and the run
        if mode not in own and (mode, name) != (Mode.TASK, "rerun"):
            with pytest.raises(UsageError):
                understand([*MINIMAL[mode], *written(name, entry)])


@pytest.mark.parametrize("mode", Mode)
def test_jules_is_where_a_mode_has_a_meaning_at_jules(mode: Mode) -> None:
    if mode in AT_JULES and mode is not Mode.TASK:  # whose target Jules doesn't take
        assert understand([*MINIMAL[mode], "--jules"])[0] is AT_JULES[mode]
    elif mode not in ON_VMS | {Mode.NODES, Mode.ENGINE, Mode.COMPLETION, Mode.INIT, Mode.RUNS}:
        jules = () if "--jules" in MINIMAL[mode] else ("--jules",)
        assert understand([*MINIMAL[mode], *jules])[0] is mode
    else:
        with pytest.raises(UsageError, match=r"is of no use with Jules|Jules takes no target"):
            understand([*MINIMAL[mode], "--jules"])


@pytest.mark.parametrize("mode", [each for each in Mode if "--session" not in MINIMAL[each]])
def test_a_session_is_continued_with_a_task_alone(mode: Mode) -> None:
    if mode in {Mode.TASK, Mode.JULES}:
        session = {Mode.TASK: SES, Mode.JULES: JID}[mode]
        further = {Mode.TASK: Mode.FURTHER, Mode.JULES: Mode.JULES_MESSAGE}[mode]
        assert understand([*MINIMAL[mode], "--session", session])[0] is further
        return
    with pytest.raises(UsageError, match="--session is of no use with "):
        understand([*MINIMAL[mode], "--session", SES])


def test_what_is_refused_has_been_given_even_as_it_would_be_without() -> None:
    with pytest.raises(UsageError, match="--retries is of no use with --list"):
        understand(["--list", "--retries", "1"])
    with pytest.raises(UsageError, match="--no-slack is of no use with --list"):
        understand(["--list", "--no-slack"])
    assert understand(["--list"])[1].retries == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--engine", "status", "--repo", "x", "--agent", "foo", "--verify", "z"],
        ["--list", "--repo", "x"],
        ["--sessions", "--timeout", "3"],
        ["--status", "here", "--wait"],
        ["--logs", SES, "--gather"],
        ["--abort", SES, "--file", "x"],
        ["--clean", "--retries", "3"],
        ["here", "work", "--queue"],
        ["here", "work", "--allow-no-pr"],
        ["--jules", "work", "--retries", "3"],
        ["--logs", JID, "--wait"],
    ],
)
def test_nothing_is_silently_ignored(words: list[str]) -> None:
    with pytest.raises(UsageError, match=r"is of no use with .*; leave it out \(it is of use with"):
        understand(words)


# the table itself


DEFAULTS = {"retries": 1, "confirm_above": 5}


def test_every_field_has_the_type_of_what_its_option_gives() -> None:
    types = {
        Kind.ARGUMENT: str | None, Kind.FLAG: bool, Kind.SWITCH: bool | None, Kind.COUNT: int,
        Kind.TEXT: str | None, Kind.TEXTS: tuple[str, ...], Kind.CHOICE: str | None,
        Kind.OPTIONAL_CHOICE: str | None, Kind.VARIABLES: tuple[tuple[str, str], ...],
        Kind.NUMBER: int | None, Kind.DURATION: float | None, Kind.DAYS: int | None,
        Kind.SIZE: int | None, Kind.STEPS: tuple[str, ...], Kind.TIME: float | None,
        Kind.AMOUNT: float | None,
    }  # fmt: skip
    for name, hint in typing.get_type_hints(Options).items():
        if name in {"given", "_fields"}:
            continue
        assert hint in {types[table()[name].kind], int if name in DEFAULTS else None}, name


def test_what_is_not_given_is_the_default_of_its_field() -> None:
    options = click_command.parse(["here"])

    assert options == Options(target="here", given=frozenset({"target"}))
    assert {each.name: each.default for each in fields(Options) if each.default} == DEFAULTS


def test_every_option_is_of_use_somewhere_and_needs_only_what_there_is() -> None:
    for entry in table().values():
        assert entry.modes, entry
        assert set(entry.modes.values()) - {""} <= set(table()), entry


def test_the_whole_help_has_every_option_once_under_its_group() -> None:
    found: list[tuple[str, str]] = []
    group = ""
    for line in help_text(80, everything=True).partition("\nRun:")[2].splitlines():
        if line.endswith(":") and not line.startswith(" "):
            group = line[:-1]
        if line.startswith("  -"):
            names = re.split(r"[\s,\[]+", line[2:].partition("  ")[0])
            found += [(group or "Run", name) for name in names if name.startswith("-")]

    expected = [(str(each.group), name) for each in OPTIONS.values() for name in each.names]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("everything", [False, True])
def test_no_line_of_the_help_is_wider_than_the_terminal(width: int, everything: bool) -> None:  # noqa: FBT001 - a parameter of the test
    lines = help_text(width, everything=everything).splitlines()

    assert [line for line in lines if len(line) > width] == []


def test_the_help_fits_on_a_screen_and_has_the_everyday_options_alone() -> None:
    text = help_text(80, everything=False)

    assert len(text.splitlines()) <= 60
    for entry in OPTIONS.values():
        assert (f"\n  {names_of(entry)}  " in text) is entry.everyday, entry


def test_a_second_sentence_of_the_help_is_in_the_whole_help_alone() -> None:
    sentence = "A repeated call with this id attaches instead of running again."

    everything = " ".join(help_text(80, everything=True).split())
    assert sentence in everything
    assert "- is standard input." in everything
    assert "- is standard input." not in help_text(80, everything=False)


# what is read without click


def _lines() -> list[Sequence[str]]:
    lines: list[Sequence[str]] = list(MINIMAL.values())
    for name, entry in OPTIONS.items():
        for spelled in entry.names:
            value = VALUES.get(name, "-1" if entry.kind is Kind.TEXT else "1")
            lines.append([spelled, value] if entry.kind.takes_value else [spelled])
            if entry.kind.takes_value and spelled.startswith("--"):
                lines.append([f"{spelled}={value}", "here"])
    return [
        *lines,
        ["-vqi", "a", "here"], ["-ia", "-v", "here", "work"], ["-vvi=a"], ["--", "--list", "-i"],
        ["here", "--exec", "--file", "x", "-v"], ["here", "--exec", "--file=x", "-v"],
        ["here", "--exec", "--gather"], ["--gather", "here", "--exec", "true"],
        ["--gather=diff", "here", "--exec", "true"], ["--", "--gather"],
        ["--gather", "--gather=equal"],
        ["here", "--exec", "--", "ls", "-l", "a b"], ["here", "--exec", "-v", "--", "--json"],
        ["here", "--file", "x", "--exec"], ["--agent", "--exec", "--", "here"],
        ["here", "--exec", "--help"], ["--agent", "-i", "here", "--json"], ["-", "-"], [],
    ]  # fmt: skip


@pytest.mark.parametrize("words", _lines(), ids=" ".join)
def test_a_command_line_is_read_as_click_reads_it(words: list[str]) -> None:
    completed = argv.complete(words)
    options = click_command.parse(completed)
    assert options is not None

    found = argv.read(completed)

    assert argv.parse(completed) == (options if words else None)
    assert set(found) == options.given
    texts = {name: value for name, value in options.values_given().items() if type(value) is str}
    without = {"gather": "equal"} | dict.fromkeys(texts.keys() - {"gather"}, "")
    assert {name: found[name] or without[name] for name in texts} == texts


def _random_words(random: Random) -> list[str]:
    names = [name for entry in OPTIONS.values() for name in entry.names]
    values = [
        "",
        "x",
        "-1",
        "0",
        "1",
        "7",
        "12h",
        "2d",
        "10M",
        "1.5",
        "1e9",
        "inf",
        "A=b",
        "2x",
        "1,50%",
        "status",
        "diff",
        "--",
        "-",
    ]
    words = []
    for _ in range(random.randrange(5)):
        name, value = random.choice(names), random.choice([*values, *names])
        words += random.choice(
            [[name], [name, value], [f"{name}={value}"], [f"{name}{value}"], [value], ["--no-such"]]
        )
    return words


def test_random_words_are_understood_as_click_does_or_left_to_click() -> None:
    random = Random(7)  # noqa: S311 - the same words each time
    understood = 0
    for _ in range(4000):
        words = argv.complete(_random_words(random))
        try:
            found = argv.parse(words)
        except UsageError as error:
            assert "is given twice" in str(error)  # noqa: PT017 - click takes the last one
            continue
        if found is not None:
            understood += 1
            assert click_command.parse(words) == found, words

    assert understood > 500


def test_a_value_that_may_be_left_out_is_given_with_an_equals_sign_alone() -> None:
    assert understand(["--gather", "here", "--exec", "true"])[1].gather == "equal"
    assert understand(["here", "--exec", "true", "--gather=similar"])[1].gather == "similar"
    for wrong in ("", "none"):
        with pytest.raises(UsageError, match="is not one of 'equal', 'similar', 'diff'"):
            understand(["here", "--exec", "true", f"--gather={wrong}"])
    with pytest.raises(UsageError, match=r"no further argument \(diff\); write --gather=diff"):
        understand(["here", "--exec", "true", "--gather", "diff"])


@pytest.mark.parametrize(
    "words", [[], ["--help=x"], ["a", "b", "c"], ["--stdin=x"], ["--completion", "csh"]]
)
def test_click_gets_what_asks_for_words(words: list[str]) -> None:
    assert argv.parse(words) is None


def test_words_that_click_refuses_are_read_as_far_as_possible() -> None:
    assert argv.read(["--no-such", "-x", "--json", "a", "b", "c", "--agent"]) == {
        "--no-such": "", "-x": "", "json": "", "target": "a", "task": "b", "agent": "",
    }  # fmt: skip
