"""Rules of showing agents' sessions while they run."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import pytest

from dxansible.render.live import LiveOutput
from dxansible.render.screen import Screen
from dxansible.run.events import HostEnded, HostsKnown
from dxansible.run.turn_events import TurnUpdate
from tests.unit.render.test_live import Closed
from tests.unit.test_turn_results import RESULT

SES = "ses_1-0a1b2c3d"
NEWS = TurnUpdate(host="epyc6", session_id=SES, turn=1)


def live(
    *hosts: str,
    show: bool = True,
    announce: bool = True,
    quiet: bool = False,
    gone: list[str] | None = None,
) -> LiveOutput:
    closed: list[str] = [] if gone is None else gone
    listener = LiveOutput(
        Screen(), show=show, on_closed=lambda: closed.append("gone"), announce=announce, quiet=quiet
    )
    listener.handle(HostsKnown(hosts=hosts))
    return listener


def shown(capture: pytest.CaptureFixture[bytes]) -> tuple[bytes, bytes]:
    out, err = capture.readouterr()
    return out, err


@pytest.mark.parametrize(
    ("hosts", "line"),
    [(["epyc6"], b"%b\n" % SES.encode()), (["epyc6", "wsl"], b"%b  epyc6\n" % SES.encode())],
)
def test_an_id_is_the_result_of_a_call_that_does_not_wait(
    capsysbinary: pytest.CaptureFixture[bytes], hosts: list[str], line: bytes
) -> None:
    live(*hosts, show=False).handle(replace(NEWS, started=True))
    live(*hosts, announce=False).handle(replace(NEWS, started=True))

    assert shown(capsysbinary) == (line, b"")


def test_what_the_agent_says_is_shown_as_text(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    live("epyc6").handle(replace(NEWS, out="gr\xfcn\n\ud800", err="err\n"))

    assert shown(capsysbinary) == (b"gr\xc3\xbcn\n?", b"err\n")


def test_of_several_hosts_whole_lines_are_shown(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    listener = live("epyc6", "wsl")

    listener.handle(replace(NEWS, out="one\ntw", err=""))
    listener.handle(HostEnded(result=RESULT))

    assert shown(capsysbinary) == (b"epyc6 | one\nepyc6 | tw\n", b"")


@pytest.mark.parametrize(
    ("show", "quiet", "text"),
    [
        (True, False, f"epyc6: waiting for the turn of {SES} that is running\n"),
        (True, True, ""),
        (False, False, ""),
    ],
)
def test_it_says_why_nothing_happens_yet(
    capsysbinary: pytest.CaptureFixture[bytes], text: str, *, show: bool, quiet: bool
) -> None:
    live("epyc6", show=show, quiet=quiet).handle(replace(NEWS, queued=True))

    assert shown(capsysbinary) == (b"", text.encode())


def test_a_reader_that_has_gone_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[str] = []
    listener = live("epyc6", gone=gone)
    with io.TextIOWrapper(Closed()) as stream:
        monkeypatch.setattr(sys, "stdout", stream)

        listener.handle(replace(NEWS, started=True))
        listener.handle(replace(NEWS, out="more", err=""))

    assert gone == ["gone"]
