"""Comes back to an agent's session by its id alone, wherever it was started from."""

from __future__ import annotations

import difflib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dxansible.errors import SilentHostError, UnknownSessionError
from dxansible.fleet.by_id import hosts_of
from dxansible.fleet.hosts import list_hosts
from dxansible.fleet.plays import run_play
from dxansible.ids import is_on, run_of
from dxansible.outcome import FanoutOutcome, PreflightStatus, Reason
from dxansible.redact import redact
from dxansible.runner.events import Event, HostBroken, PreflightDone, Verdict
from dxansible.sessions.state import SessionListener, SilentListener, TurnState
from dxansible.sessions.view import list_sessions
from dxansible.settings import Settings
from dxansible.turn import SessionInfo, TurnResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.fleet.plays import Observer
    from dxansible.sessions.view import SessionList

__all__ = [
    "abort_session",
    "find_commands",
    "find_session",
    "follow_session",
    "locate",
    "nearest",
    "unknown_session",
]


def locate(session_id: str, settings: Settings) -> str:
    """The host that a session is on, by its id if that says so, else by asking all of them.

    Raises UnknownSessionError.
    """
    for mapping in list_hosts(settings):
        if is_on(session_id, mapping.host):
            return mapping.host
    return _ask_all(session_id, settings).host


def find_session(
    session_id: str, settings: Settings | None = None, *, observer: Observer | None = None
) -> SessionInfo:
    """What its VM says of a session; ``observer`` as for `list_sessions`.

    Raises UnknownSessionError and SilentHostError.
    """
    chosen = settings or Settings.load()
    host = locate(session_id, chosen)
    found = list_sessions(host, chosen, session=session_id, only="agents", observer=observer)
    if found.errors:
        raise SilentHostError(found.errors[host], "try again when the VM answers")
    if not found.sessions:
        raise unknown_session(session_id, host, chosen)
    return found.sessions[0]


def find_commands(session_ids: Sequence[str], settings: Settings | None = None) -> SessionList:
    """What their VMs say of the commands of one run.

    Raises UnknownSessionError and SilentHostError.
    """
    chosen = settings or Settings.load()
    hosts = hosts_of(session_ids, chosen)
    run = f"{run_of(session_ids[0])}-"
    found = list_sessions(",".join(hosts), chosen, prefix=run, only="commands")
    found.sessions = [each for each in found.sessions if each.session_id in session_ids]
    if not found.sessions and found.errors:
        raise SilentHostError("; ".join(found.errors.values()), "try again when the VM answers")
    if not found.sessions:
        raise UnknownSessionError(session_ids[0], ())
    return found


def follow_session(  # noqa: PLR0913 - all but the first two are options by name
    session_id: str,
    settings: Settings | None = None,
    *,
    turn: int | None = None,
    tail: bool = False,
    wait: bool = True,
    listener: SessionListener | None = None,
    cancelled: threading.Event | None = None,
    observer: Observer | None = None,
) -> TurnResult:
    """Follow a session from its first byte, or from the first of one turn.

    With ``tail``, from somewhere near its end. With ``wait``, to its end; else to what it has said
    so far. ``observer`` as for `list_sessions`. Raises UnknownSessionError.
    """
    chosen, gone = settings or Settings.load(), cancelled or threading.Event()
    host = locate(session_id, chosen)
    state = TurnState(listener or SilentListener(), session_id, watching=True)
    variables: dict[str, object] = {
        "dx_session": session_id,
        "dx_wait": wait,
        "dx_tail": tail,
        "dx_claim_ends": observer is not None,
    }
    if turn is not None:
        variables["dx_turn"] = turn
    end = run_play(
        chosen,
        "follow-session.yml",
        limit=host,
        variables=variables,
        take=state.take,
        cancelled=gone,
        observer=observer,
    )
    if gone.is_set():
        state.detach()
    state.close_silent(end)
    if state.results:
        result = state.ordered()[0]
    else:
        result = _silent(host, session_id, end.status, watching=not gone.is_set())
    if result.reason is Reason.UNKNOWN_SESSION:
        raise unknown_session(session_id, host, chosen)
    return result


