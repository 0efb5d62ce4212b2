"""``--logs`` of several sessions at once: each line after its session's id."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from dxansible.cli.sessions import report, view_of
from dxansible.cli.terminal import DETACHED, SCREEN, cancel_on_signals
from dxansible.errors import DxError, UsageError
from dxansible.ids import is_command, is_jules
from dxansible.record import FanoutOutcome
from dxansible.render.live import LiveOutput
from dxansible.render.show import coloured, show
from dxansible.render.transcript import Transcript
from dxansible.results import exit_code
from dxansible.run.attach_sessions import follow_session, resolve_id
from dxansible.run.listing import list_sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.cli.table import Options
    from dxansible.results import TurnResult
    from dxansible.run.events import Event, Observer
    from dxansible.settings import Settings

__all__ = ["follow_several"]

_MOST = 64
"""Sessions in one call."""
_AT_ONCE = 8
"""Sessions that are read at the same time, if they are not followed."""
_COLOURS = ("green", "yellow", "blue", "magenta", "cyan")
_LOOK_S = 0.2
"""How often one that waits looks whether the call was cancelled."""
_SHORTEST = 12
"""Characters of an id, at least."""


def follow_several(options: Options) -> int:
    """``--logs SES SES …``, or ``--logs all``: the sessions that run, or without --follow all."""
    typed = options.log_ids
    if options.jsonl or options.raw:
        message = "--logs of several sessions prints lines of transcripts"
        raise UsageError(message, "leave out --jsonl and --raw, or name one session")
    settings = options.settings()
    names, errors = _find(options, typed, settings)
    unasked = FanoutOutcome.PREFLIGHT_FAILED.exit_code if errors else 0
    if len(names) > _MOST:
        message = f"{len(names)} sessions are more than {_MOST}"
        raise UsageError(message, "name those that matter; see: dx-dispatch --sessions --agents")
    if not names:
        known = "there is no such session" if not options.follow else "no session runs"
        show("\n".join(errors) or known, err=True)
        return report(options, [], code=unasked)
    cancelled = cancel_on_signals(options, DETACHED, DETACHED)
    results = _Logs(options, settings, names, cancelled).follow()
    detached = cancelled.is_set()
    code = exit_code(results, detached=detached, may_be_cut=True) or unasked
    code = report(options, results, detached=detached, code=code)
    if errors:
        show("\n".join(errors), err=True)
    return code


def _find(
    options: Options, typed: Sequence[str], settings: Settings
) -> tuple[list[str], list[str]]:
    """Return the ids, and an error for each VM that could not be asked for all."""
    if "all" in typed and len(typed) > 1:
        raise UsageError("--logs all shows all sessions", "leave out all, or the ids beside it")
    if "all" in typed:
        found = list_sessions("all", settings, only="agents")
        wanted = [each for each in found.sessions if not (options.follow and each.ended)]
        return [each.session_id for each in reversed(wanted)], [*found.errors.values()]
    if jules := [each for each in typed if is_jules(each)]:
        message = f"{jules[0]} is a session of Jules"
        raise UsageError(message, f"show it by itself: dx-dispatch --logs {jules[0]}")
    names = list(dict.fromkeys(name for each in typed for name in resolve_id(each, settings)))
    for name in names:
        if is_command(name):
            message = f"{name} is a command, and no session of an agent"
            raise UsageError(message, "show it by itself: dx-dispatch --logs ID")
    return names, []


class _Logs:
    """Follows sessions in threads, one for each."""

    def __init__(
        self, options: Options, settings: Settings, names: list[str], cancelled: threading.Event
    ) -> None:
        self._options, self._settings = options, settings
        self._names, self._cancelled = names, cancelled
        self._width = _distinct(names)
        self._shown = [threading.Event() for _ in names]

    def follow(self) -> list[TurnResult]:
        """Follow them all. Raises the first error."""
        most = len(self._names) if self._options.follow else _AT_ONCE
        with ThreadPoolExecutor(most, "dx-logs") as threads:
            waiting = [threads.submit(self._follow, *each) for each in enumerate(self._names)]
            try:
                return [each.result() for each in waiting]
            except DxError:
                self._cancelled.set()
                raise

    def _follow(self, number: int, name: str) -> TurnResult:
        try:
            return self._follow_one(number, name)
        finally:
            self._shown[number].set()

    def _follow_one(self, number: int, name: str) -> TurnResult:
        colour = _COLOURS[number % len(_COLOURS)]
        prefix = coloured(f"{name[: self._width]} | ", colour)
        live = LiveOutput(SCREEN, show=not self._options.json, on_closed=self._cancelled.set)
        shown: Observer = Transcript(live, on_terminal=sys.stdout.isatty(), prefix=prefix)
        if number and not self._options.follow:
            shown = _InOrder(shown, self._shown[number - 1], self._cancelled)
        return follow_session(
            name,
            self._settings,
            view=view_of(self._options),
            wait=self._options.follow,
            observers=[shown],
            cancelled=self._cancelled,
        )


class _InOrder:
    """Observer that shows a session once the one before it has been shown to its end."""

    def __init__(
        self, inner: Observer, before: threading.Event, cancelled: threading.Event
    ) -> None:
        self._inner, self._before, self._cancelled = inner, before, cancelled

    def handle(self, news: Event) -> None:
        """Show the event."""
        while not (self._before.wait(_LOOK_S) or self._cancelled.is_set()):
            pass
        self._inner.handle(news)


def _distinct(names: Sequence[str]) -> int:
    """Return how many characters of each id tell them apart."""
    longest = max(map(len, names))
    lengths = range(_SHORTEST, longest)
    return next((n for n in lengths if len({each[:n] for each in names}) == len(names)), longest)
