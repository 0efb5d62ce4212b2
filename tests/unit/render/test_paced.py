"""Rules of writing output from a thread of its own."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from dxansible.render.paced import PacedOutput
from dxansible.render.screen import Screen
from dxansible.run.events import HostEnded, HostsKnown, OutputReceived
from dxansible.run.flow import Flow
from tests.unit.render.test_commands import SUCCESS

if TYPE_CHECKING:
    from dxansible.run.events import Event


class Reader:
    """An observer that takes nothing before it is told to, or can't take anything."""

    def __init__(self, error: OSError | None = None) -> None:
        self.may = threading.Event()
        self.said: list[object] = []
        self.error = error

    def handle(self, news: Event) -> None:
        self._say(news)

    def _say(self, what: object) -> None:
        assert self.may.wait(60)
        if self.error is not None:
            raise self.error
        self.said.append(what)


def test_all_is_passed_on_in_order_and_nobody_waits_meanwhile(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    reader, flow, screen = Reader(), Flow(), Screen()
    paced = PacedOutput(reader, flow, screen, lambda: None)
    output = OutputReceived(host="epyc6", out=b"one", err=b"two")
    cut = OutputReceived(host="epyc6", out_skipped=3, err_skipped=4)
    events: list[Event] = [HostsKnown(hosts=("epyc6",)), output, cut, HostEnded(result=SUCCESS)]
    for news in events:
        paced.handle(news)
    screen.write("log\n")
    assert (flow.wait("epyc6", 1, 0), capsysbinary.readouterr().err) == (0, b"")

    reader.may.set()
    paced.drain(threading.Event())

    assert reader.said == events
    assert flow.wait("epyc6", 13, 0) == 13
    assert capsysbinary.readouterr().err == b"log\n"
    screen.write("at once\n")
    assert capsysbinary.readouterr().err == b"at once\n"


def test_after_an_interrupt_a_reader_is_not_waited_for() -> None:
    reader, cancelled = Reader(), threading.Event()
    paced = PacedOutput(reader, Flow(), Screen(), lambda: None)
    paced.handle(OutputReceived(host="epyc6", out=b"one"))
    cancelled.set()

    paced.drain(cancelled)

    assert reader.said == []
    reader.may.set()


def test_what_can_not_be_written_is_told_once_and_ends_the_call() -> None:
    reader, told = Reader(OSError("no space")), []
    paced = PacedOutput(reader, Flow(), Screen(), lambda: told.append("stop"))
    reader.may.set()
    paced.handle(OutputReceived(host="epyc6", out=b"one"))
    paced.handle(OutputReceived(host="epyc6", out=b"two"))

    with pytest.raises(OSError, match="no space"):
        paced.drain(threading.Event())
    assert told == ["stop"]


def test_a_screen_leaves_the_lock_to_others_while_a_pipe_is_full() -> None:
    source, sink = os.pipe()
    screen, data = Screen(), b"".join(b"%d\n" % number for number in range(50_000))
    with os.fdopen(source, "rb") as reader, os.fdopen(sink, "wb") as stream:
        writer = threading.Thread(target=lambda: screen.raw(stream, data))
        writer.start()
        first = reader.read(4096)
        screen.refresh()
        screen.flush()
        rest = reader.read(len(data) - len(first))
        writer.join()

    assert first + rest == data


def test_a_stream_that_does_not_wait_gets_the_rest_later() -> None:
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    with os.fdopen(source, "rb") as reader, os.fdopen(sink, "wb", buffering=0) as stream:
        writer = threading.Thread(target=lambda: Screen().raw(stream, b"x" * 300_000))
        writer.start()
        got = reader.read(300_000)
        writer.join()

    assert got == b"x" * 300_000
