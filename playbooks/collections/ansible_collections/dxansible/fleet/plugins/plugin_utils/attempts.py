# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Base class of runs that follow work on a host over several connection attempts.

The connection may fail at any moment. The run keeps its progress and tries again. After too many
failures in a row it gives up; the verdict says whether work may still be running on the host. With
``when_back`` it waits for a host that can't be reached, until the host has confirmed the work.
Work may start later: the VM has it then, and keeps the time.
"""

from __future__ import annotations

import math
import secrets
import time
from abc import abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from . import first_sent, link, verdict
from .host_run import CONTACT, HostRun, News, Pause, Steps, ask
from .keeper_reply import CutShortError, KeeperError
from .record import FanoutOutcome
from .ssh_errors import SshFailure
from .waiting import LONGEST_WAIT, MAY_COME_BACK, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .host_door import HostDoor
    from .keeper_reply import Reply
    from .preflight import Preflight
    from .record import PreflightStatus, Verdict

T = TypeVar("T")

_SILENT = "accepts the connection, but its shell does not answer"
CALL_SLACK = 30
"""Seconds that a call may take beyond its wait and the time to connect.

After that the connection counts as lost.
"""
SLOWEST = 64 * 1024
"""Bytes a second: the slowest rate at which a call may send its input to the VM."""
_PATIENCE = 4
"""Seconds that a call waits for news, where no host waits for its turn."""
_SOONEST, _LATEST = 1, 30
"""Seconds between two looks at work that starts later."""

COMMON_SPEC: Mapping[str, Mapping[str, Any]] = {
    **CONTACT,
    "max_retries": {"type": "int", "default": 1, "variable": "dx_max_retries"},
    "retry_delay": {"type": "float", "default": 2.0, "variable": "dx_retry_delay"},
    "when_back": {"type": "float", "default": 0.0, "variable": "dx_when_back"},
    "path": {"type": "list", "elements": "str", "default": [], "variable": "dx_path"},
    "may_have_arrived": {"type": "bool", "default": False, "variable": "dx_may_have_arrived"},
    "first_sent": {"type": "raw", "default": None, "variable": "dx_first_sent"},
    "token": {"type": "str", "default": "", "variable": "dx_token"},
    "start_at": {"type": "float", "default": 0.0, "variable": "dx_start_at"},
}


@dataclass(slots=True, kw_only=True)
class Progress:
    """Progress of one session, kept across connection attempts."""

    id: str
    began: float = field(default_factory=time.time)
    """Seconds since the epoch."""
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    """Sent with the start. Shows whether the session is ours or another client's."""
    attempts: int = 1
    """Connection attempts, including the current one."""
    failures: int = 0
    """Failed attempts in a row, up to now."""
    started: bool = False
    """The VM has confirmed that it has the session."""
    started_by_us: bool = False
    """This run started the session, so the session has this run's time limit."""
    may_have_arrived: bool = False
    """The work may exist on the VM: an attempt may have reached it, or the work began earlier."""
    first_sent: float | None = None
    """When the first start that may have arrived was sent, or the last one if none can have."""
    out_next: int = 0
    """Offset of the first byte not fetched yet."""
    err_next: int = 0
    taken: int = 0
    """Bytes of both streams that the caller's reader has taken, as last reported."""
    follower: str = field(default_factory=lambda: secrets.token_hex(4))
    """Identifies this follower of the session to the keeper."""

    def hear(self, reply: Reply) -> None:
        """Record that the VM has answered about the session."""
        self.may_have_arrived = True
        self.started_by_us |= reply.token == self.token


