# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Chooses the turn of a session for a task, and collects the facts of the session."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from . import agent_usage, agents, finalize, session, turn_ends, turn_verdict
from .agent_record import AgentError
from .attempts import AttemptRun, look_again
from .evidence import no_turns
from .keeper_listing import FINALIZE
from .keeper_reply import CallError
from .progress import Progress
from .states import ENDED, SessionState
from .stream_reader import StreamReader
from .turn import FIRST_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .host_run import Steps
    from .keeper_listing import Entry
    from .record import Verdict

_TAIL_BYTES = 2**18
"""Bytes from the end of a turn's output, enough to see its progress."""
_STOP_SECONDS = 8
_NOWHERE = 10**17
"""An offset that no output reaches."""


@dataclass(slots=True, kw_only=True)
class TurnProgress(Progress):
    """Progress of one turn; ``id`` is the session's."""

    turn: int = 0
    """The turn's number; 0 while it is unknown."""
    agent: str = ""
    """Name of the session's agent."""
    reader: StreamReader | None = None
    """Has read the output so far; None before the first output."""
    limits: dict[str, float] = field(default_factory=dict)
    times: tuple[int | None, int | None] = (None, None)
    """When a followed turn began and ended by the VM's clock; None if that is not known."""
    meta: dict[str, Any] = field(default_factory=dict)
    shown_before: Sequence[int] = (0, 0, 0)
    """Turn, and offsets in its two streams, up to which an earlier run has shown the output."""

    @property
    def shown(self) -> tuple[int, int]:
        """Offsets in both streams of this turn, up to which an earlier run has shown them."""
        turn, out, err = self.shown_before
        return (out, err) if turn == self.turn else (0, 0)

    @property
    def key(self) -> str:
        """The turn's id at the keeper."""
        return f"{self.id}.{self.turn}"

    def begin(self, turn: int) -> None:
        """Switch to a turn and its first byte; 0 if the turn is yet to be chosen."""
        self.turn, self.out_next, self.err_next, self.reader = turn, 0, 0, None
        self.times = (None, None)


