"""Opens the audit trail in Slack; loads the rest of this package only if there is one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dxansible.errors import UsageError
from dxansible.logs import event
from dxansible.services import SlackSettings

if TYPE_CHECKING:
    from dxansible.slack.trail import Trail

__all__ = ["open_trail"]


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
