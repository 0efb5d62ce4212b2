"""The inventory's Slack channel, for dispatches that need no VM: read beside the work."""

from __future__ import annotations

import logging
import threading

from dxansible.errors import DxError
from dxansible.fleet.hosts import read_variable
from dxansible.logs import event
from dxansible.settings import Settings

__all__ = ["InventoryChannel"]

_LONGEST_SECONDS = 10.0


class InventoryChannel:
    """``dx_slack_channel`` of the first host."""

    def __init__(self, inventory: str | None) -> None:
        """Begin to read it."""
        self._inventory = inventory
        self._found: str | None = None
        self._worker = threading.Thread(target=self._read, name="slack-channel", daemon=True)
        self._worker.start()

    def get(self) -> str | None:
        """Wait for it, for some seconds; None where it is not to be had."""
        self._worker.join(_LONGEST_SECONDS)
        return self._found

    def _read(self) -> None:
        try:
            self._found = read_variable(Settings.load(self._inventory), "dx_slack_channel")
        except DxError as error:
            event("slack_channel", logging.DEBUG, error=str(error))
