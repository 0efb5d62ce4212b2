# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a transcript shows of an agent's events: its words, one line for each tool, and pauses."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from .agent_events import readable
from .record import FanoutOutcome

if TYPE_CHECKING:
    from .agents import Rule
    from .record import Verdict

TRANSCRIPT = "transcript"
VIEWS = ("", TRANSCRIPT, "raw")
"""All text of the agent, a transcript of it, or its output as the VM keeps it."""
_LONGEST = 160
"""Characters of a tool's line."""
_PAUSE = 60.0
"""Seconds between two events; a shorter pause is not shown."""
_TIMES = ("timestamp", "time")
"""Where agents write the time of an event, in milliseconds or as ISO 8601."""


def brief(rule: Rule, text: str) -> str:
    """Return a text as a transcript has it: nothing of what a tool has printed."""
    if rule.message:
        return text
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or not rule.prefix:
        return ""
    line = lines[0].strip()
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"


def ending(verdict: Verdict, view: str) -> str:
    """Return a transcript's line about a turn that has failed; empty without one."""
    if view != TRANSCRIPT or verdict.outcome == FanoutOutcome.SUCCESS:
        return ""
    words = readable(verdict.error or "").partition("\n")[0]
    return f"! {verdict.outcome} {verdict.reason}: {words}\n"


def moment_of(event: dict[str, Any]) -> float | None:
    """Return when an event happened, in seconds since 1970; None if it does not say."""
    return next(filter(None, (_seconds(event.get(name)) for name in _TIMES)), None)


def pause(last: float | None, moment: float | None) -> str:
    """Return a line about the time between two events; empty if it was short, or is unknown."""
    if last is None or moment is None or moment - last < _PAUSE:
        return ""
    minutes, seconds = divmod(round(moment - last), 60)
    return f"(after {minutes}m {seconds}s)\n"


def _seconds(moment: object) -> float | None:
    if isinstance(moment, bool):
        return None
    if isinstance(moment, int | float):
        return moment / 1000
    try:
        return datetime.fromisoformat(str(moment)).timestamp() if moment else None
    except (ValueError, OverflowError):
        return None
