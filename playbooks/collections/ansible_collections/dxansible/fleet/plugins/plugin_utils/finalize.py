# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The turn that makes a pull request of what a session has done: its script, and what it said.

It is a turn like any other to the keeper, so that it never runs beside another one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import agents
from .turn import Trailer, body_of, compose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .fleet_view import Entry

__all__ = [
    "MARK",
    "Finalize",
    "author_of",
    "output_author",
    "push_of",
    "script",
    "without_refused",
]

MARK = "finalize"
"""The key of a turn's meta that tells it from an agent's."""
_TITLE = 250
"""GitHub takes 256 characters."""
_PUSHED = ("host", "repository", "base", "branch", "head", "gh", "came", "url")
_GIT = agents.Agent(name="git", start=("sh",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalize:
    """All that the script needs to know."""

    session: str
    message: bytes = field(repr=False)
    """Of the commit; the pull request has its first line for a title, and the rest for a body."""
    repo: str | None
    base: str = ""
    """The branch that the pull request goes to; empty is the remote's default branch."""
    draft: bool = False
    reviewers: Sequence[str] = ()
    """Users, and teams as ``organization/team``."""
    meta: Mapping[str, object] = field(default_factory=dict)


def script(finalize: Finalize) -> bytes:
    """The text for the keeper."""
    title, _, body = finalize.message.decode("utf-8", "replace").strip().partition("\n")
    request = {
        "title": title[:_TITLE],
        "body": body.strip(),
        "draft": finalize.draft,
        "maintainer_can_modify": True,
    }
    teams = [name.partition("/")[2] for name in finalize.reviewers if "/" in name]
    people = [name for name in finalize.reviewers if "/" not in name]
    reviewers = (
        json.dumps({"reviewers": people, "team_reviewers": teams}) if teams or people else ""
    )
    values = {"session": finalize.session, "repo": finalize.repo or "", "base": finalize.base}
    texts = {
        "message": finalize.message,
        "request": json.dumps(request).removeprefix("{").encode(),  # after its head and base
        "reviewers": reviewers.encode(),
    }
    return compose(finalize.meta, values, body_of("finalize.sh"), texts)


def output_author(meta: Mapping[str, Any], agent: agents.Agent) -> agents.Agent:
    """Whose output a turn has: its agent's, or git's."""
    return _GIT if meta.get(MARK) else agent


def author_of(entry: Entry, known: Mapping[str, agents.Agent]) -> agents.Agent:
    """The author of a turn's output; an agent that is not ``known`` here counts as a shell."""
    meta = entry.facts
    return output_author(meta, known.get(str(meta.get("agent"))) or known["shell"])


def without_refused(turns: list[Entry]) -> list[Entry]:
    """The turns that say how a session stands: one that could make no pull request is none."""
    return [entry for entry in turns if not _refused(entry)]


def _refused(entry: Entry) -> bool:
    return entry.state == "exited" and entry.code != 0 and MARK in entry.facts


def push_of(trailer: Trailer) -> dict[str, str | None] | None:
    """What the script said of its push; None where it had not come to one."""
    if trailer.code is None or trailer.base is None:
        return None
    return {name: getattr(trailer, name) for name in _PUSHED} | {"note": trailer.message}
