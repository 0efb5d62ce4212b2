"""The settings of a task for an agent, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dxansible import parameters as known
from dxansible.errors import UsageError
from dxansible.ids import is_ours
from dxansible.parameters import Told, told
from dxansible.run.command_options import check_seconds, check_text
from dxansible.settings import Settings

__all__ = ["SessionOptions", "check_task"]

_BRANCH_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions(Told):
    """How to hand a task to an agent; times are in seconds.

    Raises UsageError for values that make no sense.
    """

    agent: str | None = told(known.AGENT)
    """A built-in agent or one of the inventory's; None is the host's own."""
    repo: str | None = told(known.REPO)
    """A git repository on the VM, in which the session gets a worktree and a branch of its own."""
    directory: str | None = told(known.DIR)
    """A directory on the VM to work in, without a worktree; None is the home directory, or that of
    a conversation that was begun by hand."""
    beads: str | None = told(known.BEADS)
    """Id of the issue that the task belongs to."""
    session: str | None = told(known.SESSION)
    """The session whose conversation the task continues; None starts a new one."""
    task_is_data: bool = told(known.TASK_IS_DATA)
    """The task contains an issue's text, from strangers: an agent that runs its task is refused."""
    queue: bool = told(known.QUEUE)
    """Wait for the running turn instead of being refused."""
    verify: str | None = None
    """A shell command that has to succeed in the session's directory after the turn."""
    wait: bool = told(known.WAIT)
    """Follow the turn to its end."""
    timeout_sec: float | None = told(known.TURN_TIMEOUT)
    """For the turn, enforced on the VM; None is the inventory's ``dx_session_timeout``."""
    idle_timeout_sec: float | None = told(known.IDLE_TIMEOUT)
    """How long the agent may print nothing; None is the inventory's ``dx_idle_timeout``."""
    trail: str | None = told(known.TRAIL)
    """Id of the audit trail; the first call that sees the turn's end posts it there."""
    max_retries: int = told(known.RETRIES)
    retry_delay_sec: float = told(known.RETRY_DELAY)
    preflight_timeout_sec: float = told(known.PREFLIGHT_TIMEOUT)
    forks: int | None = None
    settings: Settings = field(default_factory=Settings.load)

    def __post_init__(self) -> None:
        """Validate the values."""
        for name, seconds in (
            ("timeout", self.timeout_sec),
            ("idle timeout", self.idle_timeout_sec),
        ):
            if seconds is not None:
                check_seconds(name, seconds)
        if self.beads is not None and not _names_a_branch(self.beads):
            message = f"{self.beads!r} can't be the id of an issue"
            raise UsageError(message, "give it as Beads does, like bd-123")
        if self.repo is not None and (not self.repo.strip() or "\0" in self.repo):
            message = "the repository has no path"
            raise UsageError(message, "give its path on the VM: --repo '~/project'")
        if self.session is not None and self.repo is not None:
            message = "a session stays where it began"
            raise UsageError(message, "leave out --repo, or --session for a new session")
        if self.directory is not None:
            self._check_directory(self.directory)

    def _check_directory(self, path: str) -> None:
        if not path.strip() or not path.isprintable():
            message = "the directory has no path that can be used"
            raise UsageError(message, "give its path on the VM: --dir '~/project'")
        if self.repo is not None:
            message = "--dir and --repo can't be used together: a worktree has its own directory"
            raise UsageError(message, "leave out one of them")
        if self.session is not None and is_ours(self.session):
            message = "a session stays where it began"
            raise UsageError(message, "leave out --dir, or --session for a new session")


def _names_a_branch(word: str) -> bool:
    return (
        _BRANCH_WORD.fullmatch(word) is not None
        and ".." not in word
        and not word.endswith((".", ".lock"))
    )


def check_task(task: str | bytes) -> bytes:
    """Return the task as the bytes that the agent gets.

    Raises UsageError if there is nothing to do.
    """
    return check_text(task, "task", 'dx-dispatch HOST "TASK"', "agent")
