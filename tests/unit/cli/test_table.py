"""Every option of the table in every mode: of use there, or refused with what to do about it."""

from __future__ import annotations

import typing
from dataclasses import fields
from random import Random
from typing import TYPE_CHECKING

import click
import pytest

from dxansible.cli import argv, click_command
from dxansible.cli.click_command import command
from dxansible.cli.modes import choose_call
from dxansible.cli.option import AT_JULES, ON_VMS, Kind, Mode, modes_in_words
from dxansible.cli.table import Options, table
from dxansible.errors import UsageError
from tests.unit.shown_calls import understand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.cli.option import Option

SES, JID = "ses_0123456789abcdef-54150442", "31415926535897932384"
BY_HAND = "ses_df3f8787affe5K30u83AH9tvkT"
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
    Mode.ABORT: ("--abort", SES),
    Mode.CLEAN: ("--clean",),
    Mode.FINALIZE: ("--finalize-pr", SES),
    Mode.ENGINE: ("--engine", "status"),
    Mode.JULES: ("--jules", "work"),
    Mode.JULES_MESSAGE: ("--session", JID, "work"),
    Mode.JULES_SESSIONS: ("--sessions", "--jules"),
    Mode.JULES_STATUS: ("--status", JID),
    Mode.JULES_LOGS: ("--logs", JID),
    Mode.JULES_ABORT: ("--abort", JID),
    Mode.APPROVE: ("--approve", JID),
}
VALUES = {"env": "A=1", "attach_age": "12h", "engine": "stop", "session": SES}
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


@pytest.mark.parametrize("name", MODIFIERS)
@pytest.mark.parametrize("mode", Mode)
def test_an_option_is_of_use_in_a_mode_or_refused_there(mode: Mode, name: str) -> None:
    entry = MODIFIERS[name]
    words = [word for word in MINIMAL[mode] if (name, word) != ("file", "work")]
    if name == "agent":
        words = [BY_HAND if word == SES else word for word in words]
    line = (*words, *written(name, entry))
    if mode not in entry.modes:
        refused = f"{entry.name} is of no use with {mode}; leave it out (it is of use with "
        with pytest.raises(UsageError) as raised:
            understand(line)
        assert str(raised.value) == f"{refused}{modes_in_words(entry.modes)})"
        return
    needed = entry.modes[mode]
    if needed:
        other = table()[needed]
        with pytest.raises(UsageError, match=f"{entry.name} is of no use without {other.name}; "):
            understand(line)
        line = (*line, *written(needed, other))
    found, options = understand(line)
    assert found is mode
    assert name in options.given


@pytest.mark.parametrize("name", CHOOSING)
@pytest.mark.parametrize("mode", Mode)
def test_an_option_that_chooses_a_mode_goes_with_no_other(mode: Mode, name: str) -> None:
    entry = CHOOSING[name]
    own = {entry.chooses, AT_JULES.get(entry.chooses or mode)}
    if (mode, name) == (Mode.TASK, "rerun"):  # its two words may be the hosts and the run
        return
    if mode in own:
        return
    with pytest.raises(UsageError):
        understand([*MINIMAL[mode], *written(name, entry)])


@pytest.mark.parametrize("mode", Mode)
def test_jules_is_where_a_mode_has_a_meaning_at_jules(mode: Mode) -> None:
    if mode in AT_JULES and mode is not Mode.TASK:  # whose target Jules doesn't take
        assert understand([*MINIMAL[mode], "--jules"])[0] is AT_JULES[mode]
    elif mode not in ON_VMS | {Mode.ENGINE, Mode.RUNS}:
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


def test_a_session_of_ours_keeps_its_agent() -> None:
    with pytest.raises(UsageError, match="a session keeps its agent; leave out --agent, or"):
        understand(["--session", SES, "work", "--agent", "x"])
    assert understand(["--session", BY_HAND, "work", "--agent", "x"])[0] is Mode.FURTHER


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


def test_every_field_has_the_type_of_what_its_option_gives() -> None:
    types = {
        Kind.ARGUMENT: str | None, Kind.FLAG: bool, Kind.SWITCH: bool | None, Kind.COUNT: int,
        Kind.TEXT: str | None, Kind.TEXTS: tuple[str, ...], Kind.CHOICE: str | None,
        Kind.VARIABLES: tuple[tuple[str, str], ...],
        Kind.NUMBER: int | None, Kind.SECONDS: float | None, Kind.DURATION: float | None,
        Kind.STEPS: tuple[str, ...],
    }  # fmt: skip
    for name, hint in typing.get_type_hints(Options).items():
        if name == "given":
            continue
        assert hint in {types[table()[name].kind], int if name == "retries" else None}, name


def test_what_is_not_given_is_the_default_of_its_field() -> None:
    options = click_command.parse(["here"])

    assert options == Options(target="here", given=frozenset({"target"}))
    assert {each.name: each.default for each in fields(Options) if each.default} == {"retries": 1}


def test_every_option_is_of_use_somewhere_and_needs_only_what_there_is() -> None:
    for entry in table().values():
        assert entry.modes, entry
        assert set(entry.modes.values()) - {""} <= set(table()), entry


def test_the_help_has_every_option_under_its_group() -> None:
    text = command.get_help(click.Context(command))
    groups: dict[str, str] = {}
    group = ""
    for line in text.partition("Examples:")[0].splitlines():
        if line.endswith(":") and not line.startswith(" "):
            group = line[:-1]
        for word in line[:30].replace(",", " ").split():
            groups.setdefault(word, group)

    for entry in OPTIONS.values():
        assert {groups[name] for name in entry.names} == {str(entry.group)}, entry
    assert "TARGET]" not in text.partition("Run:")[2]


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
    assert {name: found[name] for name in texts} == texts


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
        "1.5",
        "1e9",
        "inf",
        "A=b",
        "2x",
        "1,50%",
        "status",
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
        found = argv.parse(words)
        if found is not None:
            understood += 1
            assert click_command.parse(words) == found, words

    assert understood > 500


@pytest.mark.parametrize(
    "words", [[], ["-h"], ["--help"], ["--version"], ["a", "b", "c"], ["--stdin=x"]]
)
def test_click_gets_what_asks_for_words(words: list[str]) -> None:
    assert argv.parse(words) is None


def test_words_that_click_refuses_are_read_as_far_as_possible() -> None:
    assert argv.read(["--no-such", "-x", "--json", "a", "b", "c", "--agent"]) == {
        "--no-such": "", "-x": "", "json": "", "target": "a", "task": "b", "agent": "",
    }  # fmt: skip
