"""Opens the audit trail in Slack, and reads the inventory's channel for it.

Loads the rest of this package only if there is a trail.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from dxansible.errors import DxError, UsageError
from dxansible.logs import event
from dxansible.services import SlackSettings
from dxansible.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dxansible.slack.trail import Trail

__all__ = ["open_trail", "read_channel"]

_CHANNEL_SECONDS = 10.0


def open_trail(wanted: bool | None) -> Trail | None:  # noqa: FBT001 - as the option has it
    """Return a trail if Slack is configured, unless ``wanted`` is False; warn if it is True."""
    if wanted is False:
        return None
    try:
        settings = SlackSettings.load()
    except UsageError as error:
        event("slack_failed", logging.WARNING, error=str(error))
        return None
    if settings.configured:
        from dxansible.slack.trail import Trail  # noqa: PLC0415 - loads requests

        return Trail(settings=settings)
    level = logging.WARNING if wanted else logging.DEBUG
    event("slack_not_configured", level, error="set SLACK_BOT_TOKEN or SLACK_WEBHOOK_URL")
    return None


def read_channel(inventory: Sequence[str]) -> Callable[[], str | None]:
    """Begin to read ``dx_slack_channel`` of the inventory's first host, in a thread.

    Returns a function that waits a few seconds for it; None if it can't be read.
    """
    from dxansible.run.hosts import read_variable  # noqa: PLC0415 - for Jules only

    found: list[str | None] = []

    def read() -> None:
        try:
            found.append(read_variable(Settings.load(inventory), "dx_slack_channel"))
        except DxError as error:
            event("slack_channel", logging.DEBUG, error=str(error))

    def get() -> str | None:
        worker.join(_CHANNEL_SECONDS)
        return found[0] if found else None

    worker = threading.Thread(target=read, name="slack-channel", daemon=True)
    worker.start()
    return get
