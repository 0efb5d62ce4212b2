"""Rules of what a command line said."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from dxansible.cli.table import Options
from dxansible.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def options(**given: Any) -> Options:  # noqa: ANN401 - each has its own type
    """Nothing but what is given, as the command line has it."""
    return Options(**given, given=frozenset(given))


def test_a_text_is_as_given_or_as_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "task").write_bytes(b"\xff\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xfe")))

    assert options().text("ä", "task", "x") == "ä"
    assert options(file=str(tmp_path / "task")).text(None, "task", "x") == b"\xff\n"
    assert options(file="-").text("", "command", "x") == b"\xfe"


def test_input_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dxansible.cli.standard_input._MOST", 2**21)
    endless = subprocess.Popen(["yes"], stdout=subprocess.PIPE)
    assert endless.stdout
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(endless.stdout))

    with pytest.raises(UsageError, match="more than 1 GiB"):
        options(file="-").text(None, "task", "x")
    endless.kill()
    endless.wait()
    sys.stdin.close()


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


def test_the_inventory_and_the_forks_are_those_that_were_named(inventory: Path) -> None:
    settings = options(inventory=(str(inventory),), forks=3).settings()

    assert (settings.inventory[0], settings.forks) == (inventory, 3)
