"""An observer for tests, which calls a method for each thing that a run says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.run.events import HostEnded, HostsKnown, OutputReceived
from dxansible.run.turn_events import TurnUpdate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.record import HostRecord
    from dxansible.run.events import Event

__all__ = ["Hearing"]


class Hearing:
    """Does nothing; a test's own class overrides what the test is about."""

    def handle(self, news: Event) -> None:
        match news:
            case HostsKnown():
                self.hosts_known(news.hosts)
            case OutputReceived():
                if (news.out_skipped or news.err_skipped) and not news.expired:
                    self.cut(news.host, news.out_skipped, news.err_skipped)
                if news.out or news.err:
                    self.output(news.host, news.out, news.err)
            case TurnUpdate():
                self._turn(news)
            case HostEnded():
                self.ended(news.result)
            case _:
                pass

    def _turn(self, news: TurnUpdate) -> None:
        if news.queued:
            self.queued(news.host, news.session_id)
        if news.started:
            self.taken(news.host, news.session_id)
        if any(news.cut):
            self.cut(news.host, *news.cut)
        if news.out or news.err:
            self.text(news.host, news.out, news.err)

    def hosts_known(self, hosts: Sequence[str]) -> None:
        pass

    def output(self, host: str, out: bytes, err: bytes) -> None:
        pass

    def cut(self, host: str, stdout_bytes: int, stderr_bytes: int) -> None:
        pass

    def queued(self, host: str, session_id: str) -> None:
        pass

    def taken(self, host: str, session_id: str) -> None:
        pass

    def text(self, host: str, out: str, err: str) -> None:
        pass

    def ended(self, result: HostRecord) -> None:
        pass