def abort_session(
    session_id: str, settings: Settings | None = None, *, observer: Observer | None = None
) -> TurnResult:
    """Stop the running turn of a session, and see that its processes are gone.

    One that had ended by itself keeps its outcome, and ``error`` says so. ``observer`` as for
    `list_sessions`. Raises UnknownSessionError.
    """
    chosen = settings or Settings.load()
    host = locate(session_id, chosen)
    answer = _Answer(host, session_id)
    end = run_play(
        chosen,
        "stop-session.yml",
        limit=host,
        variables={"dx_session": session_id, "dx_claim_ends": observer is not None},
        take=answer.take,
        observer=observer,
    )
    result = answer.result or _silent(host, session_id, end.status)
    if result.reason is Reason.UNKNOWN_SESSION:
        raise unknown_session(session_id, host, chosen)
    return result


@dataclass(slots=True)
class _Answer:
    """Takes a VM's answer to a request to stop."""

    host: str
    session_id: str
    user: str | None = None
    exit_code: int | None = None
    left_running: int = 0
    result: TurnResult | None = None

    def take(self, news: Event) -> None:
        match news:
            case PreflightDone():
                self.user = news.result.user
                if not news.result.ok:
                    self._set(
                        FanoutOutcome.ABORTED, Reason.ABORTED, news.result.error, verified=None
                    )
            case HostBroken():
                text = f"{self.host}: Ansible failed: {news.text}"
                self._set(FanoutOutcome.ABORTED, Reason.ABORTED, text, verified=False)
            case Verdict():
                self.exit_code, self.left_running = news.exit_code, news.left_running
                self._set(news.outcome, news.reason, news.error, verified=news.stop_verified)
            case _:
                pass

    def _set(
        self,
        outcome: FanoutOutcome,
        reason: Reason | PreflightStatus,
        error: str | None,
        *,
        verified: bool | None,
    ) -> None:
        self.result = TurnResult(
            host=self.host,
            session_id=self.session_id,
            user=self.user,
            outcome=outcome,
            reason=reason,
            error=redact(error) if error else None,
            exit_code=self.exit_code,
            stop_verified=verified,
            left_running=self.left_running,
        )


def _ask_all(session_id: str, settings: Settings) -> SessionInfo:
    found = list_sessions("all", settings, only="agents")
    for each in found.sessions:
        if each.session_id == session_id:
            return each
    silent = ", ".join(sorted(found.errors))
    raise UnknownSessionError(
        session_id, nearest(session_id, [each.session_id for each in found.sessions]), silent
    )


def unknown_session(session_id: str, host: str, settings: Settings) -> UnknownSessionError:
    """The error for an id that its VM doesn't know, with the nearest ids that it does know."""
    known = [each.session_id for each in list_sessions(host, settings, only="agents").sessions]
    return UnknownSessionError(session_id, nearest(session_id, known))


def nearest(session_id: str, known: list[str]) -> list[str]:
    """The known ids that are most like one that is not known."""
    begun = [each for each in known if each.startswith(session_id)]
    return (begun or difflib.get_close_matches(session_id, known, n=3, cutoff=0.75))[:3]


def _silent(host: str, session_id: str, status: str, *, watching: bool = True) -> TurnResult:
    error = f"{host}: Ansible ended ({status}) without a word about this host"
    return TurnResult(
        host=host,
        session_id=session_id,
        user=None,
        outcome=FanoutOutcome.FAILURE if watching else FanoutOutcome.ABORTED,
        reason=Reason.LOST_CONTACT if watching else Reason.ABORTED,
        error=error if watching else f"{host}: interrupted before it had said anything",
    )
