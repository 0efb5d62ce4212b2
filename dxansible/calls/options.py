"""What a command line said."""

from __future__ import annotations

import sys
from pathlib import Path

from dxansible.calls.table import Table
from dxansible.errors import UsageError
from dxansible.settings import Settings

__all__ = ["Options"]


class Options(Table):
    """The value of each option of the table, and what is made of several."""

    __slots__ = ()

    def values_given(self) -> dict[str, object]:
        """The value of each field that the user has given."""
        return {name: getattr(self, name) for name in self.given}

    def settings(self) -> Settings:
        """Where things are for this call."""
        return Settings.load(self.inventory, forks=self.forks)

    def text(self, given: str | None, what: str, example: str) -> str | bytes:
        """The command or the task: as given, or from --file. Raises UsageError."""
        if self.file is None:
            if not given:
                message = f"there is no {what}"
                raise UsageError(message, f"give one: {example}, or --file PATH")
            return given
        if given:
            message = f"the {what} and --file can't be used together"
            raise UsageError(message, f"give the {what} once")
        if self.file == "-":
            return sys.stdin.buffer.read()
        try:
            return Path(self.file).read_bytes()
        except OSError as error:
            message = f"{self.file} can't be read: {error.strerror}"
            raise UsageError(message, "give a readable file, or - for standard input") from error
