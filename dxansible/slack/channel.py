"""Reads the inventory's channel, for dispatches without a run that reports it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from dxansible.errors import DxError
from dxansible.logs import event
from dxansible.run.hosts import read_variable
from dxansible.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["read_channel"]

_SECONDS = 10.0


def read_channel(inventory: Sequence[str]) -> Callable[[], str | None]:
    """Begin to read ``dx_slack_channel`` of the inventory's first host, in a thread.

    Returns a function that waits a few seconds for it; None if it can't be read.
    """
    found: list[str | None] = []

    def read() -> None:
        try:
            found.append(read_variable(Settings.load(inventory), "dx_slack_channel"))
        except DxError as error:
            event("slack_channel", logging.DEBUG, error=str(error))

    def get() -> str | None:
        worker.join(_SECONDS)
        return found[0] if found else None

    worker = threading.Thread(target=read, name="slack-channel", daemon=True)
    worker.start()
    return get
