"""Stops of work. Silence ends nothing: without an answer, the work may be running."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from dxansible import verdict
from dxansible.errors import DxError
from dxansible.evidence import never_sent_before
from dxansible.ids import session_on
from dxansible.record import HostRecord
from dxansible.run.awaiting import end_unsent
from dxansible.run.events import HostBroken, PreflightDone, StopAnswered
from dxansible.run.request import KILLED, Again

if TYPE_CHECKING:
    from collections.abc import Callable

    from dxansible.results import FanoutResult
    from dxansible.run.calls import CommandCall
    from dxansible.run.events import Event
    from dxansible.run.gather import ResultCollector
    from dxansible.run.request import PlayEnd

R = TypeVar("R", bound=HostRecord)

__all__ = ["answer_of", "end_stop", "stop_unfinished", "unanswered"]


def unanswered(host: str, why: str, session_id: str) -> StopAnswered:
    """Return what is known of a host that has not answered a stop."""
    decided = verdict.not_answered(host, why, session_id)
    return verdict.as_end(StopAnswered, decided, host=host, session_id=session_id)


def answer_of(news: Event, session_of: Callable[[str], str]) -> Event:
    """Return the event of a stop; a host that broke, or failed a check, has not answered it.

    ``session_of`` returns the session that is stopped on a host.
    """
    match news:
        case HostBroken():
            return unanswered(news.host, f"Ansible failed: {news.text}", session_of(news.host))
        case PreflightDone() if news.decides and not news.result.ok:
            host, why = news.result.host, news.result.error or str(news.result.status)
            return unanswered(host, why, session_of(host))
        case _:
            return news


def end_stop(
    collector: ResultCollector[R], end: PlayEnd | str, session_of: Callable[[str], str]
) -> None:
    """Give each host of a stop its result, also where the run had none.

    ``end`` is that of the stop's run, or why there was none.
    """
    why = end if isinstance(end, str) else f"Ansible ended ({end.status}) without a result"
    if not isinstance(end, str) and end.killed:
        why = KILLED
    for host in collector.unfinished():
        collector.handle(unanswered(host, why, session_of(host)))


def _of_new_id(answer: StopAnswered) -> StopAnswered:
    """Return the answer about an id that only this call has used."""
    proof = never_sent_before(answer.reason, answer.evidence)
    if proof is None:
        return answer
    decided = verdict.never_begun(answer.host, proof)
    return verdict.as_end(
        StopAnswered, decided, host=answer.host, user=answer.user, session_id=answer.session_id
    )


def stop_unfinished(call: CommandCall, collector: ResultCollector[FanoutResult]) -> PlayEnd | None:
    """Stop the command on every host that has no result.

    While the hosts are unknown, it is stopped on the whole pattern, since Ansible may have started
    it already.
    """
    end_unsent(call, collector)
    limit = collector.rest(call.pattern)
    if not limit:
        return None
    session_of = partial(session_on, call.run_id)

    def handle(news: Event) -> None:
        answer = answer_of(news, session_of)
        if isinstance(answer, StopAnswered) and not (
            call.options.run_id or collector.moves.has_work(answer.host)
        ):
            answer = _of_new_id(answer)
        collector.handle_stop(answer)

    try:
        again = Again(rest=lambda: collector.rest(limit), prepare=lambda *_: call.sent())
        return call.stop(limit).follow(handle, again)
    except DxError as error:
        if not collector.hosts:
            raise
        end_stop(collector, str(error), session_of)
        return None
