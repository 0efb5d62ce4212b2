# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs one command on a host, or follows a command that was started earlier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from . import session, verdict
from .attempts import COMMON_SPEC, SLOWEST, AttemptRun
from .evidence import no_record
from .host_run import LONGEST_LEASE
from .inputs import Page
from .progress import Progress
from .start_once import send_start
from .states import CONFLICT, ENDED, SessionState

if TYPE_CHECKING:
    from .host_door import HostDoor
    from .host_run import Steps
    from .inputs import Reader
    from .keeper_reply import Reply
    from .record import Verdict


class CommandRun(AttemptRun):
    """Repeats the start until the VM confirms the session, then polls for news.

    A repeated start attaches to the session, so no command runs twice.
    """

    kind: ClassVar = "command"
    starts_work: ClassVar = True
    of_fan: ClassVar = frozenset({"first_sent", "offsets", "sent_file", "stream"})
    spec: ClassVar = {
        **COMMON_SPEC,
        "timeout": {"type": "float", "default": 60.0, "variable": "dx_timeout"},
        "output_limit": {"type": "int", "default": 0, "variable": "dx_output_limit"},
        "id": {"type": "str", "default": ""},
        "cmd": {"type": "str", "default": ""},
        **session.PLACE_SPEC,
        "stream": {"type": "bool", "default": False, "variable": "dx_stream"},
        "attach": {"type": "bool", "default": False},
        "offsets": {"type": "dict", "default": {}, "variable": "dx_offsets"},
    }

    def check_options(self) -> None:
        """Raise ValueError for an invalid option, or if no id says which command to follow."""
        super().check_options()
        known = self.options["id"] or (self.options["preflight"] or {}).get("run_id")
        if self.following and not known:
            raise ValueError("dx_run_id is needed, the run whose command is followed")

    @property
    def following(self) -> bool:
        """Whether the run only follows work that was started earlier."""
        return bool(self.options["attach"])

    def begin(self) -> Progress:
        """Begin with the id, and where the page before has ended."""
        out, err = self.options["offsets"].get(self.host, (0, 0))
        name = self.name(self.options["id"], "id")
        progress = Progress(id=name, out_next=out, err_next=err, **self.new_marks())
        if isinstance(self.inputs.reader, Page):  # the runs of all pages are one follower
            progress.follower = self.options["token"] or progress.follower
        return progress

    def step(self, record: dict[str, Any]) -> Steps[Verdict | None]:
        """Start the command, or ask for news of it."""
        if isinstance(self.inputs.reader, Page) and self.inputs.reader.is_full:
            ended = yield from self._end_page(record)
            if ended is not None:
                return ended
        reply = yield from self._ask()
        if reply.state == CONFLICT:
            return verdict.conflict(self.host, self.progress.id)
        unrecorded = self.heard(reply)
        if unrecorded is not None:
            return unrecorded
        if reply.state == SessionState.SCHEDULED:
            self._tell_attached(record)
            return self.scheduled(record, reply)
        return (yield from self._take(record, reply))

    def _ask(self) -> Steps[Reply]:
        wait, progress = self.patience, self.progress
        yield from self.until_start()
        if progress.started or self.following:
            return (yield from self._poll(wait))
        command = self.inputs.command(self.options["cmd"]).placed(self.options)
        about = command.about(self.host, self.options["path"])
        seconds = 2 * wait + len(command.stdin) / SLOWEST

        def start(door: HostDoor) -> Reply:
            begin = {"out": progress.out_next, "err": progress.err_next}
            options = {**self.start_options(), **begin, **self._fetch(wait)}
            return door.keeper.start(
                progress.id, command.script, options, about=about, stdin=command.stdin
            )

        reply = yield from send_start(self, progress.id, seconds, start, about)
        return (yield from self._poll(wait)) if reply is None else reply

    def _poll(self, wait: int) -> Steps[Reply]:
        return self.call(2 * wait, lambda door: self._poll_with_room(door, wait))

    def _tell_attached(self, record: dict[str, Any]) -> None:
        record["attached"] = self.progress.started_by_others and not self.following

    def _poll_with_room(self, door: HostDoor, wait: int) -> Reply:
        where = {"out": self.progress.out_next, "err": self.progress.err_next}
        fetch = self._fetch(wait)
        return door.keeper.poll(self.progress.id, {"wait": wait, **where, **fetch})

    def _fetch(self, wait: int) -> dict[str, object]:
        """Options that limit how much to fetch. May first wait for the caller's reader."""
        progress, crowd = self.progress, self.crowd
        reader = self.inputs.reader
        if reader is not None:
            chunk = self._room(reader, wait) // 2
            hurry = {} if chunk else {"wait": 0}
            return {"flow": progress.follower, "lease": crowd.lease, "chunk": chunk, **hurry}
        followed = progress.started or self.following
        return {"chunk": 0} if followed and not self.options["stream"] else {}

    def _room(self, reader: Reader | Page, patience: int) -> int:
        """Bytes of both streams to fetch next; 0 if the reader is too far behind.

        Waits up to ``patience`` seconds for the reader. At most one window of output is fetched but
        not taken, which bounds the memory of every process on the way. No call blocks: a call that
        fetches nothing makes the command wait on the VM.
        """
        progress, window = self.progress, self.crowd.window
        if isinstance(reader, Page):
            return window // 2
        fetched = progress.out_next + progress.err_next
        if fetched - progress.taken > window // 2:
            progress.taken = reader.taken(self.host, fetched - window // 2, patience)
        room = window - (fetched - progress.taken)
        return room if room >= window // 4 else 0

    def _end_page(self, record: dict[str, Any]) -> Steps[Verdict | None]:
        """End this run, and have the command wait for the next; None if it has not begun."""
        progress = self.progress
        if not progress.started:
            return None
        where = {"out": progress.out_next, "err": progress.err_next}
        asked = {"wait": 0, "chunk": 0, "flow": progress.follower, "lease": LONGEST_LEASE, **where}
        yield from self.poll(0, progress.id, asked)
        record["page_end"] = [progress.out_next, progress.err_next]
        return verdict.RUNNING

    def _take(self, record: dict[str, Any], reply: Reply) -> Steps[Verdict | None]:
        progress = self.progress
        progress.started = True
        self._tell_attached(record)
        if self.options["stream"]:
            record["expired"] = reply.expired
            record["out"] = _news(progress.out_next, reply.out_from, reply.out_total, reply.out)
            record["err"] = _news(progress.err_next, reply.err_from, reply.err_total, reply.err)
            progress.out_next, progress.err_next = reply.out_upto, reply.err_upto
            if isinstance(self.inputs.reader, Page):
                self.inputs.reader.add(len(reply.out) + len(reply.err))
            if not reply.complete:
                return None
        elif reply.state not in ENDED:
            progress.out_next, progress.err_next = reply.out_total, reply.err_total
            return None
        else:
            ended, reply = reply, (yield from self._collect(reply))
            if no_record(reply) and not no_record(ended):
                return verdict.forgotten(self.host)
        record |= {"full": reply.full, **({"torn": True} if reply.torn else {})}
        timeout = self.options["timeout"] if progress.started_by_us else None
        return verdict.from_reply(self.host, reply, timeout)

    def _collect(self, reply: Reply) -> Steps[Reply]:
        """Fetch the whole output that the VM kept, for callers that read only the result."""
        name, out, err = self.progress.id, bytearray(), bytearray()
        if self.progress.out_next or self.progress.err_next:
            reply = yield from self.poll(0, name, {})
        while True:
            out += reply.out
            err += reply.err
            if reply.complete:
                break
            begin = {"out": reply.out_upto, "err": reply.err_upto}
            reply = yield from self.poll(0, name, begin)
        self.result |= {
            "stdout": out.decode(errors="replace"),
            "stderr": err.decode(errors="replace"),
            "truncated": reply.out_total - len(out) + reply.err_total - len(err),
        }
        return reply


def _news(asked: int, begins: int, total: int, data: bytes) -> dict[str, object]:
    return {"data": session.pack(data), "skipped": begins - asked, "total": total}
