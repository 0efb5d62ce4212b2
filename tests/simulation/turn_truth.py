"""What a turn's outcome has to be, by the model's truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.judge import NOTHING_RUN
from tests.simulation.robot import ENDINGS, expected_end

if TYPE_CHECKING:
    from tests.simulation.turn_script import TurnWork

__all__ = ["ENDED_BY_OTHERS", "NOT_GIVEN", "costs", "end_of", "finished", "has_spoken", "last_try"]

End = tuple[str, str, bool]
NOT_GIVEN = NOTHING_RUN | {
    "session_busy", "unknown_session", "no_conversation", "agent_missing", "agent_invalid",
}  # fmt: skip
"""Reasons that say that this client's prompt was never given to the agent, and never will."""
ENDED_BY_OTHERS = frozenset({"lost", "deadline", "idle", "aborted"})
"""Reasons of turns that were ended, or whose end nobody saw."""


def last_try(work: TurnWork) -> Any:  # noqa: ANN401 - of the plan
    """Return the behaviour in its last attempt."""
    return tries(work)[-1]


def tries(work: TurnWork) -> list[Any]:
    """Return the behaviours in all attempts."""
    found = [work.behaviour]
    while len(found) < work.attempts:
        found.append(found[-1].get("then", {}))
    return found


def finished(work: TurnWork) -> bool:
    """Whether the script came to its end by itself, and all that it printed was kept."""
    said = b"".join(data for name, data in work.said if name == "out")
    return work.how == "exit" and b"\x1edx-turn code=" in said and not work.incomplete


def end_of(work: TurnWork) -> End | None:
    """Return the outcome, the reason and whether it asks; None for a turn that was ended."""
    if not finished(work):
        return None
    ending = last_try(work).get("ending", "done")
    if work.verify:
        return "FAILURE", "verify_failed", False
    if ENDINGS[ending][1] and work.limited is not None:
        return "FAILURE", "usage_limit", False
    return expected_end(work.agent, ending)


def has_spoken(work: TurnWork) -> bool:
    """Whether the agent has printed an event."""
    return any(data.startswith(b"{") and data.endswith(b"}\n") for _name, data in work.said)


def costs(work: TurnWork) -> int:
    """Return what the agent has told that the turn costs."""
    events = [event for each in tries(work) for event in ENDINGS[each.get("ending", "done")][0]]
    return sum(event[1] for event in events if event[0] == "end") if work.agent != "plain" else 0
