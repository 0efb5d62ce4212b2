"""Rules of ``--watch``: what a board shows of real machines, and how it leaves the terminal."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from tests.integration.sessions.work import begin
from tests.integration.terminal import Terminal
from tests.lab import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.dispatcher import Dispatcher
    from tests.integration.sessions.work import Work
    from tests.lab import Lab, Vm

pytestmark = pytest.mark.resident

HIDDEN, SHOWN = "\x1b[?25l", "\x1b[?25h"
ENTERED, LEFT = "\x1b[?1049h", "\x1b[?1049l"
COLOUR = re.compile(r"\x1b\[3[0-9]m")


@pytest.fixture
def mac(lab: Lab) -> Iterator[Vm]:
    """Another machine, whole again after the test."""
    vm = lab.vms["macmini"]
    yield vm
    vm.heal()


@pytest.fixture
def empty(user: Dispatcher) -> None:
    """The agents' sessions that other tests have left would fill the board."""
    assert user.run("--clean", "--age", "0", "--yes").code == 0


def rows(terminal: Terminal, session: str) -> list[str]:
    return [line for line in terminal.screen if line.startswith(session)]


def state(terminal: Terminal, session: str) -> str:
    """The words of a session's row, from its state on."""
    return " ".join(rows(terminal, session)[0].split()[2:]) if rows(terminal, session) else ""


def place(terminal: Terminal, word: str) -> int:
    return next(number for number, line in enumerate(terminal.screen) if word in line)


@pytest.mark.usefixtures("empty")
def test_what_waits_for_somebody_is_first_and_a_dead_vm_stays(
    user: Dispatcher, work: Work, mac: Vm
) -> None:
    asks = user.run("macmini", 'echo "Shall I push it?"', "--agent", "piped", "--wait", "--json")
    fails = user.run("homedesktop-wsl", "echo no; exit 3", "--wait", "--json")
    waiting, failed = (str(each.result["session_id"]) for each in (asks, fails))
    running = begin(user, work.task)
    work.runs()

    with Terminal(user, "--sessions", "--agents", "--watch", columns=200, lines=40) as terminal:
        terminal.until(lambda: all(rows(terminal, name) for name in (waiting, failed, running)))
        assert "3 VMs  1 waiting  1 failed  1 running" in terminal.screen[0]
        assert place(terminal, waiting) < place(terminal, failed) < place(terminal, running)
        assert state(terminal, waiting).startswith("succeeded, asks")
        assert "Shall I push it?" in rows(terminal, waiting)[0]
        assert rows(terminal, failed)[0].endswith("exit code 3: no")
        assert rows(terminal, running)[0].endswith(" begun")

        mac.fault(Fault.REFUSE)
        mac.cut_now()
        mac.kill_sessions()
        terminal.until(lambda: "1 unreachable" in terminal.screen[0])
        assert "succeeded, asks when macmini was last seen" in rows(terminal, waiting)[0]
        (gone,) = [line for line in terminal.screen if line.startswith("-  ")]
        assert gone.split()[1:3] == ["macmini", "unreachable"]

        work.end()
        terminal.until(lambda: state(terminal, running).startswith("succeeded"))
        assert "ended" in rows(terminal, running)[0]
        assert "1 unreachable" in terminal.screen[0]

        mac.heal()
        terminal.until(lambda: "unreachable" not in "".join(terminal.screen))
        terminal.press("q")
        assert terminal.finish() == 0


@pytest.mark.usefixtures("empty")
def test_a_vm_that_falls_silent_holds_up_no_other(user: Dispatcher, work: Work, mac: Vm) -> None:
    running = begin(user, work.task)
    work.runs()

    with Terminal(user, "--sessions", "--agents", "--watch", columns=200) as terminal:
        terminal.until(lambda: "3 VMs" in (terminal.screen or [""])[0])
        terminal.until(lambda: state(terminal, running).startswith("running"))
        mac.fault(Fault.STALL)
        terminal.until(lambda: "1 unreachable" in terminal.screen[0])
        assert any("no answer for" in line for line in terminal.screen)
        work.end()
        terminal.until(lambda: state(terminal, running).startswith("succeeded"), 10)
        terminal.press("q")
        assert terminal.finish(15) == 0


