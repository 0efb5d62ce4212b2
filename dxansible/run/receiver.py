"""Receives the raw events of a run, and hands them on typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dxansible.errors import InventoryError
from dxansible.run.events import HostsKnown, OutputReceived, PreflightDone, parse
from dxansible.run.turn_events import TurnUpdate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dxansible.run.events import Event

__all__ = ["Receiver"]


class Receiver:
    """Hands on the events of one run, and of those that continue it."""

    def __init__(self, handle: Callable[[Event], None]) -> None:
        """``handle`` gets the events one at a time."""
        self._handle = handle
        self.answered = False
        """Whether a VM has said that it has its work."""
        self._broken: list[PreflightDone] = []
        self._usable = False
        """Whether any host could be used."""

    def take(self, raw: Mapping[str, Any]) -> None:
        """Take an event of ansible-runner."""
        for news in parse(raw):
            self.answered |= isinstance(news, OutputReceived) or (
                isinstance(news, TurnUpdate) and news.started
            )
            if isinstance(news, PreflightDone) and news.misconfigured:
                self._broken.append(news)
            elif not isinstance(news, HostsKnown):
                self._usable = True
            self._handle(news)

    def check(self) -> None:
        """Raise InventoryError if Ansible can't use a variable of any host of the run."""
        if self._broken and not self._usable:
            what, _, remedy = str(self._broken[0].result.error).rpartition("; ")
            count = len(self._broken) - 1
            more = f"; and so it is with {count} more" if count else ""
            raise InventoryError(f"{what}{more}", remedy)
