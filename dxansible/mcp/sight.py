"""Keeps what a call has seen of its hosts: their work, their output, and their ends."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from dxansible.ids import session_on
from dxansible.mcp.tools import MOST_BYTES
from dxansible.mcp.window import Window
from dxansible.render.commands import fanout_document
from dxansible.render.documents import SCHEMA
from dxansible.render.sessions import turns_document
from dxansible.results import exit_code
from dxansible.run.events import HostEnded, HostMoved, HostsKnown, OutputReceived, TooManyHosts
from dxansible.run.host_moves import HostMoves
from dxansible.run.turn_events import TurnUpdate
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dxansible.mcp.work import Document
    from dxansible.results import FanoutResult, TurnResult
    from dxansible.run.events import Event

__all__ = ["Sight", "document_of_turns"]

_LEAST_BYTES = 200
"""Of each stream of a host, however many hosts there are."""
_OF_OUTPUT = ("stdout", "stderr", "stdout_base64", "stderr_base64")


class Sight:
    """Observer of one run; another thread may ask at any time what it has seen."""

    def __init__(
        self,
        *,
        run_id: str | None = None,
        offset: int = 0,
        limit: int = MOST_BYTES,
        wait: float = 0.0,
        leave: threading.Event | None = None,
    ) -> None:
        """``leave`` is set so many seconds after the first news from a host.

        Without a wait, it is set once all output that the hosts have so far has arrived.
        """
        self.run_id, self._offset, self._limit = run_id, offset, limit
        self._wait, self._leave = wait, leave
        self._clock: threading.Timer | None = None
        self._lock = threading.Lock()
        self._windows: dict[str, dict[str, Window]] = {}
        self._sessions: dict[str, str] = {}
        self._behind: set[str] = set()
        self._run = HostMoves()
        self._results: dict[str, FanoutResult | TurnResult] = {}
        self.handed_over = threading.Event()
        """Set once every host has the work, or will not get it."""
        self.unconfirmed: tuple[str, ...] = ()
        """What nobody has agreed to yet: the hosts for a command, or the id to stop."""

    def handle(self, news: Event) -> None:
        """Take one event."""
        with self._lock:
            self._take(news)
            if self._sessions and self._run.all_have_work():
                self.handed_over.set()

    def _take(self, news: Event) -> None:
        match news:
            case TooManyHosts():
                self.unconfirmed = news.hosts
            case HostsKnown() if not self._sessions:
                run = self.run_id
                self._sessions = {each: session_on(run, each) if run else "" for each in news.hosts}
                self._behind = set(news.hosts)
            case OutputReceived():
                out, err = self._of(news.host, "stdout", "stderr")
                out.add(news.out, news.out_skipped)
                err.add(news.err, news.err_skipped)
                whole = out.total >= news.out_total and err.total >= news.err_total
                self._seen(news.host, caught_up=whole)
            case TurnUpdate():
                self._sessions[news.host] = news.session_id or self._sessions.get(news.host, "")
                (text,) = self._of(news.host, "text")
                text.add((news.out + news.err).encode(errors="replace"), sum(news.cut))
                self._seen(news.host, caught_up=False)
            case HostMoved():
                self._run = news.hosts or self._run
            case HostEnded() if hasattr(news.result, "session_id"):
                self._results[news.result.host] = news.result  # type: ignore[assignment]
                self._seen(news.result.host, caught_up=True)
            case _:
                pass

    def _seen(self, host: str, *, caught_up: bool) -> None:
        if caught_up:
            self._behind.discard(host)
        if self._leave is None:
            return
        if not self._wait and not self._behind:
            self._leave.set()
        elif self._wait and self._clock is None:
            self._clock = threading.Timer(self._wait, self._leave.set)
            self._clock.daemon = True
            self._clock.start()

    def _of(self, host: str, *names: str) -> list[Window]:
        share = max(_LEAST_BYTES, self._limit // max(1, len(self._sessions))) if self._limit else 0
        kept = self._windows.setdefault(host, {})
        return [kept.setdefault(name, Window(self._offset, share)) for name in names]

    def document_of(self, results: Sequence[FanoutResult], code: int) -> Document:
        """Return the document of a command, with the part of the output that an answer shows."""
        bare = [replace(each, stdout_bytes=b"", stderr_bytes=b"") for each in results]
        return self.document(json.loads("".join(fanout_document(bare, code))))

    def document(self, whole: Document) -> Document:
        """Return the document of a call with the output that the answer shows."""
        with self._lock:
            return {**whole, "results": [self._shown(each) for each in whole["results"]]}

    def unfinished(self) -> Document:
        """Return the document of work that goes on: what is known of each host so far."""
        with self._lock:
            results = [self._shown(each) for each in self._known()]
        return {"schema": SCHEMA, "outcome": None, "exit_code": 0, "results": results}

    def _known(self) -> Iterable[dict[str, Any]]:
        for host, session in list(self._sessions.items()):
            if host in self._results:
                yield dict(self._results[host].to_dict())
            else:
                state = "running" if self._run.has_work(host) else "unknown"
                yield {"host": host, "session_id": session, "outcome": None, "state": state}

    def _shown(self, result: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in result.items() if name not in _OF_OUTPUT}
        windows = self._windows.get(str(result["host"]), {})
        return kept | {
            name: value
            for each, window in windows.items()
            for name, value in window.fields(each).items()
        }


def document_of_turns(results: Sequence[TurnResult], code: int | None = None) -> Document:
    """Return the document of turns; a ``code`` of None is computed from them."""
    shown = exit_code(results, may_be_cut=True) if code is None else code
    found: Document = json.loads(turns_document(results, shown))
    return found
