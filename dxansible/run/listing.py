"""Lists and cleans the sessions of a fleet, and finds a free VM."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from dxansible.errors import UsageError
from dxansible.ids import is_on
from dxansible.parameters import CLEAN_AGE, DRY_RUN, ONLY, PREFLIGHT_TIMEOUT, SESSION, TRAIL
from dxansible.record import HostRecord
from dxansible.results import CleanResult, SessionInfo
from dxansible.run.awaiting import waiting_sessions
from dxansible.run.gather import ResultCollector
from dxansible.run.hosts import explain_no_match
from dxansible.run.plays import Play
from dxansible.settings import Settings

if TYPE_CHECKING:
    import threading
    from collections.abc import Collection, Iterable, Sequence

    from dxansible.run.events import Observer
    from dxansible.run.request import PlayEnd

__all__ = ["SessionList", "clean_sessions", "each_once", "list_sessions"]


@dataclass(slots=True)
class SessionList:
    """The sessions of all hosts that answered; for each other host, why it didn't."""

    sessions: list[SessionInfo] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    hosts: list[str] = field(default_factory=list)
    answered: set[str] = field(default_factory=set)


def list_sessions(  # noqa: PLR0913 - all but the first two are options by name
    pattern: str = "all",
    settings: Settings | None = None,
    *,
    session: str | None = None,
    prefix: str = "",
    only: Literal["agents", "commands"] | None = None,
    timeout_sec: float = PREFLIGHT_TIMEOUT.default,
    trail: str | None = None,
    thread: str | None = None,
    cancelled: threading.Event | None = None,
    observers: Sequence[Observer] = (),
    claim_ends: bool = False,
    words: bool = False,
    opens: bool = False,
    watch: tuple[float, int] = (0, 0),
) -> SessionList:
    """Ask every host of an Ansible pattern for its sessions, or for the one named.

    What calls of this machine wait to start there is listed too. ``prefix`` is the beginning of all
    ids to list. A session appears once: if several names of the
    inventory lead to one account, under the name that it was started for. Running sessions come
    first, then the newest. ``words``: the message of a running one is what it said last. ``opens``:
    observers also hear how to open the agent's own screen on ``session``. ``watch``: go on for so
    many seconds, in which a host is heard when something has changed, at the latest after the
    second number of seconds.
    ``timeout_sec`` limits the connection. Each of ``observers`` gets every
    event. With ``claim_ends`` this call claims the ends of turns that nobody has posted yet, for
    all audit trails or only for the one with the id ``trail``, and the observers have to post them.
    ``thread`` is that trail's thread in Slack: the VMs note it on its turns, for other machines. If
    ``cancelled`` is set, it returns what it has. Raises NoMatchError if there is no such host.
    """
    chosen = settings or Settings.load()
    collector = ResultCollector(HostRecord, observers)
    variables: dict[str, object] = {
        PREFLIGHT_TIMEOUT.variable: timeout_sec,
        "dx_claim_ends": claim_ends,
        "dx_words": words,
        "dx_opens": opens,
        "dx_watch": watch[0],
        "dx_longest_wait": watch[1],
    }
    given = {
        "dx_prefix": prefix or None,
        ONLY.variable: only,
        SESSION.variable: session,
        TRAIL.variable: trail,
        "dx_trail_thread": thread,
    }
    variables |= {name: value for name, value in given.items() if value is not None}
    end = Play(
        chosen, "list-sessions.yml", limit=pattern, variables=variables, cancelled=cancelled
    ).follow(collector.handle, collector.ask_again(pattern, collector.listings))
    if not collector.known:
        if cancelled is not None and cancelled.is_set():
            return SessionList()
        raise explain_no_match(pattern, chosen, end)
    sessions = each_once([each for seen in collector.listings.values() for each in seen.sessions])
    known = {each.session_id for each in sessions}
    awaited = waiting_sessions(chosen, collector.hosts, prefix=session or prefix, only=only)
    sessions += [each for each in awaited if each.session_id not in known]
    sessions.sort(key=lambda each: (each.ended, each.age_s if each.age_s is not None else 0))
    return SessionList(
        sessions=sessions,
        errors=_errors(collector, end, collector.listings),
        hosts=list(collector.hosts),
        answered={host for host, seen in collector.listings.items() if seen.error is None},
    )


def _errors(
    collector: ResultCollector[HostRecord], end: PlayEnd, answered: Collection[str]
) -> dict[str, str]:
    """Return the error of each host with no answer or an incomplete one."""
    collector.end_silent(end, answered=answered)
    failed = {host: each.error or str(each.reason) for host, each in collector.results.items()}
    listed = {host: each.error for host, each in collector.listings.items() if each.error}
    return failed | listed


def each_once(sessions: Iterable[SessionInfo]) -> list[SessionInfo]:
    """Return each session once: under the name that it was started for, if that is among them."""
    chosen: dict[str, SessionInfo] = {}
    for each in sessions:
        if each.session_id not in chosen or is_on(each.session_id, each.host):
            chosen[each.session_id] = each
    return list(chosen.values())


def clean_sessions(
    pattern: str = "all",
    settings: Settings | None = None,
    *,
    age_days: int = CLEAN_AGE.default,
    dry_run: bool = DRY_RUN.default,
) -> list[CleanResult]:
    """Remove sessions that ended ``age_days`` ago or earlier, on every host of a pattern.

    A session stays if its worktree has work that is nowhere else. ``dry_run`` makes the same
    decisions, and removes nothing. Raises UsageError for a negative age.
    """
    if age_days < 0:
        raise UsageError(f"the age is {age_days}", "give a number of days, 0 or more")
    chosen = settings or Settings.load()
    collector = ResultCollector(HostRecord)
    end = Play(
        chosen,
        "clean-sessions.yml",
        limit=pattern,
        variables={CLEAN_AGE.variable: age_days, DRY_RUN.variable: dry_run},
    ).follow(collector.handle, collector.ask_again(pattern, collector.cleaned))
    if not collector.known:
        raise explain_no_match(pattern, chosen, end)
    results = collector.cleaned | {
        host: CleanResult(host=host, removed=(), kept={}, error=error)
        for host, error in _errors(collector, end, collector.cleaned).items()
    }
    return [results[host] for host in collector.hosts or results]
