"""Rules of showing a fan-out while it runs."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from dxansible.render.live import LiveOutput
from dxansible.render.screen import Screen
from dxansible.run.events import HostEnded, HostsKnown, HostWaits, OutputReceived
from tests.unit.render.test_commands import SUCCESS
from tests.unit.telling import Telling


class Closed(io.BytesIO):
    """A pipe whose reader has gone."""

    def write(self, _data: object) -> int:
        raise BrokenPipeError


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


Shown = Callable[[], tuple[bytes, bytes]]


@pytest.fixture
def shown(capsysbinary: pytest.CaptureFixture[bytes]) -> Shown:
    """What both streams have shown since it was called last."""

    def read() -> tuple[bytes, bytes]:
        out, err = capsysbinary.readouterr()
        return out, err

    return read


def live(*hosts: str, show: bool = True, closed: list[str] | None = None) -> LiveOutput:
    gone: list[str] = [] if closed is None else closed
    listener = LiveOutput(Screen(), show=show, on_closed=lambda: gone.append("gone"))
    listener.handle(HostsKnown(hosts=hosts))
    return listener


def test_output_of_one_host_goes_through_byte_for_byte(shown: Shown) -> None:
    listener = live("epyc6")

    listener.handle(OutputReceived(host="epyc6", out=b"a\xff", err=b"no "))
    listener.handle(OutputReceived(host="epyc6", out=b"b", err=b"luck"))
    listener.handle(HostEnded(result=SUCCESS))

    assert shown() == (b"a\xffb", b"no luck")


def test_of_several_hosts_whole_lines_go_through_with_the_host_before_each(
    shown: Shown,
) -> None:
    listener = live("epyc6", "wsl")

    listener.handle(OutputReceived(host="epyc6", out=b"one\ntw", err=b""))
    listener.handle(OutputReceived(host="wsl", out=b"uno\n\n", err=b"err\n"))
    listener.handle(OutputReceived(host="epyc6", out=b"o\n", err=b""))

    assert shown() == (
        b"epyc6 | one\nwsl   | uno\nwsl   | \nepyc6 | two\n",
        b"wsl   | err\n",
    )


def test_the_end_of_a_host_completes_its_last_line(shown: Shown) -> None:
    listener = live("epyc6", "wsl")

    listener.handle(OutputReceived(host="epyc6", out=b"no newline", err=b"here neither"))
    listener.handle(HostEnded(result=SUCCESS))

    assert shown() == (b"epyc6 | no newline\n", b"epyc6 | here neither\n")


def test_a_line_that_never_ends_is_not_held_back_for_ever(shown: Shown) -> None:
    listener = live("epyc6", "wsl")

    for _ in range(4):
        listener.handle(OutputReceived(host="epyc6", out=b"x" * 100_000, err=b""))

    assert shown() == (b"epyc6 | " + b"x" * 300_000 + b"\n", b"")


def test_where_output_is_missing_it_says_so(shown: Shown) -> None:
    live("epyc6").handle(OutputReceived(host="epyc6", out_skipped=5, err_skipped=2))

    assert shown() == (b"", b"epyc6: 7 bytes of output came too fast and were cut here\n")


def test_output_that_is_wanted_at_the_end_only_is_not_shown(shown: Shown) -> None:
    listener = live("epyc6", "wsl", show=False)

    listener.handle(OutputReceived(host="epyc6", out=b"one\n", err=b"two\n"))
    listener.handle(OutputReceived(host="epyc6", out_skipped=1, err_skipped=1))
    listener.handle(HostEnded(result=SUCCESS))

    assert shown() == (b"", b"")


def test_a_reader_that_has_gone_is_told_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    listener = live("epyc6", closed=closed)
    with io.TextIOWrapper(Closed()) as stream:
        monkeypatch.setattr(sys, "stdout", stream)

        listener.handle(OutputReceived(host="epyc6", out=b"one", err=b""))
        listener.handle(OutputReceived(host="epyc6", out=b"two", err=b""))

    assert closed == ["gone"]


def test_on_a_terminal_the_log_begins_on_a_line_of_its_own(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    terminal = Terminal()
    screen = Screen()
    for data, written in ((b"no newline", b"\nlog\n"), (b"a line\n", b"log\n")):
        screen.raw(terminal, data)
        screen.write("log\n")

        assert shown() == (b"", written)


def test_a_screen_is_a_stream_to_the_log(shown: Shown) -> None:
    assert Screen().write("log\n") == 4
    assert shown() == (b"", b"log\n")


def test_a_person_is_told_once_that_a_host_is_waited_for(shown: Shown) -> None:
    screen = Screen()
    screen.readable = True
    away = HostWaits(host="epyc6", session_id="cmd_1", until=90.0, error="epyc6: is it on?")
    run = Telling(LiveOutput(screen, show=True, on_closed=lambda: None))
    for news in (away, replace(away, until=None, error=None), away):
        run.handle(news)

    line = f"epyc6: waited for until {away.clock_time}: is it on?\n"
    assert shown() == (b"", line.encode())
