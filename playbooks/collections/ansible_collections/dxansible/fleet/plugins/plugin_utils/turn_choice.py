# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which turn of its session a task becomes, and what is known of the session by then."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail

from . import agents, finalize, link, session, turn, turn_ends, turn_verdict, verdict
from .attempt import AttemptAction
from .keeper import ENDED, KeeperError
from .stream_reader import StreamReader
from .turn_progress import TurnProgress, turns_of

if TYPE_CHECKING:
    from .keeper import Entry, Keeper

__all__ = ["TurnChoice"]

_HEAD_BYTES = 65536
"""Enough of a turn's beginning to hold its first event."""
_TAIL_BYTES = 2**18
"""Enough of a turn's output to know how it stands."""
_STOP_SECONDS = 8
_NOWHERE = 10**17
"""An offset that no output reaches."""


class TurnChoice(AttemptAction):
    """The part of an action that finds the number of a turn and its agent."""

    @property
    def _following(self) -> bool:
        return bool(self._arguments["mode"] == "follow")

    @property
    def _finalizing(self) -> bool:
        return bool(self._arguments["mode"] == "finalize")

    @property
    def _continuing(self) -> bool:
        return self._finalizing or bool(self._arguments["mode"] == "resume")

    @property
    def _idle_timeout(self) -> float:
        """Seconds; git and its hooks may be silent for as long as the turn may take."""
        return 0.0 if self._finalizing else float(self._arguments["idle_timeout"])

    def _check_idle_timeout(self) -> None:
        if not 0 <= self._arguments["idle_timeout"] < float("inf"):
            raise AnsibleActionFail("dx_idle_timeout has to be a number of seconds, 0 for none")

    def _choose_turn(
        self, keeper: Keeper, progress: TurnProgress, record: dict[str, Any]
    ) -> verdict.Verdict | None:
        known: list[tuple[int, Entry]] = []
        if self._arguments["mode"] != "start":
            with self._guard(4):
                known = turns_of(keeper.list(progress.id).sessions).get(progress.id, [])
        if self._following:
            return self._choose_followed(progress, known)
        if self._arguments["claim_ends"]:
            record["ends"] = self._claimed(keeper, {progress.id: known})
        if known and known[-1][1].state not in ENDED:
            if not self._arguments["queue"]:
                return turn_verdict.busy(self._host, progress.id, ours_lost=False)
            record["queued"] = True
            with self._guard(4):
                keeper.poll(known[-1][1].name, {"wait": 4, "out": _NOWHERE, "err": _NOWHERE})
            return None
        if self._continuing:
            if known and known[-1][1].state == "lost" and not self._settle(keeper, known[-1][1]):
                return turn_verdict.not_gone(self._host, progress.id)
            return self._prepare_resume(keeper, progress, known)
        self._prepare(progress, 1, self._arguments["agent"], {})
        return None

    def _claimed(
        self, keeper: Keeper, turns: dict[str, list[tuple[int, Entry]]]
    ) -> list[dict[str, Any]]:
        return turn_ends.claim_ends(
            self._host,
            keeper,
            turns,
            agents.load_agents(self._arguments["agents"]),
            connect_timeout=self._arguments["connect_timeout"],
        )

    def _claim_end(
        self,
        keeper: Keeper,
        progress: TurnProgress,
        record: dict[str, Any],
        decided: verdict.Verdict,
    ) -> None:
        """Claim the end of the turn; of one on many hosts later, when all of them can be told."""
        if not (self._arguments["claim_ends"] and progress.meta.get("trail")):
            return
        ends: list[dict[str, Any]] = []
        if self._hosts == 1 or self._following:
            with suppress(link.LinkError, link.CallTimeoutError, KeeperError):
                with self._guard(0):
                    turns = turns_of(keeper.list(progress.id).sessions)
                ends = self._claimed(keeper, turns)
        if progress.turn not in {end["turn"] for end in ends}:
            meta = progress.meta
            ends.append(turn_ends.told_by_others(progress.id, progress.turn, meta, decided))
        record["ends"] = [*record.get("ends", []), *ends]

    def _settle(self, keeper: Keeper, entry: Entry) -> bool:
        """End what a lost turn may have left running; False if that can't be verified."""
        with self._guard(_STOP_SECONDS):
            return keeper.abort(entry.name, _STOP_SECONDS).verified is True

    def _choose_followed(
        self, progress: TurnProgress, known: list[tuple[int, Entry]]
    ) -> verdict.Verdict | None:
        wanted = self._arguments["turn"]
        if not wanted:
            known = finalize.without_refused(known)
        found = [(number, entry) for number, entry in known if number >= wanted]
        if not found:
            return turn_verdict.unknown(self._host, progress.id)
        number, entry = found[0]
        meta = turn.read_meta(entry.meta)
        agents_known = agents.load_agents(self._arguments["agents"])
        name = str(meta.get("agent"))
        self._prepare(progress, number, name if name in agents_known else "shell", meta)
        progress.limits = turn.limits_of(meta)
        if self._arguments["tail"] and entry.out_total > _TAIL_BYTES:
            reader = StreamReader(self._agent(progress))
            reader.skip()
            progress.reader = reader.state()
            progress.out_next = entry.out_total - _TAIL_BYTES
        return None

    def _prepare_resume(
        self, keeper: Keeper, progress: TurnProgress, known: list[tuple[int, Entry]]
    ) -> verdict.Verdict | None:
        foreign = not session.is_ours(progress.id)
        if not known and (self._finalizing or not foreign):
            return turn_verdict.unknown(self._host, progress.id)
        last, meta = (known[-1][0], turn.read_meta(known[-1][1].meta)) if known else (0, {})
        if self._finalizing:
            self._begin(progress, last + 1, "shell", {**meta, finalize.MARK: True})
            return None
        meta.pop(finalize.MARK, None)
        self._prepare(progress, last + 1, str(meta.get("agent") or self._arguments["agent"]), meta)
        agent = self._agent(progress)
        if foreign and not known and not agent.resume:
            progress.turn = 0
            return turn_verdict.unknown(self._host, progress.id)
        if foreign and not (agent.directory_of or self._directory(progress)):
            progress.turn = 0
            return turn_verdict.no_directory(self._host, agent.name, progress.id)
        if agent.resume and not (progress.meta.get("native_id") and not agent.chosen_id):
            native = progress.id if foreign else self._native_id(keeper, agent, progress, known)
            if native is None:
                progress.turn = 0
                return turn_verdict.no_conversation(self._host, agent.name)
            progress.meta["native_id"] = native
        return None

    def _directory(self, progress: TurnProgress) -> str | None:
        """The directory that was chosen; a session of ours stays in that of its first turn."""
        kept, given = progress.meta.get("directory"), self._arguments["dir"]
        stays = self._continuing and session.is_ours(progress.id)
        return (kept if stays else given or kept) or None

    def _prepare(
        self, progress: TurnProgress, number: int, name: str, meta: dict[str, Any]
    ) -> None:
        agent = agents.choose(agents.load_agents(self._arguments["agents"]), name or "opencode")
        self._begin(progress, number, agent.name, meta)

    def _begin(self, progress: TurnProgress, number: int, name: str, meta: dict[str, Any]) -> None:
        progress.begin(number)
        progress.agent = {"name": name}
        progress.meta = dict(meta)

    def _agent(self, progress: TurnProgress) -> agents.Agent:
        known = agents.load_agents(self._arguments["agents"])
        return finalize.speaker(progress.meta, agents.choose(known, str(progress.agent["name"])))

    def _native_id(
        self,
        keeper: Keeper,
        agent: agents.Agent,
        progress: TurnProgress,
        known: list[tuple[int, Entry]],
    ) -> str | None:
        for _, entry in reversed(known):
            if turn.read_meta(entry.meta).get(finalize.MARK):
                continue
            reader = StreamReader(agent)
            with self._guard(0):
                head = keeper.poll(entry.name, {"chunk": _HEAD_BYTES}).out
            reader.feed(head)
            if agent.chosen_id and b"\n{" in head:  # it has said something, so it knows the id
                return agents.chosen_id(progress.id)
            if reader.native_id is not None:
                return str(reader.native_id)
        return None
