# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stops a command, or the last turn of a session, on a host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from . import agents, finalize, session, turn_ends, turn_verdict, verdict
from .evidence import Evidence, no_turns, nothing_left
from .first_sent import read_stamp, seconds_since
from .host_run import CONTACT, CallRun, ask
from .keeper_reply import CallError
from .link import explain
from .states import CONFLICT, ENDED, SessionState
from .value import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .host_run import Steps
    from .keeper_listing import Entry
    from .keeper_reply import Reply
    from .record import Verdict


class StopRun(CallRun):
    """Stops one session and verifies that it is gone.

    A session that has already ended is no error; the record says how it ended.
    """

    kind: ClassVar = "stop"
    starts_work: ClassVar = True
    of_fan: ClassVar = frozenset({"first_sent"})
    spec: ClassVar = {
        **CONTACT,
        "id": {"type": "str", "default": "", "variable": "dx_session"},
        "wait": {"type": "int", "default": 8},
        "first_sent": {"type": "raw", "default": None, "variable": "dx_first_sent"},
        "turns": {"type": "bool", "default": False},
        "agents": {"type": "dict", "default": {}, "variable": "dx_agents"},
        "claim_ends": {"type": "bool", "default": False, "variable": "dx_claim_ends"},
        **session.PLACE_SPEC,
        "command_socket": {"type": "str", "default": ""},
    }

    def check_options(self) -> None:
        """Raise ValueError if no id says what to stop."""
        if not (self.options["id"] or (self.options["preflight"] or {}).get("run_id")):
            raise ValueError(
                "one of the options id and preflight.run_id is needed: "
                "what dx_run_id or dx_session names is stopped"
            )
        self._agents: Mapping[str, agents.Agent] = agents.load_agents(self.options["agents"])

    def steps(self) -> Steps[dict[str, Any]]:
        """Run to the end. A failed check leaves the stop without an answer."""
        failed = yield from self._check()
        if failed is None:
            return (yield from self.work())
        checks = failed["dx"]
        name = self.options["id"] or checks["id"]
        decided = verdict.not_answered(self.host, failed["msg"], name)
        record = {"kind": self.kind, "id": name, "state": "unknown", "totals": None, "done": True}
        dx = record | {"preflight": checks} | decided.as_dict()
        return {"failed": True, "changed": False, "msg": decided.error, "dx": dx}

    def call(self, record: dict[str, Any]) -> Steps[dict[str, Any]]:
        """Stop the session. The task fails if the session may still be running."""
        name = self.name(self.options["id"], "id")
        state, totals = "unknown", None
        try:
            reply, decided = yield from self._stop(name)
        except CallError as error:
            decided = verdict.not_answered(self.host, explain(self.host, error), name)
        else:
            if reply is not None:
                state = reply.state
            if reply is not None and state != CONFLICT and not reply.restarted:
                totals = [reply.out_total, reply.err_total]
        record |= {"id": name, "state": state, "totals": totals} | decided.as_dict()
        if self.options["turns"] and self.options["claim_ends"]:
            record["ends"] = yield from self._claim_ends(name)
        return {
            "failed": decided.stop_verified is False,
            "msg": decided.error or "",
            "changed": state == SessionState.ABORTED,
        }

    @property
    def _patience(self) -> float:
        """Seconds after which a call counts as lost."""
        return float(self.options["connect_timeout"] * 2 + self.options["wait"] + 15)

    def _stop(self, name: str) -> Steps[tuple[Reply | None, Verdict]]:
        """Return the VM's answer and the verdict. The answer is None if the session has no turn."""
        if self.options["turns"]:
            return (yield from self._stop_turn(name))
        about = b""
        if self.inputs.payload:
            command = self.inputs.command().placed(self.options)
            about = command.about(self.host, self.options["path"])
        reply = yield from self._abort(name, about)
        if reply.restarted:
            return reply, verdict.forgotten(self.host, nothing_left(reply))
        if reply.state == CONFLICT:
            return reply, verdict.conflict(self.host, name)
        return reply, self._judge(reply, verdict.from_reply(self.host, reply, None))

    def _stop_turn(self, name: str) -> Steps[tuple[Reply | None, Verdict]]:
        turns = yield from self._turns(name)
        missing = no_turns(turns)
        if missing is not None:
            return None, turn_verdict.unknown(self.host, name, missing)
        entry = (finalize.without_refused(turns) or turns)[-1]
        reply = yield from self._abort(entry.name)
        for earlier in turns:
            if earlier.left and earlier.name != entry.name:
                reply = _both(reply, (yield from self._abort(earlier.name)))
        own = verdict.from_reply(self.host, reply, None)
        if reply.state in {SessionState.EXITED, SessionState.IDLE}:
            own, _reader = yield from turn_ends.read_end(
                self.host, entry, self._agents, self._patience
            )
        return reply, self._judge(reply, own)

    def _abort(self, name: str, about: bytes = b"") -> Steps[Reply]:
        wait, since = self.options["wait"], self._since()
        return ask(
            self._patience,
            lambda door: door.keeper.abort(name, wait, about, remnants=True, since=since),
        )

    def _since(self) -> int:
        """Return the seconds since the first start, and until a call arrives; 0 if nobody says."""
        given = self.options["first_sent"]
        if given is None:
            return 0
        return seconds_since(read_stamp(given, self.machine), self._patience, self.machine)

    def _turns(self, name: str) -> Steps[list[Entry]]:
        listing = yield from ask(self._patience, lambda door: door.keeper.list(name))
        return listing.turns.get(name, [])

    def _judge(self, reply: Reply, own: Verdict) -> Verdict:
        if reply.state == SessionState.ABORTED:
            return own
        if reply.state in ENDED:
            return verdict.had_ended(self.host, own, reply)
        return verdict.aborted(
            f"{self.host}: asked to stop, but may still be running", Evidence.TOLD, gone=False
        )

    def _claim_ends(self, name: str) -> Steps[list[dict[str, Any]]]:
        try:
            turns = yield from self._turns(name)
        except CallError:
            return []  # the next client that sees the end will tell it
        return (
            yield from turn_ends.claim_ends(
                self.host,
                turns,
                self._agents,
                connect_timeout=self.options["connect_timeout"],
                machine=self.machine,
            )
        )


def _both(reply: Reply, earlier: Reply) -> Reply:
    """The answer about a turn, and what was told of processes that an ``earlier`` one has left."""
    return replace(
        reply,
        verified=reply.verified and earlier.verified,
        left=reply.left + earlier.left,
        stopped=reply.stopped + earlier.stopped,
        remains=",".join(filter(None, (reply.remains, earlier.remains))) or None,
    )
