"""Tells Slack of ends that a call sees, of turns that nobody waited for."""

from __future__ import annotations

import logging
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dxansible.calls.audit_text import end_message
from dxansible.errors import UsageError
from dxansible.logs import event
from dxansible.runner.events import HostFound, HostsKnown, PreflightDone
from dxansible.runner.turn_events import EndSeen
from dxansible.settings import SlackSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dxansible.integrations.slack import Trail
    from dxansible.runner.events import Event, Observer

__all__ = ["EndTeller", "open_trail", "telling_ends"]

_ID = re.compile(r"[0-9a-f]{16}")
_THREAD = re.compile(r"([A-Z0-9]{2,30}) ([0-9]{1,20}\.[0-9]{1,20})")


class EndTeller:
    """Posts the ends that are ours to tell, each in the thread of its dispatch."""

    def __init__(self, trail: Trail) -> None:
        """``trail`` posts them."""
        self._trail = trail
        self._channels: dict[str, str | None] = {}

    def handle(self, news: Event) -> None:
        """Note where a host's messages go; tell an end that is ours to tell."""
        match news:
            case HostsKnown():
                self._channels.update(dict.fromkeys(news.hosts, news.slack_channel))
            case HostFound():
                self._channels[news.host] = news.slack_channel
            case PreflightDone():
                self._channels[news.result.host] = news.slack_channel
            case EndSeen() if news.claimed:
                self._tell(news)
            case _:
                pass

    def _tell(self, end: EndSeen) -> None:
        from dxansible.integrations.slack_http import Thread  # noqa: PLC0415 - loads requests

        # what a VM says is no file name, and no channel, until it looks like one
        name = end.trail if _ID.fullmatch(end.trail) else os.urandom(8).hex()
        found = _THREAD.fullmatch(end.thread)
        channel = self._trail.settings.channel_for(self._channels.get(end.host))
        self._trail.reply(
            end_message(end.result), name, Thread(found[1], found[2]) if found else None, channel
        )


def open_trail(*, wanted: bool) -> Trail | None:
    """A trail, where Slack is configured; ``wanted`` makes a warning of that it isn't."""
    try:
        settings = SlackSettings.load()
    except UsageError as error:
        event("slack_failed", logging.WARNING, error=str(error))
        return None
    if settings.configured:
        from dxansible.integrations.slack import Trail  # noqa: PLC0415 - loads requests

        return Trail(settings=settings)
    level = logging.WARNING if wanted else logging.DEBUG
    event("slack_not_configured", level, error="set SLACK_BOT_TOKEN or SLACK_WEBHOOK_URL")
    return None


@contextmanager
def telling_ends() -> Iterator[Sequence[Observer]]:
    """The observers of a run that may see ends; none where there is no Slack to tell."""
    trail = open_trail(wanted=False)
    if trail is None:
        yield ()
        return
    try:
        yield [EndTeller(trail)]
    finally:
        trail.close()