def test_the_vms_are_watched_too_and_a_dead_one_comes_first(user: Dispatcher, mac: Vm) -> None:
    with Terminal(user, "--list", "--watch", columns=200) as terminal:
        terminal.until(lambda: "3 VMs" in (terminal.screen or [""])[0])
        terminal.until(lambda: sum(" OK " in line for line in terminal.screen) == 3)
        mac.fault(Fault.REFUSE)
        mac.cut_now()
        mac.kill_sessions()
        terminal.until(lambda: "1 unreachable" in terminal.screen[0])
        assert terminal.screen[2].split()[:2] == ["macmini", "unreachable"]
        terminal.press("q")
        assert terminal.finish() == 0


@pytest.mark.parametrize("columns", [60, 200])
def test_the_terminal_is_given_back_as_it_was(user: Dispatcher, columns: int) -> None:
    with Terminal(user, "--list", "--watch", columns=columns) as terminal:
        terminal.until(lambda: "3 VMs" in (terminal.screen or [""])[0])
        assert terminal.settings != terminal.before
        terminal.until(lambda: sum(" OK " in line for line in terminal.screen) == 3)
        assert max(map(cell_len, terminal.screen)) <= columns
        terminal.press("\x03")
        assert terminal.finish() == 0
        assert terminal.settings == terminal.before
        assert COLOUR.search(terminal.text)
        for begin_, end in ((HIDDEN, SHOWN), (ENTERED, LEFT)):
            assert terminal.text.count(begin_) == terminal.text.count(end) == 1
            assert terminal.text.index(begin_) < terminal.text.index(end)
        assert terminal.text.endswith(LEFT)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_gives_the_terminal_back_too(
    user: Dispatcher, number: signal.Signals, code: int
) -> None:
    with Terminal(user, "--list", "--watch", columns=100, environ={"NO_COLOR": "1"}) as terminal:
        terminal.until(lambda: "3 VMs" in (terminal.screen or [""])[0])
        terminal.process.send_signal(number)
        assert terminal.finish() == code
        assert terminal.settings == terminal.before
        assert terminal.text.endswith(LEFT)
        assert not COLOUR.search(terminal.text)


def test_another_size_is_drawn_at_once(user: Dispatcher) -> None:
    with Terminal(user, "--list", "--watch", columns=200) as terminal:
        terminal.until(lambda: sum(" OK " in line for line in terminal.screen) == 3)
        assert len(terminal.screen) == 24
        terminal.resize(60, 12)
        terminal.until(lambda: len(terminal.screen) == 12)
        assert max(map(cell_len, terminal.screen)) <= 60
        terminal.resize(200, 30)
        terminal.until(lambda: len(terminal.screen) == 30 and "CAPABILITIES" in terminal.screen[1])
        terminal.press("q")
        assert terminal.finish() == 0


def test_a_board_that_is_stopped_gives_the_terminal_back_and_comes_back(user: Dispatcher) -> None:
    with Terminal(user, "--list", "--watch", columns=100) as terminal:
        terminal.until(lambda: "3 VMs" in (terminal.screen or [""])[0])
        terminal.press("\x1a")  # which stops nothing here: nobody could make it go on
        terminal.until(lambda: terminal.text.count(ENTERED) == 2)
        between = terminal.text.partition(LEFT)[2]
        assert between.startswith(ENTERED)
        terminal.press("q")
        assert terminal.finish() == 0


def test_a_board_that_could_ask_nobody_says_so_as_any_call_does(user: Dispatcher) -> None:
    with Terminal(user, "--sessions", "nobody", "--watch", columns=100) as terminal:
        assert terminal.finish() == 3
        assert "nobody: no such host" in terminal.text
        assert ENTERED not in terminal.text


def test_without_a_terminal_there_is_no_board(user: Dispatcher) -> None:
    piped = user.run("--sessions", "--watch")
    assert (piped.code, b"--watch needs a terminal" in piped.err) == (2, True)
    with Terminal(user, "--sessions", "--watch", columns=100, environ={"TERM": "dumb"}) as terminal:
        assert terminal.finish() == 2
        assert "--watch needs a terminal" in terminal.text
        assert "\x1b" not in terminal.text
    refused = user.run("--sessions", "--watch", "--json")
    assert (refused.code, refused.document["error"]["type"]) == (2, "UsageError")
