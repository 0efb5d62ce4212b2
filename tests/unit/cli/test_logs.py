"""The order in which several sessions are shown."""

from __future__ import annotations

import threading

import pytest

from dxansible.cli.logs import _InOrder
from dxansible.run.events import Event, HostsKnown


class _Seen:
    """Notes that something was shown."""

    def __init__(self) -> None:
        self.shown = threading.Event()

    def handle(self, _news: Event) -> None:
        """Note it."""
        self.shown.set()


@pytest.mark.parametrize("end", ["before", "cancelled"])
def test_a_session_is_shown_after_the_one_before_it(end: str) -> None:
    ends = {"before": threading.Event(), "cancelled": threading.Event()}
    seen = _Seen()
    ordered = _InOrder(seen, ends["before"], ends["cancelled"])
    thread = threading.Thread(target=ordered.handle, args=(HostsKnown(hosts=("a",)),))

    thread.start()
    early = seen.shown.wait(0.3)
    ends[end].set()
    thread.join()

    assert (early, seen.shown.is_set()) == (False, True)
