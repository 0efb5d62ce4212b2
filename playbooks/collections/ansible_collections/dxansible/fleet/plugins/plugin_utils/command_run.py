# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs one command on a host, or follows a command that was started earlier."""

from __future__ import annotations

import math
import time
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from . import session, verdict
from .attempts import COMMON_SPEC, AttemptRun, Progress
from .host_run import Pause
from .keeper_reply import ENDED

if TYPE_CHECKING:
    from .host_run import Door, Steps
    from .inputs import Reader
    from .keeper_reply import Reply
    from .record import Verdict

_SOONEST, _LATEST = 1, 30
"""Seconds between two looks at a command that starts later."""
_SLOWEST = 64 * 1024
"""Bytes a second: the slowest rate at which a call may send standard input to the VM."""


class CommandRun(AttemptRun):
    """Repeats the start until the VM confirms the session, then polls for news.

    A repeated start attaches to the session, so no command runs twice.
    """

    kind: ClassVar = "command"
    starts_work: ClassVar = True
    of_fan: ClassVar = frozenset({"stream"})
    spec: ClassVar = {
        **COMMON_SPEC,
        "timeout": {"type": "float", "default": 60.0, "variable": "dx_timeout"},
        "output_limit": {"type": "int", "default": 0, "variable": "dx_output_limit"},
        "id": {"type": "str", "default": ""},
        "cmd": {"type": "str", "default": ""},
        **session.PLACE_SPEC,
        "stream": {"type": "bool", "default": False, "variable": "dx_stream"},
        "attach": {"type": "bool", "default": False},
        "start_at": {"type": "float", "default": 0.0, "variable": "dx_start_at"},
    }

    _starts: int | None = None
    """Seconds until the VM starts the command, if it said so last."""

    def check_options(self) -> None:
        """Raise ValueError for an invalid option, or if no id says which command to follow."""
        super().check_options()
        known = self.options["id"] or (self.options["preflight"] or {}).get("run_id")
        if not 0 <= self.options["start_at"] < float("inf"):
            message = "dx_start_at has to be a time, in seconds since 1970"
            raise ValueError(message)
        if self.following and not known:
            message = "dx_run_id is needed, the run whose command is followed"
            raise ValueError(message)

    @property
    def following(self) -> bool:
        """Whether the run only follows work that was started earlier."""
        return bool(self.options["attach"])

    def begin(self) -> Progress:
        """Begin with the id alone."""
        return Progress(id=self.name(self.options["id"], "id"))

    def step(self, record: dict[str, Any]) -> Steps[Verdict | None]:
        """Start the command, or ask for news of it."""
        reply = yield from self._ask()
        if reply.state == "conflict":
            return verdict.conflict(self.host, self.progress.id)
        if reply.state == "scheduled":
            return self._scheduled(record, reply)
        return (yield from self._take(record, reply))

    def _scheduled(self, record: dict[str, Any], reply: Reply) -> Verdict | None:
        """Leave a command that starts later to the VM, or ask again when it may have started."""
        progress = self.progress
        progress.started = True
        progress.hear(reply)
        record["attached"] = not (progress.started_by_us or self.following)
        record["starts_s"] = self._starts = reply.starts or 0
        return verdict.RUNNING if self.options["start_at"] else None

    def _ask(self) -> Steps[Reply]:
        wait, progress = self.patience, self.progress
        if self._starts is not None:
            yield Pause(min(max(self._starts, _SOONEST), _LATEST))
            self._starts = None
        if progress.started or self.following:
            return (yield from self.call(2 * wait, lambda door: self._poll(door, wait)))
        command = self.inputs.command(self.options["cmd"]).placed(self.options)
        about = command.about(self.host, self.options["path"])
        seconds = 2 * wait + len(command.stdin) / _SLOWEST

        def start(door: Door) -> Reply:
            options = {**self.start_options(), **self._fetch(wait), **self._delay()}
            return door.keeper.start(
                progress.id, command.script, options, about=about, stdin=command.stdin
            )

        return (yield from self.call(seconds, start))

    def _delay(self) -> dict[str, object]:
        """The seconds that the VM waits before it starts the command, counted from now."""
        left = self.options["start_at"] - time.time()
        return {"delay": math.ceil(left)} if left > 0 else {}

    def _poll(self, door: Door, wait: int) -> Reply:
        where = {"out": self.progress.out_next, "err": self.progress.err_next}
        fetch = self._fetch(wait)
        return door.keeper.poll(self.progress.id, {"wait": wait, **where, **fetch})

    def _fetch(self, wait: int) -> dict[str, object]:
        """Options that limit how much to fetch. May first wait for the caller's reader."""
        progress, crowd = self.progress, self.crowd
        if self.inputs.reader is not None:
            chunk = self._room(self.inputs.reader, wait) // 2
            hurry = {} if chunk else {"wait": 0}
            return {"flow": progress.follower, "lease": crowd.lease, "chunk": chunk, **hurry}
        followed = progress.started or self.following
        return {"chunk": 0} if followed and not self.options["stream"] else {}

    def _room(self, reader: Reader, patience: int) -> int:
        """Bytes of both streams to fetch next; 0 if the reader is too far behind.

        Waits up to ``patience`` seconds for the reader. At most one window of output is fetched but
        not taken, which bounds the memory of every process on the way. No call blocks: a call that
        fetches nothing makes the command wait on the VM.
        """
        progress, window = self.progress, self.crowd.window
        fetched = progress.out_next + progress.err_next
        if fetched - progress.taken > window // 2:
            progress.taken = reader.taken(self.host, fetched - window // 2, patience)
        room = window - (fetched - progress.taken)
        return room if room >= window // 4 else 0

    def _take(self, record: dict[str, Any], reply: Reply) -> Steps[Verdict | None]:
        progress = self.progress
        progress.started = True
        progress.hear(reply)
        record["attached"] = not (progress.started_by_us or self.following)
        if self.options["stream"]:
            record["expired"] = reply.expired
            record["out"] = _news(progress.out_next, reply.out_from, reply.out_total, reply.out)
            record["err"] = _news(progress.err_next, reply.err_from, reply.err_total, reply.err)
            progress.out_next, progress.err_next = reply.out_upto, reply.err_upto
            if not reply.complete:
                return None
        elif reply.state not in ENDED:
            progress.out_next, progress.err_next = reply.out_total, reply.err_total
            return None
        else:
            reply = yield from self._collect(reply)
        record["full"] = reply.full
        timeout = self.options["timeout"] if progress.started_by_us else None
        return verdict.from_reply(self.host, reply, timeout)

    def _collect(self, reply: Reply) -> Steps[Reply]:
        """Fetch the whole output that the VM kept, for callers that read only the result."""
        name, out, err = self.progress.id, bytearray(), bytearray()
        if self.progress.out_next or self.progress.err_next:
            reply = yield from self.call(0, lambda door: door.keeper.poll(name, {}))
        while True:
            out += reply.out
            err += reply.err
            if reply.complete:
                break
            begin = {"out": reply.out_upto, "err": reply.err_upto}
            reply = yield from self.call(0, partial(_poll, name, begin))
        self.result |= {
            "stdout": out.decode(errors="replace"),
            "stderr": err.decode(errors="replace"),
            "truncated": reply.out_total - len(out) + reply.err_total - len(err),
        }
        return reply


def _poll(name: str, begin: dict[str, int], door: Door) -> Reply:
    return door.keeper.poll(name, begin)


def _news(asked: int, begins: int, total: int, data: bytes) -> dict[str, object]:
    return {"data": session.pack(data), "skipped": begins - asked, "total": total}
