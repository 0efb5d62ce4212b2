"""Rules of tables on real terminals, and in pipes."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len

from tests.integration.terminal import Terminal
from tests.lab import Fault

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

pytestmark = pytest.mark.resident

COLOUR = re.compile(r"\x1b\[[0-9]+m")
TASK = "echo 世界 and a few more words, so that nobody can show all of them in a single line; true"


@pytest.fixture
def session(user: Dispatcher) -> str:
    """A session that has ended."""
    return str(user.run("epyc6", TASK, "--wait", "--json").result["session_id"])


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_table_fits_its_terminal_and_nothing_is_lost(
    user: Dispatcher, session: str, columns: int, variables: dict[str, str]
) -> None:
    with Terminal(
        user, "-q", "--sessions", "epyc6", columns=columns, environ=variables
    ) as terminal:
        assert terminal.finish() == 0
        shown = COLOUR.sub("", terminal.text)
        assert (shown != terminal.text) is (not variables)
        assert "\x1b" not in shown
        lines = shown.replace("\r\n", "\n").splitlines()
        (first,) = [number for number, line in enumerate(lines) if line.startswith(session)]
        below = takewhile(lambda line: line.startswith("  "), lines[first + 1 :])
        row = [lines[first], *below]  # the sessions of other tests may have words of any length
        assert max(map(cell_len, [lines[0], *row])) <= columns
        assert TASK in " ".join(" ".join(row).split())


def test_through_a_pipe_a_row_is_one_whole_line(user: Dispatcher, session: str) -> None:
    answer = user.run("--sessions", "epyc6")

    (row,) = [line for line in answer.out.decode().splitlines() if line.startswith(session)]
    assert row.endswith(TASK)
    assert "\x1b" not in row


@pytest.mark.parametrize("call", ["--list", "--sessions"])
def test_a_long_error_ends_its_lines_with_words(user: Dispatcher, epyc6: Vm, call: str) -> None:
    epyc6.fault(Fault.REFUSE)
    document = user.run(call, "--json").document
    error = document["errors"]["epyc6"] if call == "--sessions" else _error(document)

    with Terminal(user, call, "--quiet", columns=60) as terminal:
        assert terminal.finish() == 3
        lines = COLOUR.sub("", terminal.text).replace("\r\n", "\n").splitlines()
        indented = [line for line in lines if line.startswith("  ")]
        assert max(map(cell_len, indented)) <= 60
        assert error in " ".join(" ".join(indented).split())


def _error(document: dict[str, Any]) -> str:
    return str(next(each["error"] for each in document["hosts"] if each["host"] == "epyc6"))
