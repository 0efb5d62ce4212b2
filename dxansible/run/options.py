"""The options of a command and of a task for an agent, checked."""

from __future__ import annotations

import json
import math
import re
import time
from typing import TYPE_CHECKING, Literal

from dxansible import parameters as known
from dxansible.errors import UsageError
from dxansible.ids import begins_id, check_run_id, is_ours
from dxansible.parameters import Told, told
from dxansible.redact import summarize
from dxansible.settings import Settings, is_variable_name
from dxansible.value import field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "FanoutOptions",
    "SessionOptions",
    "check_seconds",
    "check_text",
]

_LONGEST_RUN_ID = 60
"""Of a task, whose session's id begins with ``ses_``."""
_LATEST_START = 30 * 86400
"""Seconds from now."""
_BRANCH_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

_MODEL = re.compile(r"(?!-)[^\s{}]{1,200}")
_TEXTS = {
    "command": ("command", "shell", 'dx-dispatch HOST --exec "COMMAND"'),
    "task": ("task", "agent", 'dx-dispatch HOST "TASK"'),
    "verify": ("command of --verify", "shell", "--verify 'make test'"),
}
"""What it is, who gets it, and an example."""


class _RunOptions(Told):
    """Base class of the options of commands and tasks; times are in seconds."""

    max_retries: int = told(known.RETRIES)
    """Further connection attempts; a command that ran is never run again."""
    retry_delay_sec: float = told(known.RETRY_DELAY)
    preflight_timeout_sec: float = told(known.PREFLIGHT_TIMEOUT)
    """For each check, and for a connection to come up."""
    when_back_sec: float | None = told(known.WHEN_BACK)
    """How long to wait for a host that can't be reached, at most six days; None is not at all."""
    start_at: float | None = told(known.START_AT)
    """When the VM starts the work, in seconds since 1970; None is at once. The result then has no
    outcome."""
    forks: int | None = None
    """Hosts at a time; None is all of them, up to 200."""
    settings: Settings = field(default_factory=Settings.load)

    def _check_run(self) -> None:
        check_seconds("preflight timeout", self.preflight_timeout_sec)
        check_seconds("retry delay", self.retry_delay_sec, zero=True)
        if self.when_back_sec is not None:
            check_seconds("when back", self.when_back_sec)
            if self.when_back_sec > known.LONGEST_WAIT:
                message = f"when back is {self.when_back_sec:g}"
                raise UsageError(message, f"give at most {known.LONGEST_WAIT / 86400:g} days")
        if self.start_at is not None:
            _check_start(self.start_at, waits=self.when_back_sec is not None)
        for name, number, least in (("max retries", self.max_retries, 0), ("forks", self.forks, 1)):
            if number is not None and number < least:
                raise UsageError(f"{name} is {number}", f"give {least} or more")


class FanoutOptions(_RunOptions):
    """How to run a command; times are in seconds.

    Raises UsageError for values that make no sense.
    """

    timeout_sec: float = told(known.TIMEOUT)
    """For each attempt, enforced on the VM."""
    preflight: bool = True
    batch_mode: bool = told(known.BATCH_MODE)
    """Never wait for a person to type a password or passphrase."""
    output_limit: int | None = told(known.OUTPUT_LIMIT)
    """Bytes of each stream kept of a host; None is 4 MiB, less for many hosts (32 MiB in all)."""
    most_hosts: int | None = told(known.MOST_HOSTS)
    """Raise UsageError, and run nothing, if the pattern has more hosts; None is any number."""
    run_id: str | None = told(known.RUN_ID)
    """A command runs once on each host under one id, however often it is sent.

    An id belongs to its first command: another one is refused. None makes a new id.
    """
    label: str | None = None
    """Text for the VM's listings; None is the command in one line without secrets."""
    stdin: bytes = field(default=b"", repr=False)
    """The command's standard input; every host gets all of it."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables of the command's environment."""
    cwd: str = ""
    """The command's directory; empty is the home directory, which ``~/`` stands for."""
    log_callback: Callable[[str], None] | None = None

    def __post_init__(self) -> None:
        """Validate the values."""
        check_seconds("timeout", self.timeout_sec)
        self._check_run()
        if self.run_id is not None:
            check_run_id(self.run_id)
        for name, text in self.env.items():
            if not is_variable_name(name):
                message = f"{name!r} is no name of a variable"
                raise UsageError(message, "use letters, digits and underscores")
            if "\0" in text:
                raise UsageError(f"the value of {name} has a NUL byte", "leave it out")
        if "\0" in self.cwd:
            raise UsageError("the directory has a NUL byte", "leave it out")

    def payload(self, text: bytes) -> bytes:
        """Return the command as sent over the playbook's socket: the collection's `Command`."""
        summary = summarize(text.decode(errors="replace") if self.label is None else self.label)
        head = {"summary": summary, "env": dict(self.env), "cwd": self.cwd}
        sizes = {"stdin": len(self.stdin), "text": len(text)}
        return json.dumps(head | sizes).encode() + b"\n" + self.stdin + text


