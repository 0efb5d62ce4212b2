# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The turn that makes a pull request from a session's work: its script and its results.

The keeper treats it like any other turn, so it never runs beside another turn of the session.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from . import agents
from .claim import Claim, values_of
from .keeper_listing import FINALIZE
from .record import Push
from .states import SessionState
from .turn import Trailer, body_of, compose
from .value import Value, field, fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .keeper_listing import Entry

_TITLE = 250
"""Characters; GitHub's limit is 256."""
_GIT = agents.Agent(name="git", start=("sh",))


class Finalize(Value):
    """Parameters of the script."""

    session: str
    message: bytes = field(repr=False)
    """Commit message. Its first line is the pull request's title."""
    body: bytes = field(default=b"", repr=False)
    """Body of the pull request; empty for the rest of the message."""
    repo: str | None
    base: str = ""
    """Target branch of the pull request; empty for the remote's default branch."""
    fork: str = ""
    """Remote of the fork to push to; empty for ``origin``."""
    draft: bool = False
    labels: Sequence[str] = ()
    claim: Claim | None = None
    """The claim that has to be the session's own for the push."""
    reviewers: Sequence[str] = ()
    """Users, and teams as ``organization/team``."""
    meta: Mapping[str, object] = field(default_factory=dict)


def script(finalize: Finalize) -> bytes:
    """Build the script for the keeper."""
    title, _sep, body = finalize.message.decode("utf-8", "replace").strip().partition("\n")
    request = {
        "title": title[:_TITLE],
        "body": (finalize.body.decode("utf-8", "replace") or body).strip(),
        "draft": finalize.draft,
        "maintainer_can_modify": True,
    }
    teams = [name.partition("/")[2] for name in finalize.reviewers if "/" in name]
    people = [name for name in finalize.reviewers if "/" not in name]
    reviewers = (
        json.dumps({"reviewers": people, "team_reviewers": teams}) if teams or people else ""
    )
    labels = json.dumps({"labels": list(finalize.labels)}) if finalize.labels else ""
    values = {
        "session": finalize.session,
        "repo": finalize.repo or "",
        "base": finalize.base,
        "fork": finalize.fork,
        **values_of(finalize.claim),
    }
    texts = {
        "message": finalize.message,
        "request": json.dumps(request).removeprefix("{").encode(),  # the VM adds head and base
        "labels": labels.encode(),
        "reviewers": reviewers.encode(),
    }
    return compose(finalize.meta, values, body_of("git.sh", "claim.sh", "finalize.sh"), texts)


def output_author(meta: Mapping[str, Any], agent: agents.Agent) -> agents.Agent:
    """The author of a turn's output: git for a finalize, else the agent."""
    return _GIT if meta.get(FINALIZE) else agent


def author_of(entry: Entry, known: Mapping[str, agents.Agent]) -> agents.Agent:
    """The author of a turn's output, as far as it is ``known``."""
    meta = entry.facts
    return output_author(meta, agents.author(known, meta.get("agent")))


def without_refused(turns: list[Entry]) -> list[Entry]:
    """Leave out what does not change a session's state.

    These are finalizes that made no pull request, and turns that never arrived.
    """
    return [entry for entry in turns if not (entry.tombstone or _refused(entry))]


def _refused(entry: Entry) -> bool:
    return entry.state == SessionState.EXITED and entry.code != 0 and FINALIZE in entry.facts


def push_of(trailer: Trailer) -> dict[str, str | None] | None:
    """The push that the script reports; None if it did not get that far."""
    if trailer.code is None or trailer.base is None:
        return None
    told = {each.name: getattr(trailer, each.name, None) for each in fields(Push)}
    return told | {"note": trailer.message}
