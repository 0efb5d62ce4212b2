"""Reads what the options of a command line say together."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dxansible.errors import UsageError
from dxansible.settings import Settings
from dxansible.value import Value

__all__ = ["Given"]


class Given(Value):
    """Base class of the options; the table declares them."""

    if TYPE_CHECKING:
        agents: bool = False
        commands: bool = False
        file: str | None = None
        logs: str | None = None
        inventory: tuple[str, ...] = ()
        forks: int | None = None
        via: str | None = None
        start_at: float | None = None
        start_in: float | None = None

    given: frozenset[str] = frozenset()
    """The fields of the options that the user gave; the others have their defaults."""

    def values_given(self) -> dict[str, object]:
        """The value of each field that the user gave."""
        return {name: getattr(self, name) for name in self.given}

    @property
    def log_ids(self) -> list[str]:
        """The ids of ``--logs``, which `dxansible.cli.argv` has put together."""
        return [] if self.logs is None else self.logs.split(",")

    @property
    def starts_at(self) -> float | None:
        """When the VM starts the work, in seconds since 1970; None is at once."""
        return self.start_at if self.start_in is None else time.time() + self.start_in

    @property
    def only(self) -> Literal["agents", "commands"] | None:
        """The kind of sessions to list; None for both."""
        return "agents" if self.agents else "commands" if self.commands else None

    def settings(self) -> Settings:
        """The paths and settings of this call. Raises MeshError for a node that is not there."""
        found = Settings.load(self.inventory, forks=self.forks, via=self.via)
        if found.via not in {None, "auto", "local"}:
            from dxansible.mesh.receptor import check_node  # noqa: PLC0415 - for such calls only

            check_node(found)
        return found

    def text(self, given: str | None, what: str, example: str) -> str | bytes:
        """The command or the task: as given, or from --file. Raises UsageError."""
        if self.file is None:
            if not given:
                raise UsageError(f"there is no {what}", f"give one: {example}, or --file PATH")
            return given
        if given:
            message = f"the {what} and --file can't be used together"
            raise UsageError(message, f"give the {what} once")
        if self.file == "-":
            from dxansible.cli.standard_input import read_standard_input  # noqa: PLC0415 - for it only

            return read_standard_input()
        try:
            return Path(self.file).read_bytes()
        except OSError as error:
            message = f"{self.file} can't be read: {error.strerror}"
            raise UsageError(message, "give a readable file, or - for standard input") from error
