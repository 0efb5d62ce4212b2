"""Rules of Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from dxansible.cli.table import Options
from dxansible.cli.terminal import SCREEN, cancel_on_signals
from tests.schemas import check_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _own_handlers() -> Iterator[None]:
    before = [(name, signal.getsignal(name)) for name in SIGNALS]
    yield
    for name, handler in before:
        signal.signal(name, handler)


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("name", SIGNALS)
def test_the_first_signal_ends_the_work_and_the_second_the_process(
    name: signal.Signals,
    as_json: bool,  # noqa: FBT001 - a parameter of the test
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    cancelled = cancel_on_signals(Options(json=as_json), "stopping", "gave up")
    assert not cancelled.is_set()

    signal.raise_signal(name)
    assert cancelled.is_set()
    assert (capfd.readouterr(), codes) == (("", "\nstopping\n"), [])

    signal.raise_signal(name)
    assert codes == [130]
    out, err = capfd.readouterr()
    assert err.startswith("\ngave up\n")
    assert (json.loads(out)["error"]["message"] if as_json else out) == (
        "gave up" if as_json else ""
    )


def test_a_signal_that_is_sent_twice_at_once_counts_once(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    cancelled = cancel_on_signals(Options(), "stopping", "gave up")
    # timeout(1) signals its process, and a moment later the process's group
    monkeypatch.setattr(time, "sleep", lambda _seconds: signal.raise_signal(signal.SIGTERM))

    signal.raise_signal(signal.SIGTERM)

    assert cancelled.is_set()
    assert (capfd.readouterr().err, codes) == ("\nstopping\n", [])


@pytest.mark.parametrize("torn", [False, True], ids=["whole", "torn"])
def test_the_last_word_of_a_call_for_events_is_an_event(
    torn: bool,  # noqa: FBT001 - a parameter of the test
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "_exit", lambda _code: None)
    monkeypatch.setattr(SCREEN, "amid_output", torn)
    cancel_on_signals(Options(jsonl=True), "stopping", "gave up")
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)

    out = capfd.readouterr().out
    assert out.startswith("\n" if torn else "{")
    (event,) = check_lines(out.strip())
    assert (event["exit_code"], event["error"]["message"]) == (130, "gave up")
    assert event["error"]["type"] == "Interrupted"
