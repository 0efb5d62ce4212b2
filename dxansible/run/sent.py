"""Which hosts of a call that waits for hosts were certainly sent nothing, once the call is over."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING

from dxansible.run.workspace import private_directory
from dxansible.sent_file import SentFile

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SENT_FILE", "SentNotes"]

SENT_FILE = "dx_sent_file"
"""The variable with the path of a call's file. Runs on other machines have none."""


class SentNotes:
    """The file of one call. It is in a directory that is removed even if this process is killed."""

    def __init__(self, parent: Path) -> None:
        """Make the file. Raises EngineError."""
        self._stack = ExitStack()
        self._directory = self._stack.enter_context(private_directory(parent))
        path = self._directory / "sent"
        path.touch(0o600)
        self.variables = {SENT_FILE: str(path)}
        """For the runs of the call."""

    def close(self) -> frozenset[str]:
        """Let the call's runs send nothing more. Returns the hosts that were sent nothing.

        Closed again, it returns none.
        """
        unsent = SentFile(self.variables[SENT_FILE]).close()
        shutil.rmtree(self._directory, ignore_errors=True)
        self._stack.close()
        return unsent
