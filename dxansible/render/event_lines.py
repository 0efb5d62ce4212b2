"""Tells the events of a run as lines of JSON, for ``--jsonl`` and DX_EVENTS."""

from __future__ import annotations

from base64 import b64encode
from codecs import utf_8_decode
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, get_args

from dxansible.record import FanoutOutcome
from dxansible.redact import redact
from dxansible.render import event_kinds as kinds
from dxansible.render.documents import event_line, problem_of
from dxansible.results import FanoutResult, TurnResult, counted, worst
from dxansible.run.events import (
    HostEnded,
    HostMoved,
    HostsKnown,
    OutputReceived,
    PreflightDone,
    RetryPlanned,
)
from dxansible.run.host_moves import HostMoves
from dxansible.run.turn_events import TurnUpdate
from dxansible.states import HostState
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dxansible.errors import DxError
    from dxansible.record import HostRecord
    from dxansible.run.events import Event

__all__ = ["EventLines"]

_LONGEST_TEXT = 16 * 1024
"""Bytes of output in one event; collectors refuse lines that are much longer."""
_FURTHER = (HostState.STARTED, HostState.SCHEDULED)
"""The states before that of a further turn."""
_TOLD: Mapping[HostState, kinds.State] = {state: state for state in get_args(kinds.State)}


class EventLines:
    """Observer that writes each event as one line."""

    def __init__(self, write: Callable[[bytes], None], call_id: str) -> None:
        """``write`` gets one whole line at a time; ``call_id`` is the id for ``--logs``."""
        self._write, self._call_id = write, call_id
        self._hosts: dict[str, None] = {}
        self._run = HostMoves()
        self._streams: defaultdict[tuple[str, str], _Characters] = defaultdict(_Characters)

    def handle(self, news: Event) -> None:
        """Write the event, unless it says nothing to the caller."""
        match news:
            case HostsKnown():
                self._hosts |= dict.fromkeys(news.hosts)
                self._tell(kinds.HostsEvent(hosts=news.hosts))
            case HostMoved():
                self._move(news)
            case PreflightDone():
                self._preflight(news)
            case OutputReceived():
                self._output(news.host, "stdout", news.out, news.out_skipped)
                self._output(news.host, "stderr", news.err, news.err_skipped)
            case TurnUpdate():
                out, err = (text.encode(errors="replace") for text in (news.out, news.err))
                self._output(news.host, "stdout", out, news.cut[0])
                self._output(news.host, "stderr", err, news.cut[1])
            case RetryPlanned():
                self._tell(
                    kinds.RetryEvent(
                        host=news.host,
                        session_id=news.session_id,
                        attempt=news.attempt,
                        error=redact(news.error),
                    )
                )
            case HostEnded():
                self._host_ended(news.result)
            case _:
                pass

    def finish(self, results: Sequence[FanoutResult] | Sequence[TurnResult], code: int) -> None:
        """Write the ends that no event has told, and the summary."""
        for result in results:
            if not self._run.is_over(result.host):
                for told in self._run.tell(HostEnded(result=result)):
                    self.handle(told)
        outcomes = [each.outcome for each in results if each.outcome is not None]
        deciding = counted((each.outcome, each.reason) for each in results)
        running = len(self._hosts) - len(outcomes)
        counts = Counter(outcomes)
        self._tell(
            kinds.SummaryEvent(
                outcome=worst(deciding) if deciding and not running else None,
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

    def _move(self, news: HostMoved) -> None:
        """Tell the state, once; but the start of each turn."""
        self._run = news.hosts or self._run
        further = news.state is HostState.STARTED and news.before in _FURTHER
        if news.state in _TOLD and (news.is_first or further):
            self._tell(
                kinds.StateEvent(
                    host=news.host,
                    session_id=news.session_id,
                    state=_TOLD[news.state],
                    turn=news.turn,
                    agent=news.agent,
                    attached=news.attached,
                    until=news.until,
                )
            )

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
        for stream in get_args(kinds.Stream):
            if (host, stream) in self._streams:
                self._texts(host, stream, self._streams.pop((host, stream)).close(), 0)
        if self._run.state(host) is HostState.ENDED:
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
