# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lists a host's agent sessions and commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from . import agents, opening, session, session_view, turn_ends
from .host_run import CONTACT, WATCH, CallRun, ask

if TYPE_CHECKING:
    from .host_door import HostDoor
    from .host_run import Steps
    from .keeper_listing import Listing


class ListRun(CallRun):
    """Lists sessions. Changes nothing but notes, and those only if asked to."""

    kind: ClassVar = "sessions"
    spec: ClassVar = {
        **CONTACT,
        **WATCH,
        "session": {"type": "str", "default": "", "variable": "dx_session"},
        "prefix": {"type": "str", "default": "", "variable": "dx_prefix"},
        "only": {
            "type": "str",
            "choices": ["", "agents", "commands"],
            "default": "",
            "variable": "dx_only",
        },
        "agents": {"type": "dict", "default": {}, "variable": "dx_agents"},
        "claim_ends": {"type": "bool", "default": False, "variable": "dx_claim_ends"},
        "words": {"type": "bool", "default": False, "variable": "dx_words"},
        "opens": {"type": "bool", "default": False, "variable": "dx_opens"},
        "path": session.PLACE_SPEC["path"],
        "trail": {"type": "str", "default": "", "variable": "dx_trail"},
        "thread": {"type": "str", "default": "", "variable": "dx_trail_thread"},
    }

    in_check_mode: ClassVar = {"claim_ends": False, "thread": ""}
    of_fan: ClassVar = frozenset(WATCH)

    def check_options(self) -> None:
        """Begin with nothing listed; an agent's record is read where its turn is described."""
        self._agents = agents.load_agents(self.options["agents"])
        self._wait, self._stamp = 0, ""

    def work(self) -> Steps[dict[str, Any]]:
        """List once, or as often as something changes."""
        return self.watched(self._look)

    def _look(self, wait: int) -> Steps[dict[str, Any]]:
        self._wait, self._same = wait, False
        result = yield from super().work()
        if self._same:
            result["dx"] = {"kind": "alive", "done": True}
        return result

    def call(self, record: dict[str, Any]) -> Steps[dict[str, Any]]:
        """List the sessions. The record has an ``error`` if the host can't be asked."""
        record |= {"sessions": [], "load": None}
        options, trail = self.options, self.options["trail"]
        patience = options["connect_timeout"] * 2 + 20
        listing = yield from ask(patience + self._wait, self._list)
        self._same = bool(self._stamp) and listing.stamp == self._stamp
        self._stamp = listing.stamp or ""
        turns = listing.turns if options["only"] != "commands" else {}
        record["load"] = listing.load
        found = []
        for each in turns.values():
            described = yield from session_view.describe(
                self.host, each, self._agents, listing.now, patience
            )
            found.append(described)
        if options["only"] != "agents":
            found += [
                session_view.describe_command(self.host, entry, listing.now)
                for entry in listing.sessions
                if session.is_ours(entry.name)
                and (options["prefix"] or not session.only_reads(entry.name))
            ]
        record["sessions"] = found
        if options["opens"] and len(turns) == 1:
            (own,) = turns.values()
            record["opens"] = yield from opening.opening(
                own, self._agents, options["path"], patience
            )
        every_turn = [entry for each in turns.values() for entry in each]
        if options["trail"] and options["thread"]:
            yield from turn_ends.note_thread(
                every_turn, options["trail"], options["thread"], patience
            )
        if options["claim_ends"]:
            record["ends"] = yield from turn_ends.claim_ends(
                self.host,
                every_turn,
                self._agents,
                trail=trail,
                connect_timeout=options["connect_timeout"],
                machine=self.machine,
            )
        return {"msg": f"{self.host}: {len(found)} sessions"}

    def _list(self, door: HostDoor) -> Listing:
        options = self.options
        return door.keeper.list(
            options["session"] or None,
            prefix=options["prefix"],
            turns=options["only"] == "agents",
            words=options["words"],
            wait=self._wait,
            stamp=self._stamp,
        )
