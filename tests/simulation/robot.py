"""The agents of simulated turns: their records, and what they print."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AGENTS", "ENDINGS", "expected_end", "printed"]

_ROBOT: dict[str, Any] = {
    "start": ["robot"],
    "resume": ["robot", "{native_id}"],
    "events": "json",
    "native_id": "id",
    "text": [
        {"when": {"type": "say"}, "show": "text", "message": True},
        {"when": {"type": "work"}, "show": "tool", "prefix": "* "},
        {"when": {"type": ["fail", "limit"]}, "show": "text", "prefix": "! "},
    ],
    "finished": {"type": "end"},
    "failed": [{"when": {"type": ["fail", "limit"]}, "message": "text"}],
    "needs_input": [{"when": {"type": "ask"}}, {"stderr": "^permission requested"}],
    "usage_limit": {"when": {"type": "limit"}, "message": "text", "resets_at": "at"},
    "usage": {"when": {"type": "end"}, "input": "in", "cost": "cost"},
    "progress": '"type":"(say|end)"',
}
AGENTS: Mapping[str, Mapping[str, Any]] = {
    "robot": _ROBOT,
    "named": {
        **{key: value for key, value in _ROBOT.items() if key not in {"native_id", "progress"}},
        "start": ["robot", "{native_id}"],
        "chosen_id": True,
    },
    "plain": {"start": ["plain"], "exit_codes": {3: "its third way to fail"}},
}
"""One that tells the id of its conversation, one that is told it, and one that has no events."""

_SAY, _DONE, _QUESTION = ["say", "Well."], ["say", "It is done."], ["say", "Shall I go on?"]
ENDINGS: Mapping[str, tuple[list[list[Any]], int]] = {
    "done": ([_SAY, ["work"], _DONE, ["end", 5]], 0),
    "question": ([_SAY, _QUESTION, ["end", 0]], 0),
    "mute": ([_SAY, ["work"], ["end", 1]], 0),
    "recovered": ([["fail"], _DONE, ["end", 1]], 0),
    "no_end": ([_SAY, _QUESTION], 0),
    "broken": ([_SAY, ["broken"]], 0),
    "asks": ([_SAY, ["ask"], ["end", 1]], 0),
    "refused": ([_SAY, ["permission"]], 0),
    "fails": ([_SAY, ["fail"]], 0),
    "fails_at_last": ([_SAY, ["end", 1], ["fail"]], 1),
    "third": ([_SAY], 3),
    "killed": ([_SAY], 137),
    "limit": ([_SAY, ["limit"]], 1),
    "early": ([], 1),
}
"""How a turn ends: the agent's events, and its exit code."""
_OF_EVENTS: Mapping[str, tuple[str, str]] = {
    "done": ("SUCCESS", "ok"), "question": ("SUCCESS", "ok"), "mute": ("SUCCESS", "ok"),
    "recovered": ("SUCCESS", "ok"), "no_end": ("FAILURE", "no_end_of_turn"),
    "broken": ("FAILURE", "no_end_of_turn"), "asks": ("FAILURE", "needs_input"),
    "refused": ("FAILURE", "needs_input"), "fails": ("FAILURE", "agent_error"),
    "fails_at_last": ("FAILURE", "agent_error"), "third": ("FAILURE", "exit_nonzero"),
    "killed": ("FAILURE", "signalled"), "limit": ("FAILURE", "usage_limit"),
    "early": ("FAILURE", "exit_nonzero"),
}  # fmt: skip
_ASKS = {"question"}


def expected_end(agent: str, ending: str) -> tuple[str, str, bool]:
    """Return the outcome, the reason, and whether the turn asks, without a check and a limit."""
    if agent != "plain":
        return *_OF_EVENTS[ending], ending in _ASKS
    code = ENDINGS[ending][1]
    match code:
        case 0:
            return "SUCCESS", "ok", _last_words(ending).endswith("?")
        case 3:
            return "FAILURE", "agent_error", False
        case 137:
            return "FAILURE", "signalled", False
        case _:
            return "FAILURE", "exit_nonzero", False


def _last_words(ending: str) -> str:
    """The last paragraph of a plain agent: all that it has said."""
    said = [event[1] for event in ENDINGS[ending][0] if event[0] == "say"]
    return str(said[-1]) if said else ""


def printed(agent: str, event: list[Any], native: str, resets_at: int) -> tuple[str, bytes]:
    """Return a stream, and what the agent prints on it."""
    word = event[0]
    if word == "permission":
        return "err", b"permission requested: a file; auto-rejecting\n"
    if agent == "plain":
        return "out", f"{event[1]}\n".encode() if word == "say" else b""
    if word == "broken":
        return "out", b'{"type":"end","id":'
    more: dict[str, Any] = {
        "say": {"text": event[-1]}, "work": {"tool": "edit"}, "fail": {"text": "It failed."},
        "limit": {"text": "The limit is reached.", "at": resets_at},
        "end": {"in": 7, "cost": event[-1]},
    }.get(word, {})  # fmt: skip
    told = {"type": word, "id": native, **more}
    return "out", json.dumps(told, separators=(",", ":")).encode() + b"\n"
