"""The options of ``dx-dispatch``: everything about each of them, in one place.

Click's parameters, the refusals, the help, the rows of docs/cli.md and the values for the calls are
made from it.
"""

from __future__ import annotations

import sys
from dataclasses import fields
from functools import cache
from pathlib import Path

from dxansible import parameters as known
from dxansible.cli.option import (
    AT_JULES,
    EVERYWHERE,
    ON_VMS,
    Group,
    Kind,
    Mode,
    Option,
    needing,
    plain,
)
from dxansible.errors import UsageError
from dxansible.settings import Settings
from dxansible.value import Value

__all__ = ["Options", "table"]

_VM_TASKS = plain(Mode.TASK, Mode.FURTHER)
_TASKS = _VM_TASKS | plain(Mode.JULES)
_COMMANDS = plain(Mode.EXEC, Mode.RERUN)
_WITH_ISSUE = needing("issue", *_TASKS)
_AT_JULES_WHILE_WAITING = needing("wait", Mode.JULES, Mode.JULES_MESSAGE, Mode.APPROVE) | needing(
    "follow", Mode.JULES_LOGS
)


class Options(Value):
    """The options of one command line; the default of a field is its value without the option."""

    target: str | None = Option(
        "target", kind=Kind.ARGUMENT,
        modes=_VM_TASKS | _COMMANDS | plain(Mode.SESSIONS, Mode.CLEAN),
    ).field()  # fmt: skip
    task: str | None = Option(
        "task", kind=Kind.ARGUMENT, modes=_TASKS | plain(Mode.JULES_MESSAGE, Mode.RERUN)
    ).field()

    command: str | None = Option(
        "--exec", kind=Kind.TEXT, value="COMMAND", group=Group.RUN, chooses=Mode.EXEC,
        help="Run a shell command on TARGET, output live. Without a value before --file.",
    ).field()  # fmt: skip
    file: str | None = Option(
        "--file", kind=Kind.TEXT, value="PATH", group=Group.RUN,
        modes=_TASKS | plain(Mode.EXEC, Mode.JULES_MESSAGE),
        help="Take the task, or the command of --exec, from a file; - is standard input.",
    ).field()  # fmt: skip
    stdin: bool = Option(
        "--stdin", group=Group.RUN, modes=_COMMANDS,
        help="With --exec: send standard input to the command, once it has come to its end.",
    ).field()  # fmt: skip
    cwd: str | None = Option(
        "--cwd", kind=Kind.TEXT, value="DIR", group=Group.RUN, modes=plain(Mode.EXEC),
        default="the home directory",
        help="With --exec: run the command in this directory of the VM; in quotes if it begins "
        "with ~.",
    ).field()  # fmt: skip
    env: tuple[tuple[str, str], ...] = Option(
        "--env", kind=Kind.VARIABLES, value="NAME[=VALUE]", group=Group.RUN,
        modes=_COMMANDS, nothing=(),
        help="With --exec: set a variable of the command's environment; without a value, to the "
        "one that it has here. May be given several times.",
    ).field()  # fmt: skip
    timeout: float | None = Option(
        "--timeout", kind=Kind.SECONDS, value="SECONDS", group=Group.RUN,
        modes=_VM_TASKS | _COMMANDS | plain(Mode.FINALIZE) | _AT_JULES_WHILE_WAITING,
        sets=(known.TIMEOUT, known.TURN_TIMEOUT, known.FINALIZE_TIMEOUT),
        default=f"{known.TIMEOUT.default:g} for a command; for a turn dx_session_timeout, or "
        f"{known.TURN_SECONDS:g}; {known.FINALIZE_TIMEOUT.default:g} for --finalize-pr",
        help="Time limit, enforced on the VM.",
    ).field()  # fmt: skip
    idle_timeout: float | None = Option(
        "--idle-timeout", kind=Kind.SECONDS, value="SECONDS", group=Group.RUN,
        modes=_VM_TASKS | _AT_JULES_WHILE_WAITING, sets=(known.IDLE_TIMEOUT,),
        default=f"dx_idle_timeout, or {known.IDLE_SECONDS:g}; none for Jules",
        help="End a turn that prints nothing for so long.",
    ).field()  # fmt: skip
    run_id: str | None = Option(
        "--run-id", kind=Kind.TEXT, value="ID", group=Group.RUN,
        modes=plain(Mode.EXEC, Mode.JULES), sets=(known.RUN_ID,),
        help="An id of your own: a command sent again with it never runs twice.",
    ).field()  # fmt: skip
    serial: tuple[str, ...] = Option(
        "--serial", kind=Kind.STEPS, value="SIZES", group=Group.RUN, modes=_COMMANDS, nothing=(),
        default="all hosts at once",
        help="With --exec: one batch of hosts after another, of these sizes, like 1,10%,100%; the "
        "last size repeats.",
    ).field()  # fmt: skip
    max_fail: int | None = Option(
        "--max-fail", kind=Kind.NUMBER, least=0, value="N", group=Group.RUN,
        modes=needing("serial", Mode.EXEC) | plain(Mode.RERUN),
        help="With --serial: begin no further batch once more than N hosts did not succeed.",
    ).field()  # fmt: skip
    rerun: bool = Option(
        "--rerun", group=Group.RUN, chooses=Mode.RERUN,
        help="Run a recorded command again where it is needed: [failed|unreachable|timeout|all] "
        "[RUN]; without words where it failed in the newest run.",
    ).field()  # fmt: skip
    runs: bool = Option(
        "--runs", group=Group.RUN, chooses=Mode.RUNS, help="Show the recorded runs of commands."
    ).field()
    wait: bool = Option(
        "--wait", group=Group.RUN, modes=_TASKS | plain(Mode.JULES_MESSAGE, Mode.APPROVE),
        sets=(known.WAIT,), help="Follow the turn; its outcome sets the exit code.",
    ).field()  # fmt: skip
    agent: str | None = Option(
        "--agent", kind=Kind.TEXT, value="NAME", group=Group.RUN, modes=_VM_TASKS,
        sets=(known.AGENT,), help="Another agent than the VM's own, for this call.",
    ).field()  # fmt: skip
    repo: str | None = Option(
        "--repo", kind=Kind.TEXT, value="PATH|OWNER/NAME", group=Group.RUN,
        modes=plain(Mode.TASK, Mode.JULES), sets=(known.REPO,),
        default="for Jules the remote origin",
        help="Work in a git worktree of its own of this repository on the VM, in quotes if it "
        "begins with ~; with --jules, the repository at GitHub.",
    ).field()  # fmt: skip
    dir: str | None = Option(
        "--dir", kind=Kind.TEXT, value="PATH", group=Group.RUN, modes=_VM_TASKS, sets=(known.DIR,),
        help="Work in this directory of the VM, without a worktree; in quotes if it begins with ~.",
    ).field()  # fmt: skip
    verify: str | None = Option(
        "--verify", kind=Kind.TEXT, value="COMMAND", group=Group.RUN, modes=_VM_TASKS,
        help="A check after the turn; SUCCESS then needs its exit 0.",
    ).field()  # fmt: skip

    session: str | None = Option(
        "--session", kind=Kind.TEXT, value="SES", group=Group.SESSIONS,
        modes=plain(Mode.FURTHER, Mode.JULES_MESSAGE), sets=(known.SESSION,),
        help="Continue this session with TASK.",
    ).field()  # fmt: skip
    queue: bool = Option(
        "--queue", group=Group.SESSIONS, modes=plain(Mode.FURTHER, Mode.FINALIZE),
        sets=(known.QUEUE,), help="Wait for a turn that is running, then start.",
    ).field()  # fmt: skip
    sessions: bool = Option(
        "--sessions", group=Group.SESSIONS, chooses=Mode.SESSIONS,
        help="Show the agents' sessions and the commands of TARGET.",
    ).field()  # fmt: skip
    agents: bool = Option(
        "--agents", group=Group.SESSIONS, modes=plain(Mode.SESSIONS), sets=(known.ONLY,),
        help="With --sessions: the agents' sessions alone.",
    ).field()  # fmt: skip
    commands: bool = Option(
        "--commands", group=Group.SESSIONS, modes=plain(Mode.SESSIONS), sets=(known.ONLY,),
        help="With --sessions: the commands alone.",
    ).field()  # fmt: skip
    logs: str | None = Option(
        "--logs", kind=Kind.TEXT, value="ID", group=Group.SESSIONS, chooses=Mode.LOGS,
        help="Show what a session or a command has printed.",
    ).field()  # fmt: skip
    follow: bool = Option(
        "--follow", group=Group.SESSIONS, modes=plain(Mode.LOGS, Mode.JULES_LOGS),
        sets=(known.WAIT,), help="With --logs: go on until it has ended.",
    ).field()  # fmt: skip
    abort: str | None = Option(
        "--abort", kind=Kind.TEXT, value="ID", group=Group.SESSIONS, chooses=Mode.ABORT,
        help="Stop a session or a command, and see that it is gone.",
    ).field()  # fmt: skip
    clean: bool = Option(
        "--clean", group=Group.SESSIONS, chooses=Mode.CLEAN,
        help="Remove ended sessions of TARGET, or of all; asks first, unless it is one VM.",
    ).field()  # fmt: skip
    age: int | None = Option(
        "--age", kind=Kind.NUMBER, least=0, value="DAYS", group=Group.SESSIONS,
        modes=plain(Mode.CLEAN), sets=(known.CLEAN_AGE,), default=f"{known.CLEAN_AGE.default}",
        help="With --clean: how long ago they ended.",
    ).field()  # fmt: skip
    yes: bool = Option(
        "--yes", group=Group.SESSIONS, modes=plain(Mode.CLEAN),
        help="With --clean: don't ask, for several VMs either.",
    ).field()  # fmt: skip

    list_all: bool = Option(
        "--list", group=Group.FLEET, chooses=Mode.LIST, help="Show the VMs with live health."
    ).field()
    status: str | None = Option(
        "--status", kind=Kind.TEXT, value="TARGET|ID", group=Group.FLEET, chooses=Mode.STATUS,
        help="Show a VM, group or pattern; or all of one session.",
    ).field()  # fmt: skip
    inventory: str | None = Option(
        "-i --inventory", kind=Kind.TEXT, value="PATH", group=Group.FLEET, modes=EVERYWHERE,
        default="DX_INVENTORY, else your own, else ours",
        help="Ansible inventory: file, directory, script or plugin file.",
    ).field()  # fmt: skip
    forks: int | None = Option(
        "--forks", kind=Kind.NUMBER, least=1, value="N", group=Group.FLEET, modes=plain(*ON_VMS),
        default=f"all, up to {known.FORKS}", help="Hosts at a time.",
    ).field()  # fmt: skip

    issue: str | None = Option(
        "--issue", kind=Kind.TEXT, value="ID", group=Group.ISSUES, modes=_TASKS,
        help="Without TASK: make the prompt from this issue of Beads, for a VM or Jules.",
    ).field()  # fmt: skip
    beads: str | None = Option(
        "--beads", kind=Kind.TEXT, value="ID", group=Group.ISSUES,
        modes=_VM_TASKS | plain(Mode.FINALIZE), sets=(known.BEADS,),
        help="Beads issue of this session; also used as the branch name.",
    ).field()  # fmt: skip
    claim: bool = Option(
        "--claim", group=Group.ISSUES, modes=_WITH_ISSUE,
        help="With --issue: mark it in progress, and comment on it.",
    ).field()  # fmt: skip
    force: bool = Option(
        "--force", group=Group.ISSUES, modes=_WITH_ISSUE,
        help="With --issue: although the issue is closed or blocked.",
    ).field()  # fmt: skip
    template: str | None = Option(
        "--template", kind=Kind.TEXT, value="PATH", group=Group.ISSUES, modes=_WITH_ISSUE,
        help="With --issue: another template for the prompt.",
    ).field()  # fmt: skip
    dry_run: bool = Option(
        "--dry-run", group=Group.ISSUES, sets=(known.DRY_RUN,),
        modes=needing("issue", *_VM_TASKS) | plain(Mode.JULES, Mode.CLEAN),
        help="Only show what would be sent or removed.",
    ).field()  # fmt: skip
    notify_channel: str | None = Option(
        "--notify-channel", kind=Kind.TEXT, value="CHANNEL", group=Group.ISSUES, modes=_TASKS,
        help="Ask the agent to post to Slack at its end.",
    ).field()  # fmt: skip
    finalize_pr: str | None = Option(
        "--finalize-pr", kind=Kind.TEXT, value="SES", group=Group.ISSUES, chooses=Mode.FINALIZE,
        help="Commit what this session has left, push its branch, and open its pull request.",
    ).field()  # fmt: skip
    base: str | None = Option(
        "--base", kind=Kind.TEXT, value="BRANCH", group=Group.ISSUES, modes=plain(Mode.FINALIZE),
        sets=(known.BASE,), default="the remote's own",
        help="With --finalize-pr: where it is to be merged.",
    ).field()  # fmt: skip
    draft: bool = Option(
        "--draft", group=Group.ISSUES, modes=plain(Mode.FINALIZE), sets=(known.DRAFT,),
        help="With --finalize-pr: open it as a draft.",
    ).field()  # fmt: skip
    reviewer: tuple[str, ...] = Option(
        "--reviewer", kind=Kind.TEXTS, nothing=(), value="USER|ORG/TEAM", group=Group.ISSUES,
        modes=plain(Mode.FINALIZE), sets=(known.REVIEWERS,),
        help="With --finalize-pr: ask for a review. May be given several times.",
    ).field()  # fmt: skip

    jules: bool = Option(
        "--jules", group=Group.JULES, modes=plain(*AT_JULES.values()),
        help="Hand the task, or the issue, to Jules, in the cloud.",
    ).field()  # fmt: skip
    branch: str | None = Option(
        "--branch", kind=Kind.TEXT, value="BRANCH", group=Group.JULES, modes=plain(Mode.JULES),
        default="the repository's own", help="With --jules: start from this one.",
    ).field()  # fmt: skip
    attach_age: float | None = Option(
        "--attach-age", kind=Kind.DURATION, value="DURATION", group=Group.JULES,
        modes=plain(Mode.JULES),
        default=f"{known.ATTACH_AGE_SECONDS / 86400:g}d; with --run-id no limit",
        help="With --jules: attach to a session of the same words that ended no longer ago, like "
        "12h.",
    ).field()  # fmt: skip
    allow_no_pr: bool = Option(
        "--allow-no-pr", group=Group.JULES,
        modes=needing("wait", Mode.JULES, Mode.JULES_MESSAGE, Mode.APPROVE)
        | plain(Mode.JULES_STATUS, Mode.JULES_LOGS),
        help="With Jules: no pull request is a success as well.",
    ).field()  # fmt: skip
    approve: str | None = Option(
        "--approve", kind=Kind.TEXT, value="SES", group=Group.JULES, chooses=Mode.APPROVE,
        help="Approve the plan of a session of Jules.",
    ).field()  # fmt: skip

    json: bool = Option(
        "--json", group=Group.OUTPUT, modes=EVERYWHERE,
        help="Print one JSON document on standard output.",
    ).field()  # fmt: skip
    gather: bool = Option(
        "--gather", group=Group.OUTPUT, modes=_COMMANDS,
        help="Show equal outputs once, at the end.",
    ).field()  # fmt: skip
    max_output: int | None = Option(
        "--max-output", kind=Kind.NUMBER, least=0, value="BYTES", group=Group.OUTPUT,
        modes=_COMMANDS, sets=(known.OUTPUT_LIMIT,),
        default="4 MiB; 32 MiB over all hosts", help="Bytes of each stream kept of a host.",
    ).field()  # fmt: skip
    slack: bool | None = Option(
        "--slack --no-slack", kind=Kind.SWITCH, group=Group.OUTPUT,
        modes=_TASKS | _COMMANDS | plain(Mode.FINALIZE), default="where Slack is configured",
        help="Tell Slack of this dispatch and its end.",
    ).field()  # fmt: skip
    verbose: int = Option(
        "-v --verbose", kind=Kind.COUNT, nothing=0, group=Group.OUTPUT, modes=EVERYWHERE,
        help="More in the log on standard error.",
    ).field()  # fmt: skip
    quiet: bool = Option(
        "-q --quiet", group=Group.OUTPUT, modes=EVERYWHERE,
        help="No summary, and only failures in the log.",
    ).field()  # fmt: skip

    retries: int = Option(
        "--retries", kind=Kind.NUMBER, least=0, most=10, value="N", group=Group.ADVANCED,
        nothing=known.RETRIES.default, sets=(known.RETRIES,), default=f"{known.RETRIES.default}",
        modes=_VM_TASKS | _COMMANDS | plain(Mode.FINALIZE),
        help="Further connection attempts; a command that ran is never run again.",
    ).field()  # fmt: skip
    engine: str | None = Option(
        "--engine", kind=Kind.CHOICE, choices=("status", "stop"), group=Group.ADVANCED,
        chooses=Mode.ENGINE, help="Show the resident engines of this machine, or end them.",
    ).field()  # fmt: skip

    given: frozenset[str] = frozenset()
    """The fields of the options that the user gave; the others have their defaults."""

    def values_given(self) -> dict[str, object]:
        """The value of each field that the user gave."""
        return {name: getattr(self, name) for name in self.given}

    def settings(self) -> Settings:
        """The paths and settings of this call."""
        return Settings.load(self.inventory, forks=self.forks)

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
            return sys.stdin.buffer.read()
        try:
            return Path(self.file).read_bytes()
        except OSError as error:
            message = f"{self.file} can't be read: {error.strerror}"
            raise UsageError(message, "give a readable file, or - for standard input") from error


@cache
def table() -> dict[str, Option]:
    """The entry of each option, by the name of its field."""
    return {
        each.name: each.metadata["option"] for each in fields(Options) if "option" in each.metadata
    }