class AttemptRun(HostRun):
    """Repeats the subclass's `step`, which asks the VM and judges the answer.

    It starts its work at ``start_at``, or waits for the start of work that another run sent.
    """

    progress: Progress
    runs_text: ClassVar = True
    starts: int | None = None
    """Seconds until the VM starts the work, if it said so last."""

    def check_options(self) -> None:
        """Raise ValueError for an invalid option."""
        for name in ("timeout", "idle_timeout", "connect_timeout", "retry_delay"):
            if not 0 <= self.options.get(name, 0) < float("inf"):
                raise ValueError(
                    f"dx_{name} has to be a number of seconds, not {self.options[name]}"
                )
        if not 0 <= self.options["when_back"] <= LONGEST_WAIT:
            raise ValueError(f"dx_when_back has to be a number of seconds, at most {LONGEST_WAIT}")
        if self.options["max_retries"] < 0:
            raise ValueError("dx_max_retries has to be 0 or more")
        if not 0 <= self.options["start_at"] < float("inf"):
            raise ValueError("dx_start_at has to be a time, in seconds since 1970")

    @cached_property
    def waiting(self) -> Waiting:
        """The wait for a host that is off; its time runs from the first use."""
        seconds = 0.0 if self.following else self.options["when_back"]
        return Waiting(seconds, self.options["retry_delay"])

    def checked(self, wanted: Mapping[str, Any], timeout: float) -> Steps[Preflight]:
        """Run the checks, again and again while the host is waited for."""
        while True:
            found = yield from super().checked(wanted, timeout)
            failure = found.failure
            if failure is None or not self.waiting.awaits(failure.status):
                return found
            yield from self._stay_away(found.record["id"], failure.status, failure.text)

    def work(self) -> Steps[dict[str, Any]]:
        """Repeat `step` until there is a verdict."""
        self.progress = progress = self.begin()
        progress.may_have_arrived = self.options["may_have_arrived"]
        if progress.may_have_arrived:
            progress.first_sent = first_sent.read_stamp(self.options["first_sent"], self.host)
        progress.token = self.options["token"] or progress.token
        self.result: dict[str, Any] = {}
        """Further keys for the task's result."""
        self.limit = self.output_limit()
        while True:
            record: dict[str, Any] = {"kind": self.kind, "id": progress.id, "limit": self.limit}
            record["ssh"] = self.options["ssh"]
            self._absent: tuple[SshFailure, str] | None = None
            decided = yield from self._try(record)
            if self._absent is not None:
                yield from self._wait_until_back(*self._absent)
                continue
            ended = decided is not None and not progress.may_have_arrived
            error = None if decided is None else decided.error
            self.tell_preflight(record, error, progress.attempts, ended=ended)
            record |= {"done": decided is not None, "started": progress.started}
            if decided is not None:
                return self._end(record, decided)
            yield News(record)
            if "retry" in record:
                yield Pause(self.options["retry_delay"])

    @property
    @abstractmethod
    def following(self) -> bool:
        """Whether the run only follows work that was started earlier."""

    @abstractmethod
    def begin(self) -> Any:  # noqa: ANN401 - its own kind of progress
        """Make the progress to begin with, before the first call."""

    @abstractmethod
    def step(self, record: dict[str, Any]) -> Steps[Verdict | None]:
        """Ask the VM once. Returns the verdict, or None if it must be asked again."""

    def output_limit(self) -> int:
        """Bytes of each stream that the VM keeps."""
        return self.options["output_limit"] or self.crowd.output_limit

    def start_options(self) -> dict[str, object]:
        """Options for the keeper's ``start``; call it when the start is sent.

        The start waits a moment for news, where that is cheap.
        """
        delay = math.ceil(self.options["start_at"] - time.time())
        return {
            "token": self.progress.token,
            "deadline": seconds_text(self.options["timeout"]),
            "limit": self.limit,
            "path": ":".join(self.options["path"]),
            "wait": self.crowd.first_wait,
            **({"delay": delay} if delay > 0 else {}),
            **self._since(),
        }

    def _since(self) -> dict[str, object]:
        """The seconds since the first start that may have arrived; nothing if none may have.

        The VM compares them with its uptime when the call arrives. So they include the longest time
        that this may take: a VM that starts meanwhile is not to seem older than that first start.
        """
        progress = self.progress
        if progress.first_sent is None or not progress.may_have_arrived:
            progress.first_sent = first_sent.now()
            return {}
        slack = self._to_arrive + 2 * _PATIENCE
        return {"since": first_sent.seconds_since(progress.first_sent, slack)}

    def until_start(self) -> Steps[None]:
        """Wait until the work may have started, or for long enough to look again."""
        if self.starts is not None:
            yield look_again(self.starts)
            self.starts = None

    def scheduled(
        self, record: dict[str, Any], reply: Reply, *, follows: bool = True
    ) -> Verdict | None:
        """Leave work that starts later to the VM; or ask again, if the run ``follows`` it."""
        self.progress.started = True
        record["starts_s"] = self.starts = reply.starts or 0
        return None if follows and not self.options["start_at"] else verdict.RUNNING

    @property
    def patience(self) -> int:
        """Seconds that calls after the start wait for news."""
        return 1 if self.crowd.crowded else _PATIENCE

    def call(self, wait: float, make: Callable[[HostDoor], T]) -> Steps[T]:
        """Make a call that may wait ``wait`` seconds for news."""
        return ask(wait + self._to_arrive, make)

    @property
    def _to_arrive(self) -> float:
        """Seconds that a call may take to connect, and to be served, before it counts as lost."""
        return float(self.options["connect_timeout"] * 2 + CALL_SLACK)

    def poll(self, wait: float, name: str, asked: Mapping[str, object]) -> Steps[Reply]:
        """Ask for news of a session, which may take ``wait`` seconds."""
        return self.call(wait, lambda door: door.keeper.poll(name, asked))

    def heard(self, reply: Reply) -> Verdict | None:
        """Take note of the VM's answer. Returns the verdict if the VM has no record of the work."""
        progress = self.progress
        known, earlier = progress.started, progress.may_have_arrived or self.following
        progress.hear(reply)
        if reply.restarted or (known and (reply.tombstone or reply.state == "unknown")):
            return verdict.forgotten(self.host)
        return verdict.never_arrived(self.host) if reply.tombstone and not earlier else None

    def _end(self, record: dict[str, Any], decided: Verdict) -> dict[str, Any]:
        record |= decided.as_dict()
        record["attempts"] = self.progress.attempts
        record["duration_ms"] = round((time.time() - self.progress.began) * 1000)
        return self.result | {
            "failed": decided.outcome not in {None, FanoutOutcome.SUCCESS},
            "rc": decided.exit_code,
            "msg": decided.error or f"{self.host}: done",
            "changed": self.progress.started and self.progress.started_by_us,
            "dx": record,
        }

    def _try(self, record: dict[str, Any]) -> Steps[Verdict | None]:
        try:
            decided = yield from self.step(record)
        except link.LinkError as error:
            return self._lost(record, error.failure, link.explain(self.host, error))
        except (link.CallTimeoutError, CutShortError) as error:
            return self._lost(record, SshFailure.LOST, f"{self.host}: {str(error) or _SILENT}")
        except KeeperError as error:
            text = f"{self.host}: {error}"
            return verdict.unable(
                text, self.progress.id, may_have_arrived=self.progress.may_have_arrived
            )
        self.progress.failures = 0  # the VM was reached
        return decided

    def _stay_away(
        self, name: str, failure: SshFailure | PreflightStatus, text: str
    ) -> Steps[None]:
        news = self.waiting.absent(failure, text)
        if news is not None:
            yield self._waiting_news(name, news)
        yield Pause(self.waiting.pause())

    def _waiting_news(self, name: str, news: dict[str, Any]) -> News:
        arrived = getattr(self, "progress", None) is not None and self.progress.may_have_arrived
        return News({"kind": "waiting", "id": name, "may_run": arrived} | news)

    def _wait_until_back(self, failure: SshFailure, text: str) -> Steps[None]:
        """Wait until the host answers, the time is over, or waiting would not help.

        Only a question goes to the host, so that nothing has arrived if the caller leaves.
        """
        while self.waiting.awaits(failure):
            yield from self._stay_away(self.progress.id, failure, text)
            self.progress.attempts += 1
            try:
                yield from self.call(0, lambda door: door.keeper.ping())
            except link.LinkError as error:
                failure, text = error.failure, link.explain(self.host, error)
            except (link.CallTimeoutError, CutShortError) as error:
                failure, text = SshFailure.LOST, f"{self.host}: {str(error) or _SILENT}"
            except KeeperError:
                break  # the next step says what is wrong there
            else:
                break
        news = self.waiting.answers()
        if news is not None:
            yield self._waiting_news(self.progress.id, news)

    def _lost(self, record: dict[str, Any], failure: SshFailure, text: str) -> Verdict | None:
        progress = self.progress
        progress.may_have_arrived |= failure is SshFailure.LOST or (
            self.following and failure in verdict.NEVER_THERE
        )
        if self.waiting.seconds and not progress.started and failure in MAY_COME_BACK:
            if self.waiting.awaits(failure):
                self._absent = failure, text
                return None
            text = f"{text} (waited {self.waiting.seconds:g} s for the host)"
            progress.failures = self.options["max_retries"]
        final = verdict.refused(failure, text)
        if final is not None and not progress.may_have_arrived:
            return final
        progress.failures += 1
        if final is not None or progress.failures > self.options["max_retries"]:
            return verdict.gave_up(
                failure, text, progress.id, may_have_arrived=progress.may_have_arrived
            )
        record["retry"] = {"attempt": progress.attempts, "failure": str(failure), "error": text}
        progress.attempts += 1
        return None


def look_again(starts: int | None) -> Pause:
    """The pause before the next look at work that starts in so many seconds."""
    return Pause(min(max(starts or 0, _SOONEST), _LATEST))


def seconds_text(seconds: float) -> str:
    """Format seconds for the keeper, which can't read exponents."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".")
