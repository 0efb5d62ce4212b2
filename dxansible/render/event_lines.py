"""Tells the events of a run as lines of JSON, for ``--jsonl`` and DX_EVENTS."""

from __future__ import annotations

import time
from base64 import b64encode
from codecs import utf_8_decode
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, get_args

from dxansible.record import FanoutOutcome
from dxansible.redact import redact
from dxansible.render import event_kinds as kinds
from dxansible.render.documents import event_line, problem_of
from dxansible.results import FanoutResult, TurnResult, worst
from dxansible.run.events import (
    CommandRuns,
    HostEnded,
    HostFound,
    HostsKnown,
    HostWaits,
    OutputReceived,
    PreflightDone,
    RetryPlanned,
)
from dxansible.run.turn_events import TurnUpdate
from dxansible.states import HostState
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dxansible.errors import DxError
    from dxansible.record import HostRecord
    from dxansible.run.events import Event

__all__ = ["EventLines"]

_LONGEST_TEXT = 16 * 1024
"""Bytes of output in one event; collectors refuse lines that are much longer."""


class EventLines:
    """Observer that writes each event as one line."""

    def __init__(self, write: Callable[[bytes], None], call_id: str) -> None:
        """``write`` gets one whole line at a time; ``call_id`` is the id for ``--logs``."""
        self._write, self._call_id = write, call_id
        self._hosts: dict[str, None] = {}
        self._sessions: dict[str, str | None] = {}
        self._turns: dict[str, int] = {}
        """The turn of each host that has begun; 0 for a command."""
        self._plans: dict[str, str] = {}
        """The hosts that are waited for, or have the command for later."""
        self._ended: set[str] = set()
        self._streams: defaultdict[tuple[str, str], _Characters] = defaultdict(_Characters)

    def handle(self, news: Event) -> None:
        """Write the event, unless it says nothing to the caller."""
        match news:
            case HostsKnown():
                self._hosts |= dict.fromkeys(news.hosts)
                self._tell(kinds.HostsEvent(hosts=news.hosts))
            case HostFound():
                self._sessions[news.host] = news.session_id or None
                self._state(news.host, HostState.FOUND)
            case PreflightDone():
                self._preflight(news)
            case OutputReceived():
                self._begun(news.host, attached=news.attached)
                self._output(news.host, "stdout", news.out, news.out_skipped)
                self._output(news.host, "stderr", news.err, news.err_skipped)
            case CommandRuns():
                self._runs(news)
            case TurnUpdate():
                self._turn(news)
            case RetryPlanned():
                self._tell(
                    kinds.RetryEvent(
                        host=news.host,
                        session_id=news.session_id,
                        attempt=news.attempt,
                        error=redact(news.error),
                    )
                )
            case HostWaits() if news.until is not None:
                self._sessions[news.host] = news.session_id
                self._planned(news.host, HostState.WAITING, news.until)
            case HostEnded():
                self._host_ended(news.result)
            case _:
                pass

    def finish(self, results: Sequence[FanoutResult] | Sequence[TurnResult], code: int) -> None:
        """Write the ends that no event has told, and the summary."""
        for result in results:
            if result.host not in self._ended:
                self._host_ended(result)
        outcomes = [each.outcome for each in results if each.outcome is not None]
        running = len(self._hosts) - len(outcomes)
        counts = Counter(outcomes)
        self._tell(
            kinds.SummaryEvent(
                outcome=worst(outcomes) if outcomes and not running else None,
                exit_code=code,
                outcomes={str(each): counts[each] for each in [*FanoutOutcome, *counts]},
                running=running,
            )
        )

    def fail(self, error: DxError) -> None:
        """Write that the call has no result."""
        problem = kinds.Problem(**problem_of(error))
        self._tell(kinds.ErrorEvent(exit_code=error.exit_code, error=problem))

    def _preflight(self, news: PreflightDone) -> None:
        result = news.result
        self._sessions[result.host] = news.session_id or None
        self._tell(
            kinds.PreflightEvent(
                host=result.host,
                session_id=news.session_id or None,
                status=result.status,
                user=result.user,
                auth_mode=result.auth_mode,
                attempts=result.attempts,
                duration_ms=result.duration_ms,
                error=redact(result.error) if result.error else None,
                warning=redact(news.warning) if news.warning else None,
            )
        )

    def _begun(self, host: str, *, attached: bool = False) -> None:
        if host not in self._turns:
            self._turns[host] = 0
            self._state(host, HostState.STARTED, attached=attached)

    def _turn(self, news: TurnUpdate) -> None:
        host, known = news.host, self._turns.get(news.host)
        self._sessions[host] = news.session_id or self._sessions.get(host)
        if news.queued:
            self._state(host, HostState.QUEUED)
        if news.starts_s is not None:
            self._planned(host, HostState.SCHEDULED, time.time() + news.starts_s)
        elif news.started or (news.turn and known not in {None, news.turn}):
            self._turns[host] = news.turn
            self._state(host, HostState.STARTED, turn=news.turn or None, agent=news.agent)
        out, err = (text.encode(errors="replace") for text in (news.out, news.err))
        self._output(host, "stdout", out, news.cut[0])
        self._output(host, "stderr", err, news.cut[1])

    def _state(
        self,
        host: str,
        state: kinds.State,
        *,
        turn: int | None = None,
        agent: str | None = None,
        attached: bool = False,
    ) -> None:
        self._tell(
            kinds.StateEvent(
                host=host,
                session_id=self._sessions.get(host),
                state=state,
                turn=turn,
                agent=agent,
                attached=attached,
            )
        )

    def _runs(self, news: CommandRuns) -> None:
        if news.starts_s is None:
            self._begun(news.host)
        else:
            self._planned(news.host, HostState.SCHEDULED, time.time() + news.starts_s)

    def _planned(self, host: str, state: kinds.State, until: float) -> None:
        """Tell when a wait ends or a command starts; once for each state."""
        if self._plans.get(host) != state:
            self._plans[host] = state
            session = self._sessions.get(host)
            self._tell(kinds.StateEvent(host=host, session_id=session, state=state, until=until))

    def _output(self, host: str, stream: kinds.Stream, data: bytes, skipped: int) -> None:
        characters = self._streams[host, stream]
        if skipped:  # the rest of a character before the gap is missing
            self._texts(host, stream, characters.close(), 0)
        pieces = [data[at : at + _LONGEST_TEXT] for at in range(0, len(data), _LONGEST_TEXT)]
        for piece in pieces or [b""]:
            self._texts(host, stream, characters.take(piece), skipped)
            skipped = 0

    def _texts(
        self, host: str, stream: kinds.Stream, found: tuple[str, bytes | None], skipped: int
    ) -> None:
        text, exact = found
        if text or skipped:
            base64 = None if exact is None else b64encode(exact).decode("ascii")
            self._tell(
                kinds.OutputEvent(
                    host=host, stream=stream, text=text, skipped=skipped, base64=base64
                )
            )

    def _host_ended(self, result: HostRecord) -> None:
        host = result.host
        self._hosts[host] = None
        self._ended.add(host)
        for stream in get_args(kinds.Stream):
            if (host, stream) in self._streams:
                self._texts(host, stream, self._streams.pop((host, stream)).close(), 0)
        if isinstance(result, FanoutResult | TurnResult) and result.starts_s is not None:
            self._sessions[host] = result.session_id
            self._planned(host, HostState.SCHEDULED, time.time() + result.starts_s)
        elif result.outcome is None and isinstance(result, TurnResult):
            self._sessions[host] = result.session_id
            self._state(host, HostState.RUNNING, turn=result.turn, agent=result.agent)
        else:
            self._tell(kinds.EndedEvent(host=host, result=dict(_without_output(result))))

    def _tell(self, news: kinds.EventKind) -> None:
        self._write(event_line(news.name, self._call_id, **news.to_dict()).encode())


class _Characters:
    """Makes text of the bytes of one stream, without splitting a character."""

    def __init__(self) -> None:
        """Begin with nothing held back."""
        self._held = b""

    def take(self, data: bytes, *, final: bool = False) -> tuple[str, bytes | None]:
        """Return the text, and its bytes if the text loses some; hold back half a character."""
        data = self._held + data
        try:
            text, used = utf_8_decode(data, "strict", final)
            exact = None
        except UnicodeDecodeError:
            text, used = utf_8_decode(data, "replace", final)
            exact = data[:used]
        self._held = data[used:]
        return text, exact

    def close(self) -> tuple[str, bytes | None]:
        """Return what was held back, as `take` does."""
        return self.take(b"", final=True)


def _without_output(result: HostRecord) -> Iterator[tuple[str, object]]:
    """Yield the fields of a result in documents, without the output."""
    if isinstance(result, FanoutResult):
        result = replace(result, stdout_bytes=b"", stderr_bytes=b"")
    for name, value in result.to_dict().items():
        if name not in {"stdout", "stderr"}:
            yield name, value