class TurnChoice(AttemptRun):
    """Base class of `TurnRun`; finds the number and the agent of a turn."""

    progress: TurnProgress

    def check_options(self) -> None:
        """Raise ValueError for an invalid option."""
        super().check_options()
        if self.options["mode"] is None:
            further = "finalize" if self.inputs.variables.get("dx_finalize") else "resume"
            self.options["mode"] = further if self.options["session"] else "start"
        known = self.options["session"] or (self.options["preflight"] or {}).get("run_id")
        if self.following and not known:
            raise ValueError("dx_session is needed, the session that is followed")

    def begin(self) -> TurnProgress:
        """Begin with the session's id, and the position of an earlier run that was killed."""
        progress = TurnProgress(
            id=self.name(self.options["session"], "session"), **self.new_marks()
        )
        progress.shown_before = self.options["shown"].get(self.host, progress.shown_before)
        return progress

    @property
    def following(self) -> bool:
        """Whether the run only follows work that was started earlier."""
        return bool(self.options["mode"] == "follow")

    @property
    def finalizing(self) -> bool:
        """Whether the turn is a finalize, which runs git and no agent."""
        return bool(self.options["mode"] == "finalize")

    @property
    def continuing(self) -> bool:
        """Whether the turn continues an existing session."""
        return self.finalizing or bool(self.options["mode"] == "resume")

    @property
    def idle_timeout(self) -> float:
        """Seconds. 0 for a finalize: git and its hooks may be silent until the turn's timeout."""
        return 0.0 if self.finalizing else float(self.options["idle_timeout"])

    @cached_property
    def known_agents(self) -> Mapping[str, agents.Agent]:
        """The host's agents by name."""
        return agents.load_agents(self.options["agents"])

    @property
    def agent(self) -> agents.Agent:
        """The author of the turn's output. Raises AgentError."""
        chosen = agents.choose(self.known_agents, self.progress.agent)
        return finalize.output_author(self.progress.meta, chosen)

    def max_cost(self, former: Mapping[str, Any]) -> object:
        """The session's limit in US dollars: the given one, or that of its turn before.

        None for an agent that does not tell its cost. Raises AgentError if the limit is required.
        """
        limit = self.options["max_cost"] or former.get("max_cost")
        if not limit or self.agent.reports_cost:
            return limit
        if "max_cost" in self.options["required"]:
            raise AgentError(turn_verdict.tells_no_cost(self.agent.name))
        return None

    @property
    def directory(self) -> str | None:
        """The chosen directory, or None. A session that we made stays in its first turn's."""
        kept, given = self.progress.meta.get("directory"), self.options["dir"]
        stays = self.continuing and session.is_ours(self.progress.id)
        return (kept if stays else given or kept) or None

    def choose_turn(self, record: dict[str, Any]) -> Steps[Verdict | None]:
        """Find the turn's number; it stays 0 while the turn before runs. Raises AgentError."""
        known: list[Entry] = []
        if self.options["mode"] != "start":
            known = yield from self._turns(4)
        if self.following:
            return self._choose_followed(known)
        known = self._before_own(known)
        if self.options["claim_ends"]:
            record["ends"] = yield from self._claim_ends(known)
        if known and known[-1].state not in ENDED:
            return (yield from self._wait_for(known[-1], record))
        if self.continuing:
            arrived = _arrived(known)
            if arrived and _may_be_at_work(arrived[-1]):
                gone = yield from self._settle(arrived[-1])
                if not gone:
                    return turn_verdict.not_gone(self.host, self.progress.id)
            return (yield from self._prepare_resume(known))
        self._prepare(1, self.options["agent"], {})
        return None

    def go_on(self) -> Steps[bool]:
        """Go on to the next turn of the followed session; False if there is none."""
        if self.options["turn"]:
            return False
        turns = finalize.without_refused((yield from self._turns(0)))
        later = [entry for entry in turns if entry.turn > self.progress.turn]
        if later:
            self._choose_followed(later)
        return bool(later)

    def note_start(self) -> Steps[None]:
        """Learn when a turn began that was scheduled when this run found it."""
        known = yield from self._turns(0)
        begun = [entry for entry in known if entry.turn == self.progress.turn]
        self.progress.times = (begun[0].began, begun[0].at) if begun else (None, None)

    def claim_end(self, record: dict[str, Any], decided: Verdict) -> Steps[None]:
        """Claim the turn's end. With many hosts, the caller claims all ends later."""
        progress = self.progress
        if not (self.options["claim_ends"] and progress.meta.get("trail")):
            return
        ends: list[dict[str, Any]] = []
        if self.crowd.hosts == 1 or self.following:
            with suppress(CallError):
                known = yield from self._turns(0)
                ends = yield from self._claim_ends(known)
        if progress.turn not in {end["turn"] for end in ends}:
            meta = progress.meta
            ends.append(turn_ends.unclaimed_record(progress.id, progress.turn, meta, decided))
        record["ends"] = [*record.get("ends", []), *ends]

    def _turns(self, wait: float) -> Steps[list[Entry]]:
        name = self.progress.id
        listing = yield from self.call(wait, lambda door: door.keeper.list(name))
        return listing.turns.get(name, [])

    def _before_own(self, known: list[Entry]) -> list[Entry]:
        """The turns before the one that an earlier run with our token started; all if none did.

        The turn after them is then our own, so a start attaches to it.
        """
        own = [entry.turn for entry in known if entry.token == self.progress.token]
        return [entry for entry in known if not own or entry.turn < own[0]]

    def _claim_ends(self, known: list[Entry]) -> Steps[list[dict[str, Any]]]:
        return turn_ends.claim_ends(
            self.host,
            known,
            self.known_agents,
            connect_timeout=self.options["connect_timeout"],
            machine=self.machine,
        )

    def _wait_for(self, entry: Entry, record: dict[str, Any]) -> Steps[Verdict | None]:
        if not self.options["queue"]:
            return turn_verdict.busy(self.host, self.progress.id, entry.state, entry.resumes)
        record["queued"] = True
        if entry.state == SessionState.SCHEDULED:
            yield look_again(entry.starts)
            return None
        wait = self.patience
        asked = {"wait": wait, "out": _NOWHERE, "err": _NOWHERE}
        yield from self.poll(wait, entry.name, asked)
        return None

    def _settle(self, entry: Entry) -> Steps[bool]:
        """Stop processes that a turn may have left; False if that can't be verified."""
        reply = yield from self.call(
            _STOP_SECONDS,
            lambda door: door.keeper.abort(entry.name, _STOP_SECONDS, remnants=True),
        )
        return reply.verified is True

    def _choose_followed(self, known: list[Entry]) -> Verdict | None:
        wanted, progress = self.options["turn"], self.progress
        if not wanted:
            known = finalize.without_refused(known)
            wanted = progress.shown_before[0]
        known = [entry for entry in known if entry.turn >= wanted]
        missing = no_turns(known)
        if missing is not None:
            return turn_verdict.unknown(self.host, progress.id, missing)
        entry = known[0]
        meta = entry.facts
        name = str(meta.get("agent"))
        self._prepare(entry.turn, name if name in self.known_agents else "shell", meta)
        progress.limits, progress.times = entry.limits, (entry.began, entry.at)
        if self.options["tail"] and entry.out_total > _TAIL_BYTES and not any(progress.shown):
            progress.reader = StreamReader(self.agent, self.options["view"])
            progress.reader.skip()
            progress.out_next = entry.out_total - _TAIL_BYTES
        return None

    def _prepare_resume(self, known: list[Entry]) -> Steps[Verdict | None]:
        progress = self.progress
        foreign = not session.is_ours(progress.id)
        arrived = _arrived(known)
        missing = no_turns(arrived)
        if missing is not None and (self.finalizing or not foreign):
            return turn_verdict.unknown(self.host, progress.id, missing)
        last = known[-1].turn if known else 0
        meta = arrived[-1].facts if arrived else {}
        if self.finalizing:
            self._begin(last + 1, "shell", {**meta, FINALIZE: True})
            return None
        meta.pop(FINALIZE, None)
        self._prepare(last + 1, str(meta.get("agent") or self.options["agent"]), meta)
        limit = self.max_cost(meta)
        cost = agent_usage.over_limit(agent_usage.of_session(known), limit)
        if cost is not None:
            progress.turn = 0
            return turn_verdict.too_dear(self.host, progress.id, cost, limit)
        try:
            refused = yield from self._prepare_conversation(arrived, foreign=foreign)
        except CallError:
            progress.turn = 0  # without its conversation the turn would begin another one
            raise
        if refused is not None:
            progress.turn = 0
        return refused

    def _prepare_conversation(self, known: list[Entry], *, foreign: bool) -> Steps[Verdict | None]:
        """Find the agent's own id of the conversation; ``foreign``: it was begun by hand."""
        progress, agent = self.progress, self.agent
        missing = no_turns(known)
        if foreign and missing is not None and not agent.resume:
            return turn_verdict.unknown(self.host, progress.id, missing)
        if foreign and not (agent.directory_of or self.directory):
            return turn_verdict.no_directory(self.host, agent.name, progress.id)
        if agent.resume and not (progress.meta.get("native_id") and not agent.chosen_id):
            native = progress.id if foreign else (yield from self._native_id(agent, known))
            if native is None:
                return turn_verdict.no_conversation(self.host, agent.name)
            progress.meta["native_id"] = native
        return None

    def _prepare(self, number: int, name: str, meta: dict[str, Any]) -> None:
        self._begin(number, agents.choose(self.known_agents, name or "opencode").name, meta)

    def _begin(self, number: int, name: str, meta: dict[str, Any]) -> None:
        self.progress.begin(number)
        self.progress.agent = name
        self.progress.meta = dict(meta)

    def _native_id(self, agent: agents.Agent, known: list[Entry]) -> Steps[str | None]:
        for entry in reversed(known):
            if entry.facts.get(FINALIZE):
                continue
            reader = StreamReader(agent)
            reply = yield from self.poll(0, entry.name, FIRST_BYTES)
            reader.feed(reply.out)
            if agent.chosen_id and b"\n{" in reply.out:  # an event, so the agent knows the id
                return agents.chosen_id(self.progress.id)
            if reader.native_id is not None:
                return str(reader.native_id)
        return None


def _arrived(known: list[Entry]) -> list[Entry]:
    """Leave out turns that were aborted before they arrived: the VM has only their numbers."""
    return [entry for entry in known if not entry.tombstone]


def _may_be_at_work(entry: Entry) -> bool:
    """Whether an ended turn may have processes: it is lost, or its stop was not verified."""
    return entry.state == SessionState.LOST or entry.verified is False
