"""Every option of the table in every mode: of use there, or refused with what to do about it."""

from __future__ import annotations

import typing
from dataclasses import fields
from typing import TYPE_CHECKING

import click
import pytest

from dxansible.cli.command import command
from dxansible.cli.flags import complete, given_options, json_wanted
from dxansible.cli.modes import choose_call
from dxansible.cli.option import AT_JULES, ON_VMS, Kind, Mode, modes_in_words
from dxansible.cli.table import Options, table
from dxansible.errors import UsageError
from tests.unit.shown_calls import understand

if TYPE_CHECKING:
    from dxansible.cli.option import Option

SES, JID = "ses_0123456789abcdef-54150442", "31415926535897932384"
BY_HAND = "ses_df3f8787affe5K30u83AH9tvkT"
MINIMAL: dict[Mode, tuple[str, ...]] = {
    Mode.TASK: ("here", "work"),
    Mode.FURTHER: ("--session", SES, "work"),
    Mode.EXEC: ("here", "--exec", "true"),
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
WITHOUT_VALUE = {Kind.ARGUMENT, Kind.FLAG, Kind.SWITCH, Kind.COUNT}
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
    return (entry.name, VALUES.get(name, "1")) if entry.kind not in WITHOUT_VALUE else (entry.name,)


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
    if mode in own:
        return
    with pytest.raises(UsageError):
        understand([*MINIMAL[mode], *written(name, entry)])


@pytest.mark.parametrize("mode", Mode)
def test_jules_is_where_a_mode_has_a_meaning_at_jules(mode: Mode) -> None:
    if mode in AT_JULES and mode is not Mode.TASK:  # whose target Jules doesn't take
        assert understand([*MINIMAL[mode], "--jules"])[0] is AT_JULES[mode]
    elif mode not in ON_VMS and mode is not Mode.ENGINE:
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
    }  # fmt: skip
    for name, hint in typing.get_type_hints(Options).items():
        if name == "given":
            continue
        assert hint in {types[table()[name].kind], int if name == "retries" else None}, name


def test_what_is_not_given_is_the_default_of_its_field() -> None:
    options = given_options(command.make_context("dx-dispatch", ["here"]))

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


# whether a document is wanted, of words that click may refuse


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--no-such", "-x", "--json", "a", "b", "c", "--agent"], True),
        (["--engine", "no", "--json"], True),
        (["--json", "--timeout"], True),
        (["-vqi", "a", "--json", "--help"], True),
        (["here", "--exec", "--file", "x", "--json"], True),
        (["here", "--exec", "--json"], False),
        (["--agent", "--json"], False),
        (["--", "--json"], False),
        ([], False),
    ],
)
def test_json_is_wanted_where_it_is_an_option(words: list[str], *, wanted: bool) -> None:
    assert json_wanted(command, complete(words)) is wanted


@pytest.mark.parametrize("file", [["--file", "x"], ["--file=x"]])
def test_a_command_from_a_file_has_no_words(file: list[str]) -> None:
    words = complete(["here", "--exec", *file, "-v"])
    options = given_options(command.make_context("dx-dispatch", words))

    assert (options.target, options.command, options.file, options.verbose) == ("here", "", "x", 1)
