# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Base class of runs that follow work on a host over several connection attempts.

The connection may fail at any moment. The run keeps its progress and tries again. After too many
failures in a row it gives up; the verdict says whether work may still be running on the host. With
``when_back`` it waits for a host that can't be reached, until the host has confirmed the work.
Work may start later: the VM has it then, and keeps the time.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from . import link, verdict
from .evidence import Evidence, no_record, nothing_began, nothing_sent
from .first_sent import read_stamp, seconds_since
from .host_run import CONTACT, HostRun, News, Pause, Steps, ask
from .keeper_reply import CutShortError, KeeperError, NoAnswerError
from .record import FanoutOutcome
from .sent_file import SentFile
from .ssh_errors import SshFailure
from .start_once import CallEndedError
from .waiting import LONGEST_WAIT, MAY_COME_BACK, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .host_door import HostDoor
    from .keeper_reply import Reply
    from .preflight import Preflight
    from .progress import Progress
    from .record import PreflightStatus, Verdict

T = TypeVar("T")

_SILENT = "accepts the connection, but its shell does not answer"
CALL_SLACK = 30
"""Seconds that a call may take beyond its wait and the time to connect.

After that the connection counts as lost.
"""
SLOWEST = 64 * 1024
"""Bytes a second: the slowest rate at which a call may send its input to the VM."""
_MOST_UNFINISHED = 20
"""Further attempts at one step, at most: the VM may answer each time, but not to the end."""
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
    "sent_file": {"type": "str", "default": "", "variable": "dx_sent_file"},
}


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
        return Waiting(seconds, self.options["retry_delay"], self.machine)

    def checked(self, wanted: Mapping[str, Any], timeout: float) -> Steps[Preflight]:
        """Run the checks, again and again while the host is waited for."""
        while True:
            found = yield from super().checked(wanted, timeout)
            failure = found.failure
            if failure is None or not self.waiting.awaits(failure.status):
                yield from self._told_back(found.record["id"])
                return found
            yield from self._stay_away(found.record["id"], failure.status, failure.text)

    def _told_back(self, name: str) -> Steps[None]:
        """Tell the caller that the host answers, if it knows that the host was away."""
        news = self.waiting.answers()
        if news is not None:
            yield self._waiting_news(name, news)

    def work(self) -> Steps[dict[str, Any]]:
        """Repeat `step` until there is a verdict."""
        self.progress = progress = self.begin()
        if self.options["may_have_arrived"]:
            progress.joined = Evidence.LOST
        notes = self.options["sent_file"]
        if progress.may_have_arrived and not (notes and SentFile(notes).waits_for(self.host)):
            progress.first_sent = read_stamp(self.options["first_sent"], self.machine)
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

    def new_marks(self) -> dict[str, Any]:
        """Return the moment and the random words of a new progress."""
        machine = self.machine
        return {
            "began": machine.now(),
            "token": machine.token(8),
            "follower": machine.token(4),
        }

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
        delay = math.ceil(self.options["start_at"] - self.machine.wall())
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
            progress.first_sent = self.machine.now()
            return {}
        return {"since": self.seconds_since_start()}

    def seconds_since_start(self) -> int:
        """Return the seconds since the first start, for a call that is made now; 0 without one."""
        sent, slack = self.progress.first_sent, self._to_arrive + 2 * _PATIENCE
        return 0 if sent is None else seconds_since(sent, slack, self.machine)

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
        answer = yield from ask(wait + self._to_arrive, make)
        self.progress.failures = 0  # the VM was reached
        return answer

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
        if reply.restarted or (known and no_record(reply)):
            return verdict.forgotten(self.host)
        never = nothing_began(reply, first_sent_here=not earlier) if reply.tombstone else None
        return verdict.never_arrived(self.host, never) if never else None

    def _end(self, record: dict[str, Any], decided: Verdict) -> dict[str, Any]:
        record |= decided.as_dict()
        record["attempts"] = self.progress.attempts
        record["duration_ms"] = round((self.machine.now() - self.progress.began) * 1000)
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
        except CallEndedError:
            return verdict.not_sent(self.host, nothing_sent(self.progress.joined))
        except KeeperError as error:
            text = f"{self.host}: {error}"
            joined = Evidence.LOST if self.following else self.progress.joined
            if isinstance(error, NoAnswerError) and (joined.may_have_arrived or not error.refused):
                return self._lost(record, SshFailure.LOST, text)
            return verdict.unable(text, self.progress.id, joined)
        self.progress.failures = self.progress.unfinished = 0
        return decided

    def _stay_away(
        self, name: str, failure: SshFailure | PreflightStatus, text: str
    ) -> Steps[None]:
        news = self.waiting.absent(failure, text)
        if news is not None:
            if self.options["sent_file"] and not self._may_have_arrived:
                SentFile(self.options["sent_file"]).note_wait(self.host)
            yield self._waiting_news(name, news)
        yield Pause(self.waiting.pause())

    def _waiting_news(self, name: str, news: dict[str, Any]) -> News:
        return News({"kind": "waiting", "id": name, "may_run": self._may_have_arrived} | news)

    @property
    def _may_have_arrived(self) -> bool:
        progress = getattr(self, "progress", None)  # there is none during the checks
        known = self.options["may_have_arrived"] if progress is None else progress.may_have_arrived
        return bool(known)

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
        yield from self._told_back(self.progress.id)

    def _lost(self, record: dict[str, Any], failure: SshFailure, text: str) -> Verdict | None:
        progress = self.progress
        lost = failure is SshFailure.LOST or (self.following and failure in verdict.NEVER_THERE)
        progress.add(Evidence.LOST if lost else Evidence.REFUSED)
        if self.waiting.seconds and not progress.started and failure in MAY_COME_BACK:
            if self.waiting.awaits(failure):
                self._absent = failure, text
                return None
            text = f"{text} (waited {self.waiting.seconds:g} s for the host)"
            progress.failures = self.options["max_retries"]
        final = verdict.refused(
            failure, text, Evidence.LOST if self.following else Evidence.REFUSED
        )
        if final is not None and not progress.may_have_arrived:
            return final
        progress.failures += 1
        progress.unfinished += 1
        most = self.options["max_retries"]
        endless = progress.unfinished > most + _MOST_UNFINISHED
        if final is not None or progress.failures > most or endless:
            return verdict.gave_up(failure, text, progress.id, progress.joined)
        record["retry"] = {"attempt": progress.attempts, "failure": str(failure), "error": text}
        progress.attempts += 1
        return None


def look_again(starts: int | None) -> Pause:
    """The pause before the next look at work that starts in so many seconds."""
    return Pause(min(max(starts or 0, _SOONEST), _LATEST))


def seconds_text(seconds: float) -> str:
    """Format seconds for the keeper, which can't read exponents."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".")
