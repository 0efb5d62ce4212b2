"""The records of runs: files of one's own that say what is needed to run a command again."""

from __future__ import annotations

import json
import os
import stat
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dxansible.evidence import Evidence
from dxansible.record import FanoutOutcome, read
from dxansible.run.history import UNKNOWN, WAITING, History, HostEnd, RecordedRun

if TYPE_CHECKING:
    from pathlib import Path

DAY_NS = 86_400 * 10**9


@pytest.fixture
def history(tmp_path: Path) -> History:
    """A directory that isn't there yet."""
    return History(tmp_path / "state" / "runs")


def record(
    number: int = 1, *, at_ns: int | None = None, command: str | None = "true"
) -> RecordedRun:
    """A run of three hosts."""
    began_ns = time.time_ns() if at_ns is None else at_ns
    run_id = f"cmd_{number:016x}"
    return RecordedRun(
        name=f"{began_ns:020d}-{run_id}",
        run_id=run_id,
        began=began_ns / 1e9,
        pattern="web",
        inventory="/inventory",
        command=command,
        summary="true",
        timeout_sec=60.0,
        max_retries=1,
        env=("TOKEN",),
        serial=("1", "10%"),
        max_fail=2,
        hosts={
            "a": HostEnd(outcome=FanoutOutcome.SUCCESS, reason="ok"),
            "b": UNKNOWN,
            "c": WAITING,
        },
    )


def test_a_record_is_read_as_it_was_written(history: History) -> None:
    written = record(command="echo 'gr\udcfcn' \"$A\"\n")
    history.write(written)

    assert history.runs() == [written]


@pytest.mark.parametrize(
    ("outcome", "reason", "verified", "known"),
    [
        ("SUCCESS", "ok", None, True),
        ("FAILURE", "exit_nonzero", None, True),
        ("SUCCESS", "ok", False, True),  # it left processes on purpose
        ("FAILURE", "signalled", None, True),
        ("FAILURE", "signalled", False, False),
        ("FAILURE", "id_conflict", None, True),
        ("ABORTED", "not_started", None, True),
        ("ABORTED", "unknown_session", None, True),
        ("FAILURE", "unknown_session", None, False),
        ("ABORTED", "aborted", True, True),
        ("ABORTED", "aborted", False, False),
        ("TIMEOUT", "deadline", True, True),
        ("TIMEOUT", "deadline", False, False),
        ("FAILURE", "lost", None, False),
        ("FAILURE", "lost", True, True),
        ("FAILURE", "lost_contact", None, False),
        ("FAILURE", "lost_contact", False, False),
        ("FAILURE", "vm_error", None, False),
        ("FAILURE", "of_a_newer_release", None, False),
    ],
)
def test_an_end_is_known_where_the_vm_tells_one(
    outcome: str, reason: str, *, verified: bool | None, known: bool
) -> None:
    end = HostEnd(
        outcome=FanoutOutcome(outcome),
        reason=reason,
        stop_verified=verified,
        evidence=Evidence.TOLD,
    )

    assert end.known is known
    assert not replace(end, evidence=Evidence.LOST).known
    assert not replace(end, evidence=Evidence.TOOL).known


@pytest.mark.parametrize("outcome", [*FanoutOutcome, None])
def test_an_end_is_known_where_nothing_can_have_arrived(outcome: FanoutOutcome | None) -> None:
    for evidence in Evidence:
        known = evidence in {Evidence.NEVER_SENT, Evidence.REFUSED} and outcome is not None
        assert HostEnd(outcome=outcome, reason="aborted", evidence=evidence).known is known


def test_the_end_in_a_record_of_an_earlier_release_is_not_known() -> None:
    end = read(HostEnd, {"outcome": "SUCCESS", "reason": "ok", "stop_verified": None})

    assert (end.evidence, end.known) == (Evidence.LOST, False)


def test_a_record_is_for_its_owner_alone(history: History) -> None:
    before = os.umask(0)
    try:
        history.write(record())
    finally:
        os.umask(before)

    (path,) = history.directory.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(history.directory.stat().st_mode) == 0o700


def test_records_come_oldest_first_and_a_changed_one_keeps_its_place(history: History) -> None:
    first, second = record(1), record(2)
    history.write(second)
    history.write(first)
    history.write(replace(first, ended=5.0))

    assert [(run.run_id, run.ended) for run in history.runs()] == [
        (first.run_id, 5.0),
        (second.run_id, None),
    ]


def test_what_is_older_than_thirty_days_goes_when_a_new_one_comes(history: History) -> None:
    now = time.time_ns()
    old, younger, new = (
        record(number, at_ns=now - days * DAY_NS) for number, days in ((1, 31), (2, 29), (3, 0))
    )
    for each in (younger, old):
        history.write(each)
    leftover = history.directory / ".00000000000000000001-x.1"
    leftover.touch()
    os.utime(leftover, (0, 0))
    history.write(replace(younger, ended=1.0))
    assert len(history.runs()) == 2, "only a new one costs a look at the others"

    history.write(new)

    assert [run.run_id for run in history.runs()] == [younger.run_id, new.run_id]
    assert not leftover.exists()


def test_there_are_a_thousand_records_at_most(history: History) -> None:
    now = time.time_ns()
    history.write(record(0, at_ns=now))
    text = next(history.directory.iterdir()).read_text()
    for number in range(1, 1005):
        (history.directory / f"{now + number:020d}-cmd_{number:016x}.json").write_text(text)

    history.write(record(2000, at_ns=now + 2000))

    names = sorted(path.name for path in history.directory.iterdir())
    assert len(names) == 1000
    assert names[-1].endswith(f"cmd_{2000:016x}.json")
    assert not names[0].endswith(f"cmd_{0:016x}.json")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "3", '{"schema": 2}', '{"schema": 1}', '{"schema": 1, "hosts": {"a": 3}}'],
)
def test_a_file_that_is_no_record_is_named_and_hides_no_other(
    history: History, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    history.write(record())
    (history.directory / f"{1:020d}-cmd_x.json").write_text(content)

    assert len(history.runs()) == 1
    assert "run_unreadable" in caplog.text
    assert "cmd_x.json" in caplog.text


def test_a_later_version_s_further_fields_do_no_harm(history: History) -> None:
    written = record()
    history.write(written)
    (path,) = history.directory.iterdir()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"mood": "good"}))

    assert history.runs() == [written]


def test_without_a_directory_there_are_no_records(history: History) -> None:
    assert history.runs() == []


def test_the_command_is_not_in_what_is_shown_of_a_record() -> None:
    assert "geheim" not in repr(record(command="echo geheim"))
