"""Judges whole calls of the package, and commands that are run again, by the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.client import session_of
from tests.simulation.judge import NOTHING_RUN, keeps_records, may_be_lost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.calls import Call
    from tests.simulation.history import History
    from tests.simulation.process import Work
    from tests.simulation.rollouts import Told

__all__ = ["judge_calls", "judge_end", "verdict_of_call"]


def judge_calls(history: History, calls: list[Call]) -> list[str]:
    """Return what is wrong with a history's calls; empty if nothing is."""
    found = [f"call: {text}" for call in calls for text in _of(history, call)]
    if len(calls) > 1 and keeps_records(history):
        first = history.vm.truth.get(session_of("a"), [])
        second = history.vm.truth.get(session_of("b"), [])
        begin = calls[1].began
        if any(work.ended is None or work.ended > begin for work in first):
            found.append("the command runs again while it is running")
        if any(work.began > begin for work in first):
            found.append("the command began after it was run again")
        if len(second) > 1:
            found.append("the command ran again more than once")
    return found


def verdict_of_call(call: Call) -> str:
    """Return how a call ended, in a few words."""
    result = call.result
    return "no end" if result is None else f"{result.outcome}/{result.reason}"


def _own(history: History, call: Call | Told, works: list[Work], outcome: str) -> list[Work]:
    """Return the call's own commands; after a stop, those that had begun by then.

    What a stop has left on the VM may be lost with its power, too (docs/keeper.md).
    """
    rivals = {each.token for each in history.clients}
    own = [work for work in works if work.token not in rivals]
    if outcome != "ABORTED" or keeps_records(history):
        return own
    return [work for work in own if work.began <= call.ended]


def _of(history: History, call: Call) -> Iterator[str]:
    if call.result is None:
        yield "its host has no result"
    else:
        yield from judge_end(history, call)


def judge_end(history: History, call: Call | Told) -> Iterator[str]:
    """Yield what is wrong with what was told of a host's end."""
    works = history.vm.truth.get(session_of(call.name, history.host), [])
    if len(works) > 1 and keeps_records(history):
        yield f"the command began {len(works)} times"
    result = call.result
    assert result is not None
    own = _own(history, call, works, str(result.outcome))
    told = f"{result.outcome}/{result.reason}, stop verified: {result.stop_verified}"
    reason = str(result.reason)
    if reason in NOTHING_RUN and own:
        yield f"{told}, but its command began"
    exits = [work.code for work in works if work.how == "exit" and (work.ended or 0) <= call.ended]
    if reason == "ok" and 0 not in exits:
        yield f"{told}, but no command ended with 0"
    if reason == "exit_nonzero" and result.exit_code not in exits:
        yield f"{told} {result.exit_code}, but no command ended so"
    if reason == "lost" and not may_be_lost(history):
        yield f"{told}, but neither VM nor keeper was harmed"
    if result.stop_verified and call.living:
        yield f"{told}, but {call.living} processes live"
    later = any(work.began > call.ended for work in works)
    if result.stop_verified and later and keeps_records(history):
        yield f"{told}, but a command began later"
    silent = result.outcome == "ABORTED" and result.stop_verified is None
    if silent and own and keeps_records(history):
        yield f"{told}, but its command began"
