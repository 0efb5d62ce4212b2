"""Rules of the tables of states, which the keeper's shell, the collection and the package share."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dxansible import states
from dxansible.render.sessions import STATE_COLOURS
from dxansible.states import (
    ANSWERS,
    ENDED,
    HOST_STATES,
    LISTED_STATES,
    SESSION_STATES,
    HostState,
    ListedState,
    SessionState,
    StateWarning,
    Teller,
    is_session_state,
    teller,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from enum import StrEnum

    from dxansible.states import State

ROOT = Path(__file__).parents[2]
COLLECTION = ROOT / "playbooks/collections/ansible_collections/dxansible/fleet"
PLUGIN_UTILS = COLLECTION / "plugins/plugin_utils"
TABLES = (
    (SESSION_STATES, SessionState),
    (HOST_STATES, HostState),
    (LISTED_STATES, ListedState),
)
DECIDES = ("settle", "never", "conclude")
"""Functions of the keeper whose argument is a state."""


def shell() -> str:
    """The keeper without comments, and what runs it."""
    parts = sorted((COLLECTION / "files/keeper").glob("*.sh"))
    lines = "".join(part.read_text() for part in parts).splitlines()
    runs = (PLUGIN_UTILS / "keeper.py").read_text().partition('_RUN = _line(f"""')[2]
    return "\n".join(
        [*(re.sub(r"(^|\s)#.*", "", line) for line in lines), runs.partition('"""')[0]]
    )


def told() -> set[str]:
    """The words that the keeper makes a state."""
    text = shell()
    words = set(re.findall(r"\bstate=([a-z]+)", text)) | set(re.findall(r"\bending=([a-z]+)", text))
    return words | set(re.findall(rf"(?m)(?:^ *|[;(] *)(?:{'|'.join(DECIDES)}) ([a-z]+)\b", text))


def compared() -> set[str]:
    """The words that the keeper compares a state with."""
    text = shell()
    words = set(re.findall(r'"\$state" !?= ([a-z]+)', text))
    for case in re.findall(r"case [^\n]*\$state\S* in(.*?)\besac", text, re.DOTALL):
        for pattern in re.findall(r"(?:^|;;)\s*([a-z0-9*| ]+)\)", case, re.MULTILINE):
            words |= {re.sub(r"[*0-9 ]|yes", "", word) for word in pattern.split("|")}
    return words - {""}


def test_the_package_has_the_collection_s_own_file() -> None:
    here = Path(str(states.__file__))

    assert here.resolve() == (PLUGIN_UTILS / "states.py").resolve()
    assert here.is_symlink()
    assert not here.readlink().is_absolute()


def test_it_imports_only_the_standard_library() -> None:
    nodes = list(ast.walk(ast.parse(Path(str(states.__file__)).read_text())))
    modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    modules |= {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}

    assert {str(each).partition(".")[0] for each in modules - {"value"}} <= sys.stdlib_module_names


def test_the_keeper_tells_the_words_of_the_table_and_no_others() -> None:
    assert told() == set(SESSION_STATES) | set(ANSWERS)


def test_the_keeper_compares_with_words_of_the_table_alone() -> None:
    assert {"starting", "running", "scheduled", "lost", "exited", "unstarted"} <= compared()
    assert compared() <= set(SESSION_STATES) | set(ANSWERS)


def test_the_keeper_keeps_records_of_the_ends_of_the_table() -> None:
    function = shell().partition("\nrecorded() {")[2].partition("\n}\n")[0]

    assert set(re.findall(r"state=([a-z]+)", function)) == ENDED - {SessionState.UNKNOWN}


@pytest.mark.parametrize(("table", "words"), TABLES)
def test_a_table_has_each_word_of_its_kind(
    table: Mapping[str, State], words: type[StrEnum]
) -> None:
    assert list(table) == list(words)
    assert all(row.follows <= set(table) for row in table.values())


@pytest.mark.parametrize(
    ("table", "first"), [(SESSION_STATES, "unknown"), (HOST_STATES, "expected")]
)
def test_every_state_can_be_reached(table: Mapping[str, State], first: str) -> None:
    reached: set[str] = set()
    fresh = {first}
    while fresh:
        reached |= fresh
        fresh = {word for each in fresh for word in table[each].follows} - reached

    assert reached == set(table)


def test_a_session_that_ended_stays_so_until_its_record_is_removed() -> None:
    for word in ENDED - {SessionState.UNKNOWN}:
        assert SESSION_STATES[word].follows == {SessionState.UNKNOWN}


def test_nothing_follows_the_last_word_about_a_host() -> None:
    assert all(bool(row.follows) != row.final for row in HOST_STATES.values())


def test_nobody_may_tell_what_no_table_has() -> None:
    assert teller(SESSION_STATES, "running") is Teller.KEEPER
    assert teller(SESSION_STATES, "running", "exited") is Teller.NOBODY
    assert teller(SESSION_STATES, "melted") is Teller.NOBODY
    assert teller(HOST_STATES, "waiting", "expected") is Teller.CLIENT
    assert teller(HOST_STATES, "started", "started") is Teller.KEEPER
    with pytest.warns(StateWarning, match="melted"):
        assert not is_session_state("melted")


def test_listings_colour_each_state() -> None:
    assert set(STATE_COLOURS) == set(LISTED_STATES)


def _copies(path: Path) -> Iterator[str]:
    """Words that a module compares with a session's state, written out."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Compare) and ast.unparse(node.left).endswith("reply.state"):
            sides = [each for side in node.comparators for each in ast.walk(side)]
            yield from (each.value for each in sides if isinstance(each, ast.Constant))  # type: ignore[misc]
        if isinstance(node, ast.Match) and ast.unparse(node.subject).endswith(".state"):
            words = [each for case in node.cases for each in ast.walk(case.pattern)]
            yield from (each.value for each in words if isinstance(each, ast.Constant))  # type: ignore[misc]


def test_no_module_of_the_collection_has_words_of_its_own() -> None:
    found = {path.name: [*_copies(path)] for path in PLUGIN_UTILS.glob("*.py")}

    assert {name: words for name, words in found.items() if words} == {}
