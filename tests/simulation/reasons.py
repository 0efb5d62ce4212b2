"""Which reasons of docs/outcomes.md a run has reached: in a long one each, or it says why."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["ENOUGH", "documented", "explained", "reached_by", "unexplained"]

ENOUGH = 100_000
"""Histories of all profiles in which each reason is reached: the rarest is told in one of 7,500."""

_PAGE = Path(__file__).parents[2] / "docs" / "outcomes.md"
_ROW = re.compile(r"^\|.*\| ([A-Z_]+) \| ((?:`\w+`(?:, )?)+) \|$", re.MULTILINE)
_TOLD = re.compile(r"([A-Z_]+)/(\w+)")
_AGENT = "a turn of an agent"
_MACHINE = "a check of the client's own machine: the model has no keys and no Tailscale"
_PULL_REQUEST = "a pull request: the model has no GitHub"
_JULES = "a service that no VM takes part in"
_UNREACHED: Mapping[str, str] = {
    "AUTH_MODE_INVALID": _MACHINE,
    "USER_MAPPING_MISSING": _MACHINE,
    "agent_error": _AGENT,
    "agent_invalid": _AGENT,
    "agent_missing": _AGENT,
    "claim_failed": _AGENT,
    "claim_lost": _AGENT,
    "directory_unusable": _AGENT,
    "idle": _AGENT,
    "issue_claimed": _AGENT,
    "needs_input": _AGENT,
    "no_conversation": _AGENT,
    "no_end_of_turn": _AGENT,
    "repo_unusable": _AGENT,
    "session_busy": _AGENT,
    "usage_limit": _AGENT,
    "verify_failed": _AGENT,
    "commit_failed": _PULL_REQUEST,
    "create_unclear": _PULL_REQUEST,
    "github_auth": _PULL_REQUEST,
    "github_error": _PULL_REQUEST,
    "github_limit": _PULL_REQUEST,
    "issue_not_closed": _PULL_REQUEST,
    "labels_refused": _PULL_REQUEST,
    "no_changes": _PULL_REQUEST,
    "no_pull_request": _PULL_REQUEST,
    "push_failed": _PULL_REQUEST,
    "reviewers_refused": _PULL_REQUEST,
    "work_left_out": _PULL_REQUEST,
    "jules_auth": _JULES,
    "jules_error": _JULES,
    "jules_failed": _JULES,
    "jules_quota": _JULES,
    "no_source": _JULES,
}
"""By reason: why no history reaches it. One that is reached has to leave this list."""
_GOES_ON = ("RUNNING", "running")

Pair = tuple[str, str]


def documented() -> dict[str, set[str]]:
    """Return the outcomes of each reason in the tables of docs/outcomes.md."""
    found = defaultdict[str, set[str]](set)
    for row in _ROW.finditer(_PAGE.read_text(encoding="utf-8")):
        for reason in re.findall(r"\w+", row[2]):
            found[reason].add(row[1])
    return found


def reached_by(verdicts: Iterable[str]) -> set[Pair]:
    """Return the pairs of outcome and reason that verdicts in words have."""
    told = (_TOLD.search(each) for each in verdicts)
    return {(each[1], each[2]) for each in told if each}


def unexplained(reached: set[Pair]) -> Iterator[str]:
    """Yield what is wrong with a long run that has reached these pairs, in words."""
    known = documented()
    for reason, outcomes in sorted(known.items()):
        if reason in _UNREACHED:
            continue
        for outcome in sorted(outcomes):
            if (outcome, reason) not in reached:
                yield f"{outcome}/{reason} was not reached"
    for outcome, reason in sorted(reached - {_GOES_ON}):
        if reason in _UNREACHED:
            yield f"{reason} was reached, so it has to leave the list of those that can't be"
        elif reason not in known:
            yield f"{outcome}/{reason} is in no table of docs/outcomes.md"
    for reason in sorted(_UNREACHED.keys() - known.keys()):
        yield f"{reason} is in no table of docs/outcomes.md"


def explained() -> Iterator[str]:
    """Yield which reasons no history reaches, and why, in words."""
    for why in dict.fromkeys(_UNREACHED.values()):
        yield f"{', '.join(name for name, each in _UNREACHED.items() if each == why)}: {why}"
