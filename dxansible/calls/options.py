"""What a command line said, and the checks that need more than one option."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from dxansible.errors import UsageError
from dxansible.settings import Settings

__all__ = ["Options"]

_ONLY_TASKS = (
    "agent",
    "repo",
    "dir",
    "beads",
    "session",
    "queue",
    "verify",
    "wait",
    "idle_timeout",
)
_ONLY_COMMANDS = ("run_id", "gather", "max_output")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One field for each option; None, False, 0 and () are what was not given."""

    target: str | None
    task: str | None
    command: str | None
    file: str | None
    stdin: bool
    list_all: bool
    sessions: bool
    agents: bool
    commands: bool
    status: str | None
    logs: str | None
    follow: bool
    abort: str | None
    clean: bool
    age: int | None
    yes: bool
    session: str | None
    agent: str | None
    repo: str | None
    dir: str | None
    beads: str | None
    verify: str | None
    queue: bool
    wait: bool
    jules: bool
    issue: str | None
    dry_run: bool
    claim: bool
    force: bool
    template: str | None
    notify_channel: str | None
    slack: bool | None
    branch: str | None
    attach_age: float | None
    allow_no_pr: bool
    approve: str | None
    finalize_pr: str | None
    base: str | None
    draft: bool
    reviewer: tuple[str, ...]
    idle_timeout: float | None
    run_id: str | None
    inventory: str | None
    timeout: float | None
    retries: int
    max_output: int | None
    forks: int | None
    gather: bool
    engine: str | None
    json: bool
    verbose: int
    quiet: bool

    def settings(self) -> Settings:
        """Where things are for this call."""
        return Settings.load(self.inventory)

    def refuse(self, what: str, names: tuple[str, ...]) -> None:
        """Raise UsageError if one of these options was given."""
        self._refuse(f"with {what}", names, "leave it out")

    def refuse_without(self, what: str, names: tuple[str, ...], remedy: str) -> None:
        """Raise UsageError if one of these options was given, though ``what`` was not."""
        self._refuse(f"without {what}", names, remedy)

    def _refuse(self, why: str, names: tuple[str, ...], remedy: str) -> None:
        for name in names:
            value = getattr(self, name)
            if value is not None and value is not False and value != ():
                message = f"--{name.replace('_', '-')} is of no use {why}"
                raise UsageError(message, remedy)

    def check_command(self) -> None:
        """Refuse what only makes sense for an agent's task."""
        self.refuse("--exec", _ONLY_TASKS)

    def check_task(self) -> None:
        """Refuse what only makes sense for a command."""
        self.refuse("a task for an agent", _ONLY_COMMANDS)

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
