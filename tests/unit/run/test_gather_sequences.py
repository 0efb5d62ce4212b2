"""What holds of gathering whatever happens, in whatever order: random stories of two hosts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from dxansible.elapsed import now
from dxansible.evidence import Evidence
from dxansible.record import FanoutOutcome, PreflightStatus, Reason
from dxansible.results import FanoutResult, PreflightResult
from dxansible.run.events import (
    HostBroken,
    HostEnded,
    HostsKnown,
    OutputReceived,
    PreflightDone,
    RetryPlanned,
    StopAnswered,
)
from dxansible.run.gather import ResultCollector
from dxansible.run.request import KILLED, PlayEnd
from tests.unit.hearing import Hearing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dxansible.record import HostRecord

HOSTS = ("epyc6", "wsl")
WHOLE = bytes(range(120))
"""What a command prints on each stream; each byte is its own place."""
STORIES = 400
SECRET = "token=hunter2 is wrong"  # noqa: S105 - the point


@dataclass
class Told:
    """What is known of a host by the story."""

    attempts: int = 0
    earlier: int = 0
    run: int = 0
    """Attempts of the run that goes on, of which the host has said something."""
    at: list[int] = field(default_factory=lambda: [0, 0])
    skipped: list[set[int]] = field(default_factory=lambda: [set(), set()])
    total: list[int] = field(default_factory=lambda: [0, 0])
    outcome: FanoutOutcome | None = None
    reason: Reason | PreflightStatus | None = None


class Ear(Hearing):
    """Writes down the output of each host, and how often it has ended."""

    def __init__(self) -> None:
        self.read = {host: [b"", b""] for host in HOSTS}
        self.cuts = dict.fromkeys(HOSTS, 0)
        self.ends: list[str] = []

    def output(self, host: str, out: bytes, err: bytes) -> None:
        self.read[host] = [self.read[host][0] + out, self.read[host][1] + err]

    def cut(self, host: str, stdout_bytes: int, stderr_bytes: int) -> None:
        self.cuts[host] += stdout_bytes + stderr_bytes

    def ended(self, result: HostRecord) -> None:
        self.ends.append(result.host)


class Story:
    """A call for two hosts, whose Ansible may be killed at any moment."""

    def __init__(self, seed: int) -> None:
        self.random, self.ear = Random(seed), Ear()  # noqa: S311 - a seed is the point
        self.state = ResultCollector(FanoutResult, [self.ear])
        self.hosts = {host: Told() for host in HOSTS}
        self.state.handle(HostsKnown(hosts=HOSTS))

    def play(self) -> None:
        """Let things happen until both hosts have ended."""
        while left := self.state.unfinished():
            assert left == [host for host in HOSTS if self.hosts[host].outcome is None]
            if self.random.random() < 0.1:
                self.kill(left)
            host = self.random.choice(left)
            self.random.choice(
                (self.check, self.retry, self.output, self.output, self.output, self.end)
            )(host, self.hosts[host])
            self.after_the_end()

    def kill(self, left: list[str]) -> None:
        given = self.state.begin_again(",".join(left), KILLED, now())
        assert given["dx_may_have_arrived"] is True
        for told in (self.hosts[host] for host in left):
            told.earlier += max(1, told.run)
            told.run, told.at = 1, [0, 0]
        self.state.handle(HostsKnown(hosts=tuple(left)))

    def check(self, host: str, told: Told) -> None:
        good = self.random.random() < 0.7
        if not good and not told.earlier and (told.run or any(told.total)):
            return  # a host that has answered has passed its checks
        status = PreflightStatus.OK if good else PreflightStatus.TIMEOUT
        error = None if good else SECRET
        result = PreflightResult(host=host, status=status, error=error)
        self.state.handle(PreflightDone(result=result, session_id=f"cmd_1-{host}"))
        if not good and not told.earlier:
            told.outcome, told.reason, told.run = FanoutOutcome.PREFLIGHT_FAILED, status, 0

    def retry(self, host: str, told: Told) -> None:
        told.run = max(1, told.run)
        self.state.handle(RetryPlanned(host=host, attempt=told.run, error=SECRET))
        told.run += 1

    def output(self, host: str, told: Told) -> None:
        told.run = max(1, told.run)
        pieces, skips = [], []
        for stream in (0, 1):
            begin = told.at[stream]
            skip = self.random.choice((0, 0, 0, 3)) if begin + 3 <= len(WHOLE) else 0
            piece = WHOLE[begin + skip :][: self.random.randrange(12)]
            told.skipped[stream] |= set(range(begin, begin + skip))
            told.at[stream] = begin + skip + len(piece)
            told.total[stream] = max(told.total[stream], told.at[stream])
            pieces.append(piece)
            skips.append(skip)
        self.state.handle(
            OutputReceived(
                host=host, limit=1000, out=pieces[0], err=pieces[1],
                out_skipped=skips[0], err_skipped=skips[1],
                out_total=told.total[0], err_total=told.total[1],
            )
        )  # fmt: skip

    def end(self, host: str, told: Told) -> None:
        kind = self.random.choice(("own", "own", "lost", "broken", "silent", "stopped"))
        own = FanoutResult(
            host=host, outcome=FanoutOutcome.FAILURE, reason=Reason.EXIT_NONZERO, error=SECRET,
            attempts=max(1, told.run),
        )  # fmt: skip
        told.outcome, told.reason = FanoutOutcome.FAILURE, Reason.LOST_CONTACT
        match kind:
            case "own":
                told.outcome = self.random.choice(list(FanoutOutcome))
                told.reason, told.run = Reason.EXIT_NONZERO, own.attempts
                self.state.handle(HostEnded(result=replace(own, outcome=told.outcome)))
            case "lost":
                told.run = own.attempts
                self.state.handle(HostEnded(result=replace(own, reason=told.reason)))
            case "broken":
                told.reason = Reason.VM_ERROR
                self.state.handle(HostBroken(host=host, text=SECRET))
            case "silent":
                others = [each for each in HOSTS if each != host]
                self.state.end_silent(PlayEnd(status="failed"), answered=others)
                assert self.state.results[host].evidence is Evidence.LOST
            case _:
                told.outcome, told.reason = FanoutOutcome.ABORTED, Reason.ABORTED
                told.total = [total + 2 for total in told.total]
                self.state.handle_stop(self.stop(host, (told.total[0], told.total[1])))

    def stop(self, host: str, totals: tuple[int, int] | None = None) -> StopAnswered:
        return StopAnswered(
            host=host, outcome=FanoutOutcome.ABORTED, reason=Reason.ABORTED, error=SECRET,
            stop_verified=True, totals=totals,
        )  # fmt: skip

    def after_the_end(self) -> None:
        """What comes too late changes nothing."""
        before = dict(self.state.results)
        for host in before:
            self.state.handle(HostBroken(host=host, text="too late"))
            self.state.handle_stop(self.stop(host, (900, 900)))
        assert self.state.results == before


@pytest.fixture(scope="module")
def stories() -> list[Story]:
    """Stories that have come to their end."""
    told = [Story(seed) for seed in range(STORIES)]
    for story in told:
        story.play()
    return told


def each_host(stories: list[Story]) -> Iterator[tuple[Story, Told, FanoutResult]]:
    for story in stories:
        for host, told in story.hosts.items():
            yield story, told, story.state.results[host]


def test_each_host_ends_once_as_the_first_that_told_it_has_said(stories: list[Story]) -> None:
    for story in stories:
        assert sorted(story.ear.ends) == sorted(HOSTS)
        assert [result.host for result in story.state.ordered()] == list(HOSTS)
    for _, told, result in each_host(stories):
        assert (result.outcome, result.reason) == (told.outcome, told.reason)
    assert {told.outcome for _, told, _ in each_host(stories)} == set(FanoutOutcome)


def test_no_byte_is_told_twice_and_a_result_has_what_was_told(stories: list[Story]) -> None:
    for story, told, result in each_host(stories):
        for stream, kept in enumerate((result.stdout_bytes, result.stderr_bytes)):
            assert kept == story.ear.read[result.host][stream]
            assert sorted(set(kept)) == list(kept), "in their order, and once"
            assert set(WHOLE[: max(kept, default=0)]) - set(kept) <= told.skipped[stream]


def test_what_is_missing_is_counted_unless_more_may_come(stories: list[Story]) -> None:
    for story, told, result in each_host(stories):
        missing = (result.truncation.stdout_bytes, result.truncation.stderr_bytes)
        if result.reason is Reason.LOST_CONTACT or result.reason is Reason.VM_ERROR:
            assert sum(missing) == story.ear.cuts[result.host]
        elif any(told.total):
            known = [len(each) for each in (result.stdout_bytes, result.stderr_bytes)]
            assert [sum(each) for each in zip(known, missing, strict=True)] == told.total


def test_the_attempts_of_all_runs_count(stories: list[Story]) -> None:
    for _, told, result in each_host(stories):
        assert result.attempts == told.earlier + told.run


def test_no_error_has_a_secret(stories: list[Story]) -> None:
    assert any("***" in str(result.error) for _, _, result in each_host(stories))
    assert all("hunter2" not in str(result.error) for _, _, result in each_host(stories))