class SessionOptions(_RunOptions):
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
    model: str | None = told(known.MODEL)
    """The model that the agent is told to use; None is the session's, or the agent's own."""
    plan: bool = told(known.PLAN)
    """Use the agent's own read-only mode for this turn."""
    attachments: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    """Names and contents of files for the agent."""
    beads: str | None = told(known.BEADS)
    """Id of the issue that the task belongs to."""
    claim: bool | None = told(known.CLAIM)
    """Claim the issue on the remote of ``repo``, so that one session alone can push its work; None
    is the inventory's ``dx_claim``."""
    claim_lease_sec: float | None = told(known.CLAIM_LEASE)
    """How long the claim lasts after the session's last sign of life; None is the inventory's
    ``dx_claim_lease``."""
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
    on_limit: str | None = told(known.ON_LIMIT)
    """``wait``: at a usage limit, the VM waits until it resets, and the turn goes on. ``fail``: the
    turn ends. None is the inventory's ``dx_on_limit``."""
    max_cost_usd: float | None = told(known.MAX_COST)
    """US dollars, as the agent tells its cost. A session that has cost as much takes no further
    prompt without a higher limit. None is the session's limit so far, or ``dx_max_cost``."""
    trail: str | None = told(known.TRAIL)
    """Id of the audit trail; the first call that sees the turn's end posts it there."""
    run_id: str | None = None
    """A repeated call with this id attaches to the turn of the first, on each host.

    A new session has the id ``ses_RUN_ID-…``. None makes a new id.
    """

    def __post_init__(self) -> None:
        """Validate the values."""
        self._check_run()
        if self.timeout_sec is not None:
            check_seconds("timeout", self.timeout_sec)
        if self.idle_timeout_sec is not None:
            check_seconds("idle timeout", self.idle_timeout_sec)
        if self.claim_lease_sec is not None:
            check_seconds("lease", self.claim_lease_sec)
        self._check_usage()
        if self.run_id is not None:
            check_run_id(self.run_id, most=_LONGEST_RUN_ID)
        if self.beads is not None and not _names_a_branch(self.beads):
            message = f"{self.beads!r} is not a valid issue id"
            raise UsageError(message, "use an id such as bd-123")
        if self.repo is not None and (not self.repo.strip() or "\0" in self.repo):
            message = "the repository has no path"
            raise UsageError(message, "give its path on the VM: --repo '~/project'")
        if self.session is not None:
            self._check_session(self.session)
        if self.directory is not None:
            self._check_directory(self.directory)
        self._check_choices()

    def _check_session(self, session: str) -> None:
        if not begins_id(session):
            message = f"{session!r} is not a session id"
            raise UsageError(message, "use one of list_sessions, or None for a new session")
        if self.repo is not None:
            message = "a session can't change its directory"
            raise UsageError(message, "leave out --repo, or --session for a new session")
        if self.agent is not None and is_ours(session):
            message = "a session keeps its agent"
            raise UsageError(message, "leave out --agent, or --session for a new session")

    def _check_choices(self) -> None:
        if self.agent is not None and not self.agent.strip():
            raise UsageError("the agent has no name", "leave out --agent, or name one: claude")
        model = self.model
        if model is not None and not (_MODEL.fullmatch(model) and model.isprintable()):
            message = f"{model!r} can't be a model"
            raise UsageError(message, "give one printable word, such as opus or provider/name")
        size = sum(len(data) for _, data in self.attachments)
        if size > known.ATTACHMENTS_BYTES:
            message = f"the attached files have {size} bytes"
            raise UsageError(message, f"attach at most {known.ATTACHMENTS_BYTES >> 20} MiB")

    def variables(self) -> dict[str, object]:
        """Return the playbook's variables; a limit that is given here is one that has to hold."""
        given = {"on_limit": self.on_limit, "max_cost": self.max_cost_usd}
        required = [name for name, value in given.items() if value is not None]
        return {**super().variables(), **({known.REQUIRED: required} if required else {})}

    def _check_usage(self) -> None:
        if self.on_limit not in {None, "fail", "wait"}:
            raise UsageError(f"on limit is {self.on_limit!r}", "use fail or wait")
        if self.max_cost_usd is not None and not 0 < self.max_cost_usd < math.inf:
            message = f"the maximum cost is {self.max_cost_usd:g}"
            raise UsageError(message, "give US dollars above 0")

    def _check_directory(self, path: str) -> None:
        if not path.strip() or not path.isprintable():
            message = "the directory's path is blank or unprintable"
            raise UsageError(message, "give its path on the VM: --dir '~/project'")
        if self.repo is not None:
            message = "--dir and --repo can't be used together: a worktree has its own directory"
            raise UsageError(message, "leave out one of them")
        if self.session is not None and is_ours(self.session):
            message = "a session can't change its directory"
            raise UsageError(message, "leave out --dir, or --session for a new session")


def check_seconds(name: str, seconds: float, *, zero: bool = False) -> None:
    """Raise UsageError unless it is a finite, positive number of seconds."""
    if not math.isfinite(seconds) or seconds < 0 or (seconds == 0 and not zero):
        message = f"{name} is {seconds:g}"
        raise UsageError(message, "give a number of seconds above 0")


def _check_start(start_at: float, *, waits: bool) -> None:
    """Raise UsageError unless it is a time within the next 30 days.

    ``waits``: the call also waits for hosts.
    """
    check_seconds("the start", start_at)
    if waits:
        message = "work can't both start later and wait for its host"
        raise UsageError(message, "leave out --when-back, or the time of the start")
    if start_at - time.time() > _LATEST_START:
        raise UsageError("the start is too far away", "give a time within the next 30 days")


def check_text(given: str | bytes, what: Literal["command", "task", "verify"]) -> bytes:
    """Return a text as the bytes that the VM's shell or agent gets.

    Raises UsageError if it is blank or has a NUL byte.
    """
    name, taker, example = _TEXTS[what]
    text = given.encode("utf-8", "surrogateescape") if isinstance(given, str) else given
    if not text.strip():
        raise UsageError(f"the {name} is empty", f"give one: {example}")
    if b"\0" in text:
        raise UsageError(f"the {name} has a NUL byte", f"no {taker} accepts one; remove it")
    return text


def _names_a_branch(word: str) -> bool:
    return (
        _BRANCH_WORD.fullmatch(word) is not None
        and ".." not in word
        and not word.endswith((".", ".lock"))
    )
