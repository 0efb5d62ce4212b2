"""Rules of the line that shows how far a run is."""

from __future__ import annotations

import os
import pty
import sys
import termios
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dxansible.record import FanoutOutcome
from dxansible.render.progress import Progress, showing_progress
from dxansible.render.screen import Screen
from dxansible.results import CleanResult
from dxansible.run.events import BatchBegins, HostEnded, HostsKnown, OutputReceived, PreflightDone
from dxansible.run.turn_events import SessionsSeen
from tests.unit.render.test_commands import DOWN, FAILURE, OK, SUCCESS
from tests.unit.telling import Telling
from tests.unit.test_turn_results import RUNNING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.clock import Clock


class Watched:
    """A terminal that somebody watches."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.here, there = pty.openpty()
        """The person's end."""
        self._stream = open(there, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - see close
        self._monkeypatch, self._screen = monkeypatch, Screen()

    def open(self) -> Screen:
        """Make it standard error; a fixture can't, since pytest captures that of each phase."""
        self._monkeypatch.setattr(sys, "stderr", self._stream)
        self._screen = Screen()
        return self._screen

    def close(self) -> None:
        self._screen.end_progress()
        self._stream.close()
        os.close(self.here)

    def seen(self) -> str:
        """What it was sent since the last look; a mark shows where that ends."""
        self._stream.write("#")
        self._stream.flush()
        text = ""
        while not text.endswith("#"):
            text += os.read(self.here, 4096).decode()
        return text.removesuffix("#").replace("\r\n", "\n")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    watched = Watched(monkeypatch)
    yield watched
    watched.close()


@pytest.fixture
def screen() -> Screen:
    """A screen that nobody watches."""
    return Screen()


class Shown(Telling):
    """A line that is told of a run."""

    def __init__(self, line: Progress) -> None:
        super().__init__(line)
        self.line = line.line


def progress(screen: Screen, clock: Clock, *hosts: str, checks: bool = False) -> Shown:
    shown = Shown(Progress(screen, checks=checks, clock=clock))
    if hosts:
        shown.handle(HostsKnown(hosts=hosts))
    return shown


def test_before_the_hosts_are_known_it_says_that_the_call_starts(
    screen: Screen, clock: Clock
) -> None:
    assert progress(screen, clock).line() == "starting  0:00"


def test_of_one_host_it_says_what_happens_and_how_long(screen: Screen, clock: Clock) -> None:
    shown = progress(screen, clock, "epyc6")
    assert shown.line() == "epyc6  connecting  0:00"
    shown.handle(PreflightDone(result=OK))
    clock.sleep(3725)
    assert shown.line() == "epyc6  running  1:02:05"
    shown.handle(HostEnded(result=SUCCESS))
    assert shown.line() == "epyc6  done  1:02:05"


def test_of_several_it_counts_who_is_done_and_names_the_last(screen: Screen, clock: Clock) -> None:
    shown = progress(screen, clock, "epyc6", "wsl", "mac", "pi")
    clock.sleep(62)
    assert shown.line() == "0/4 done, 0 failed, 4 running  1:02"
    shown.handle(HostEnded(result=replace(FAILURE, host="wsl")))
    assert shown.line() == "1/4 done, 1 failed, 3 running  1:02  epyc6, mac, pi"
    shown.handle(HostEnded(result=SUCCESS))
    shown.handle(OutputReceived(host="mac"))
    assert shown.line() == "2/4 done, 1 failed, 2 running  1:02  mac, pi"


def test_a_turn_that_goes_on_is_no_failure(screen: Screen, clock: Clock) -> None:
    shown = progress(screen, clock, "epyc6", "wsl")
    shown.handle(HostEnded(result=replace(RUNNING, host="epyc6")))

    assert shown.line() == "1/2 done, 0 failed, 1 running  0:00  wsl"


@pytest.mark.parametrize(
    "ends",
    [
        (PreflightDone(result=OK), PreflightDone(result=DOWN)),
        (
            SessionsSeen(host="epyc6", sessions=()),
            SessionsSeen(host="macmini", sessions=(), error="macmini: gone"),
        ),
        (CleanResult(host="epyc6"), CleanResult(host="macmini", error="macmini: gone")),
    ],
)
def test_a_host_that_was_only_asked_is_done_with_its_answer(
    screen: Screen, clock: Clock, ends: tuple[PreflightDone | SessionsSeen | CleanResult, ...]
) -> None:
    shown = progress(screen, clock, "epyc6", "macmini", checks=True)
    for news in ends:
        shown.handle(news)

    assert shown.line() == "2/2 done, 1 failed, 0 running  0:00"


def test_a_name_cant_drive_the_terminal(screen: Screen, clock: Clock) -> None:
    assert "\x1b" not in progress(screen, clock, "a\x1b[2J").line()
    assert "\x1b" not in progress(screen, clock, "a\x1b[2J", "b").line()


def drawn(screen: Screen, line: str, *, stays: bool = True) -> None:
    """Have this line on the terminal, without the pause before it."""
    screen.progress(lambda: line, stays=stays)
    screen._draw()


def test_the_line_gives_way_to_all_else_and_comes_back(terminal: Watched) -> None:
    screen = terminal.open()
    drawn(screen, "half")
    screen.write("log\n")
    screen.put("summary\n")
    screen.raw(sys.stderr.buffer, b"output\n")
    screen.end_progress()

    clear = "\r\x1b[K"
    above = f"half{clear}log\nhalf{clear}summary\nhalf{clear}output\nhalf{clear}"
    assert terminal.seen() == above


def test_a_line_that_doesnt_stay_waits_for_silence(terminal: Watched) -> None:
    screen = terminal.open()
    drawn(screen, "half", stays=False)
    screen.write("log\n")
    screen.refresh()

    assert terminal.seen() == "half\r\x1b[Klog\n"


def test_the_line_never_tears_a_line_of_output_apart(terminal: Watched) -> None:
    screen = terminal.open()
    drawn(screen, "half")
    screen.raw(sys.stderr.buffer, b"output")
    screen._draw()
    screen.write("log\n")
    screen._draw()

    assert terminal.seen() == "half\r\x1b[Koutput\nlog\nhalf"


@pytest.mark.parametrize(
    ("columns", "line", "shown"),
    [
        (10, "x" * 80, "x" * 9),
        (10, "x" * 9, "x" * 9),
        (10, "漢" * 9, "漢" * 4),
        (0, "x" * 99, "x" * 79),
    ],
)
def test_the_line_is_narrower_than_the_terminal(
    terminal: Watched, columns: int, line: str, shown: str
) -> None:
    screen = terminal.open()
    termios.tcsetwinsize(terminal.here, (24, columns))
    drawn(screen, line)

    assert terminal.seen() == shown


def test_the_line_follows_the_width_of_the_terminal(terminal: Watched) -> None:
    screen = terminal.open()
    termios.tcsetwinsize(terminal.here, (24, 200))
    drawn(screen, "x" * 150)
    termios.tcsetwinsize(terminal.here, (24, 60))
    screen.refresh()

    assert terminal.seen() == "x" * 150 + "\r\x1b[K" + "x" * 59


def test_nothing_is_drawn_into_the_screen_of_a_pager(terminal: Watched) -> None:
    screen = terminal.open()
    drawn(screen, "half")
    mode = termios.tcgetattr(terminal.here)
    mode[3] &= ~termios.ICANON
    termios.tcsetattr(terminal.here, termios.TCSANOW, mode)
    screen.refresh()
    screen.end_progress()

    assert terminal.seen() == "half"


def test_the_line_is_dim_where_colours_are_wanted(
    terminal: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = terminal.open()
    monkeypatch.delenv("NO_COLOR")
    drawn(screen, "half")

    assert terminal.seen() == "\x1b[2mhalf\x1b[0m"


@pytest.mark.parametrize("name", ["dumb", ""])
def test_a_dumb_terminal_gets_no_line(
    terminal: Watched, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("TERM", name)
    screen = terminal.open()
    drawn(screen, "half")

    assert terminal.seen() == ""


def test_the_line_is_there_after_a_second_and_gone_at_the_end(terminal: Watched) -> None:
    screen = terminal.open()
    with showing_progress(screen, wanted=True) as observers:
        assert len(observers) == 1
        text = b""
        while b"starting  0:0" not in text:
            text = os.read(terminal.here, 4096)
    assert terminal.seen().endswith("\r\x1b[K")


def test_a_call_that_wants_none_has_none(screen: Screen, terminal: Watched) -> None:
    with showing_progress(terminal.open(), wanted=False) as observers:
        assert observers == ()
    with showing_progress(screen, wanted=True) as observers:
        assert observers == ()


def test_a_word_from_a_signal_handler_takes_the_place_of_the_line(
    terminal: Watched, capfd: pytest.CaptureFixture[str]
) -> None:
    screen = terminal.open()
    screen.interject("one")
    drawn(screen, "half")
    screen.interject("two")

    assert (terminal.seen(), capfd.readouterr().err) == ("half", "\none\n\r\x1b[Ktwo\n")


def test_every_outcome_but_success_counts_as_failed(screen: Screen, clock: Clock) -> None:
    shown = progress(screen, clock, *FanoutOutcome, "last")
    for outcome in FanoutOutcome:
        shown.handle(HostEnded(result=replace(SUCCESS, host=str(outcome), outcome=outcome)))

    assert shown.line() == "5/6 done, 4 failed, 1 running  0:00  last"


def test_hosts_of_batches_that_have_not_begun_wait(screen: Screen, clock: Clock) -> None:
    line = Progress(screen, clock=clock)
    line.handle(HostsKnown(hosts=("wsl", "epyc6")))  # as a run in batches tells it
    shown, lines = Shown(line), []
    for news in (
        BatchBegins(hosts=("wsl",)),
        HostEnded(result=replace(FAILURE, host="wsl")),
        BatchBegins(hosts=("epyc6",)),
    ):
        shown.handle(news)
        lines.append(shown.line().partition("  ")[0])

    assert lines == [
        "0/2 done, 0 failed, 1 running, 1 waiting",
        "1/2 done, 1 failed, 0 running, 1 waiting",
        "1/2 done, 1 failed, 1 running",
    ]
