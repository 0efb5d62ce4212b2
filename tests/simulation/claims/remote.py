"""A model of a repository's remote: refs that change only from the value that a push has seen.

A push reads the refs, compares what it was told to expect, and sends its changes later; the remote
takes a change while it holds the ref's lock, and only from the value that the push has seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulation.claims.process import Ask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.simulation.claims.process import Process
    from tests.simulation.loop import Chance, Loop

__all__ = ["Change", "Push", "Remote", "Update"]

_LOST = 128, "", "fatal: Could not read from remote repository.\n"
_HANGS = frozenset({"lost_after", "late"})


class Update(NamedTuple):
    """A ref that a push is to set. ``expected`` is None without a condition, empty for no ref."""

    ref: str
    new: str
    expected: str | None
    forced: bool = False


class Push(NamedTuple):
    """A push of a client."""

    client: int
    updates: tuple[Update, ...]
    atomic: bool


class Change(NamedTuple):
    """A ref that was set, which is the truth that the judge reads."""

    at: float
    client: int
    ref: str
    old: str
    new: str


class Remote:
    """The refs, and the ways to them. Faults are the plan's, by the number of the call."""

    def __init__(self, plan: Mapping[str, Any], loop: Loop, chance: Chance) -> None:
        """Begin without a ref."""
        self._plan, self._loop, self._chance = plan, loop, chance
        self.refs: dict[str, str] = {}
        self.changes: list[Change] = []
        self.troubled: set[int] = set()
        """The clients that have met a fault."""
        self.hindered: set[int] = set()
        """The clients whose push came while another one held its ref."""
        self._calls = {"call": 0, "push": 0, "publish": 0}
        self._locked: set[str] = set()
        self._by_call = {
            (each.get("of", "call"), each["call"]): each
            for each in plan["faults"]
            if each["kind"] == "call"
        }

    def read(self, client: int, ref: str) -> Ask:
        """Ask for a ref: the answer's output is its value; empty where there is none."""

        def begin(_process: Process, reply: Callable[[Any], None]) -> None:
            fault = self._fault(client)
            if fault is not None and fault["how"] != "slow":
                self._loop.after(fault["after"], reply, _LOST)
                return
            seconds = self._travel() + (fault["after"] if fault else 0.0)
            self._loop.after(seconds, self._answer, ref, reply)

        return Ask(begin)

    def push(self, push: Push) -> Ask:
        """Push refs."""

        def begin(process: Process, reply: Callable[[Any], None]) -> None:
            publishes = any("refs/heads/" in each.ref for each in push.updates)
            fault = self._fault(push.client, "push", "publish" if publishes else "")
            if fault is not None and fault["how"] == "lost_before":
                self._loop.after(fault["after"], reply, _LOST)
                return
            self._loop.after(self._travel(), self._compare, push, process, reply, fault)

        return Ask(begin)

    def _fault(self, client: int, *kinds: str) -> Mapping[str, Any] | None:
        """Return what goes wrong with this call; None if nothing does."""
        found = None
        for name in filter(None, ("call", *kinds)):
            found = self._by_call.get((name, self._calls[name])) or found
            self._calls[name] += 1
        if self._holds("net", client):
            found = {"how": "lost_before", "after": 1.0}
        if found is not None:
            self.troubled.add(client)
        return found

    def _holds(self, kind: str, client: int) -> bool:
        now = self._loop.now
        return any(
            each["kind"] == kind
            and each["from"] <= now < each["to"]
            and each.get("client", client) == client
            for each in self._plan["faults"]
        )

    def _travel(self) -> float:
        return 0.02 + 0.2 * self._chance()

    def _answer(self, ref: str, reply: Callable[[Any], None]) -> None:
        found = self.refs.get(ref, "")
        self._loop.after(self._travel(), reply, (0, f"{found}\t{ref}\n" if found else "", ""))

    def _compare(
        self,
        push: Push,
        process: Process,
        reply: Callable[[Any], None],
        fault: Mapping[str, Any] | None,
    ) -> None:
        """Compare the refs with what the push expects, in the client's process."""
        if push.atomic and not self._plan.get("atomic", True):
            words = "fatal: the receiving end does not support --atomic push\n"
            self._loop.after(0.0, reply, (128, "", words))
            return
        seen = {each.ref: self.refs.get(each.ref, "") for each in push.updates}
        refused = [
            f"! [rejected] {each.ref} ({why})\n"
            for each in push.updates
            if (why := _refusal(each, seen[each.ref]))
        ]
        updates = tuple(each for each in push.updates if seen[each.ref] != each.new)
        if refused and (push.atomic or len(refused) == len(updates)):
            self._loop.after(0.0, reply, (1, "", "".join(refused)))
            return
        if not updates:  # git does not send what the remote has
            self._loop.after(0.0, reply, (0, "", "Everything up-to-date\n"))
            return
        travel = self._travel()
        if fault is not None and fault["how"] in _HANGS:
            self._loop.after(travel + fault["after"], reply, _LOST)
            reply = _ignored
        if fault is not None and fault["how"] in {"late", "slow"}:
            travel += fault["after"] + fault["late"]
        process.when_awake(lambda: self._loop.after(travel, self._take, push, updates, seen, reply))

    def _take(
        self,
        push: Push,
        updates: tuple[Update, ...],
        seen: Mapping[str, str],
        reply: Callable[[Any], None],
    ) -> None:
        """Lock the refs whose values are still those that the push has seen."""
        refused, taken = [], []
        for each in updates:
            why = self._obstacle(push, each, seen)
            if why:
                refused.append(f"! [remote rejected] {each.ref} ({why})\n")
            else:
                taken.append(each)
        if refused and push.atomic:
            taken = []
        self._locked.update(each.ref for each in taken)
        seconds = 0.005 + 0.1 * self._chance()
        self._loop.after(seconds, self._set, push, taken, "".join(refused), reply)

    def _obstacle(self, push: Push, update: Update, seen: Mapping[str, str]) -> str:
        ref = update.ref
        if "claims" in ref and self._holds("refuses", push.client):
            self.troubled.add(push.client)
            return "hook declined"
        if "claims" in ref and self._holds("lock", push.client):
            self.troubled.add(push.client)
            return "failed to update ref: it is locked"
        if ref in self._locked:
            self.hindered.add(push.client)
            return "failed to update ref: it is locked"
        return (
            "" if self.refs.get(ref, "") == seen[ref] else "failed to update ref: it is at another"
        )

    def _set(
        self, push: Push, taken: list[Update], refused: str, reply: Callable[[Any], None]
    ) -> None:
        for each in taken:
            old = self.refs.get(each.ref, "")
            self.changes.append(Change(self._loop.now, push.client, each.ref, old, each.new))
            self.refs[each.ref] = each.new
            self._locked.discard(each.ref)
        self._loop.after(self._travel(), reply, (int(bool(refused)), "", refused))


def _refusal(update: Update, seen: str) -> str:
    """Return why git does not send an update; empty if it does.

    A commit of work follows the earlier ones of its session, and a claim follows nothing.
    """
    if update.forced or seen == update.new:
        return ""
    if update.expected is not None:
        return "" if update.expected == seen else "stale info"
    follows = not seen or seen.partition("+")[0] == update.new.partition("+")[0]
    return "" if follows else "fetch first"


def _ignored(_answer: object) -> None:
    """Nobody hears the answer."""
