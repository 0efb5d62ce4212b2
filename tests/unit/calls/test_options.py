"""Rules of what a command line said."""

from __future__ import annotations

import io
import sys
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

from dxansible.calls.options import Options
from dxansible.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def options(**given: object) -> Options:
    """Nothing but what is given, as the command line has it."""
    nothing: dict[str, Any] = {
        field.name: {"bool": False, "int": 0, "tuple[str, ...]": ()}.get(str(field.type))
        for field in fields(Options)
    }
    return Options(**{**nothing, **given})


COMMAND, TASK = Options.check_command, Options.check_task


@pytest.mark.parametrize(
    ("check", "given", "text"),
    [
        (COMMAND, {"agent": "shell"}, "--agent is of no use with --exec; leave it out"),
        (COMMAND, {"repo": "x"}, "--repo is of no use with --exec"),
        (COMMAND, {"dir": "x"}, "--dir is of no use with --exec"),
        (COMMAND, {"beads": "x"}, "--beads is of no use with --exec"),
        (COMMAND, {"session": "x"}, "--session is of no use with --exec"),
        (COMMAND, {"queue": True}, "--queue is of no use with --exec"),
        (COMMAND, {"verify": "x"}, "--verify is of no use with --exec"),
        (COMMAND, {"wait": True}, "--wait is of no use with --exec"),
        (COMMAND, {"idle_timeout": 1.0}, "--idle-timeout is of no use with --exec"),
        (TASK, {"run_id": "x"}, "--run-id is of no use with a task for an agent"),
        (TASK, {"gather": True}, "--gather is of no use with a task for an agent"),
        (TASK, {"max_output": 1}, "--max-output is of no use with a task for an agent"),
    ],
)
def test_what_has_no_meaning_there_is_refused(
    check: Callable[[Options], None], given: dict[str, object], text: str
) -> None:
    with pytest.raises(UsageError, match=text):
        check(options(**given))


@pytest.mark.parametrize("check", [COMMAND, TASK])
def test_what_both_know_is_fine(check: Callable[[Options], None]) -> None:
    check(options(timeout=1.0, retries=3, forks=2, json=True, quiet=True, file="x"))


def test_a_limit_of_nothing_has_no_meaning_with_a_task_either() -> None:
    with pytest.raises(UsageError, match="--max-output is of no use with a task for an agent"):
        options(max_output=0).check_task()


def test_a_text_is_as_given_or_as_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "task").write_bytes(b"\xff\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xfe")))

    assert options().text("ä", "task", "x") == "ä"
    assert options(file=str(tmp_path / "task")).text(None, "task", "x") == b"\xff\n"
    assert options(file="-").text("", "command", "x") == b"\xfe"


@pytest.mark.parametrize(
    ("given", "file", "text"),
    [
        (None, None, "there is no task; give one: dx HOST, or --file PATH"),
        ("", None, "there is no task"),
        ("do it", "-", "the task and --file can't be used together; give the task once"),
        (None, "/no/such", "/no/such can't be read: No such file or directory; give a readable"),
        (None, "/", "/ can't be read: Is a directory"),
    ],
)
def test_without_one_text_it_says_what_to_do(
    given: str | None, file: str | None, text: str
) -> None:
    with pytest.raises(UsageError, match=text):
        options(file=file).text(given, "task", "dx HOST")


def test_the_inventory_is_the_one_that_was_named(inventory: Path) -> None:
    assert options(inventory=str(inventory)).settings().inventory[0] == inventory
