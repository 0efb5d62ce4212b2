"""The options of ``dx-dispatch``: everything about each of them, in one place.

The parameters of click, the refusals, the help, the rows of docs/cli.md and what the calls are
given are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache

from dxansible import parameters as known
from dxansible.calls.mode import EVERYWHERE, ON_VMS, Mode, needing, plain
from dxansible.calls.option import Group, Kind, Option, argument, option

__all__ = ["Table", "options"]

_VM_TASKS = plain(Mode.TASK, Mode.FURTHER)
_TASKS = _VM_TASKS | plain(Mode.JULES)
_WITH_ISSUE = needing("issue", *_TASKS)
_AT_JULES_WHILE_WAITING = needing("wait", Mode.JULES, Mode.JULES_MESSAGE, Mode.APPROVE) | needing(
    "follow", Mode.JULES_LOGS
)
_JULES_MODES = plain(
    Mode.JULES, Mode.JULES_MESSAGE, Mode.JULES_SESSIONS, Mode.JULES_STATUS, Mode.JULES_LOGS,
    Mode.JULES_ABORT, Mode.APPROVE,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One field for each option; its default is what an option is that was not given."""

    target: str | None = argument(
        "target",
        modes=_VM_TASKS | plain(Mode.EXEC, Mode.SESSIONS, Mode.CLEAN),
    )
    task: str | None = argument("task", modes=_TASKS | plain(Mode.JULES_MESSAGE))

    command: str | None = option(
        "--exec", kind=Kind.TEXT, value="COMMAND", group=Group.RUN, chooses=Mode.EXEC,
        help="Run a shell command on TARGET, output live. Without a value before --file.",
    )  # fmt: skip
    file: str | None = option(
        "--file", kind=Kind.TEXT, value="PATH", group=Group.RUN,
        modes=_TASKS | plain(Mode.EXEC, Mode.JULES_MESSAGE),
        help="Take the task, or the command of --exec, from a file; - is standard input.",
    )  # fmt: skip
    stdin: bool = option(
        "--stdin", group=Group.RUN, modes=plain(Mode.EXEC),
        help="With --exec: send standard input to the command, once it has come to its end.",
    )  # fmt: skip
    cwd: str | None = option(
        "--cwd", kind=Kind.TEXT, value="DIR", group=Group.RUN, modes=plain(Mode.EXEC),
        default="the home directory",
        help="With --exec: run the command in this directory of the VM; in quotes if it begins "
        "with ~.",
    )  # fmt: skip
    env: tuple[tuple[str, str], ...] = option(
        "--env", kind=Kind.VARIABLES, value="NAME[=VALUE]", group=Group.RUN,
        modes=plain(Mode.EXEC), nothing=(),
        help="With --exec: set a variable of the command's environment; without a value, to the "
        "one that it has here. May be given several times.",
    )  # fmt: skip
    timeout: float | None = option(
        "--timeout", kind=Kind.SECONDS, value="SECONDS", group=Group.RUN,
        modes=_VM_TASKS | plain(Mode.EXEC, Mode.FINALIZE) | _AT_JULES_WHILE_WAITING,
        sets=(known.TIMEOUT, known.TURN_TIMEOUT, known.FINALIZE_TIMEOUT),
        default=f"{known.TIMEOUT.default:g} for a command; for a turn dx_session_timeout, or "
        f"{known.TURN_SECONDS:g}; {known.FINALIZE_TIMEOUT.default:g} for --finalize-pr",
        help="Time limit, enforced on the VM.",
    )  # fmt: skip
    idle_timeout: float | None = option(
        "--idle-timeout", kind=Kind.SECONDS, value="SECONDS", group=Group.RUN,
        modes=_VM_TASKS | _AT_JULES_WHILE_WAITING, sets=(known.IDLE_TIMEOUT,),
        default=f"dx_idle_timeout, or {known.IDLE_SECONDS:g}; none for Jules",
        help="End a turn that prints nothing for so long.",
    )  # fmt: skip
    run_id: str | None = option(
        "--run-id", kind=Kind.TEXT, value="ID", group=Group.RUN,
        modes=plain(Mode.EXEC, Mode.JULES), sets=(known.RUN_ID,),
        help="An id of your own: a command sent again with it never runs twice.",
    )  # fmt: skip
    wait: bool = option(
        "--wait", group=Group.RUN, modes=_TASKS | plain(Mode.JULES_MESSAGE, Mode.APPROVE),
        sets=(known.WAIT,), help="Follow the turn; its outcome sets the exit code.",
    )  # fmt: skip
    agent: str | None = option(
        "--agent", kind=Kind.TEXT, value="NAME", group=Group.RUN, modes=_VM_TASKS,
        sets=(known.AGENT,), help="Another agent than the VM's own, for this call.",
    )  # fmt: skip
    repo: str | None = option(
        "--repo", kind=Kind.TEXT, value="PATH|OWNER/NAME", group=Group.RUN,
        modes=plain(Mode.TASK, Mode.JULES), sets=(known.REPO,),
        default="for Jules the remote origin",
        help="Work in a git worktree of its own of this repository on the VM, in quotes if it "
        "begins with ~; with --jules, the repository at GitHub.",
    )  # fmt: skip
    dir: str | None = option(
        "--dir", kind=Kind.TEXT, value="PATH", group=Group.RUN, modes=_VM_TASKS, sets=(known.DIR,),
        help="Work in this directory of the VM, without a worktree; in quotes if it begins with ~.",
    )  # fmt: skip
    verify: str | None = option(
        "--verify", kind=Kind.TEXT, value="COMMAND", group=Group.RUN, modes=_VM_TASKS,
        help="A check after the turn; SUCCESS then needs its exit 0.",
    )  # fmt: skip

    session: str | None = option(
        "--session", kind=Kind.TEXT, value="SES", group=Group.SESSIONS,
        modes=plain(Mode.FURTHER, Mode.JULES_MESSAGE), sets=(known.SESSION,),
        help="Continue this session with TASK.",
    )  # fmt: skip
    queue: bool = option(
        "--queue", group=Group.SESSIONS, modes=plain(Mode.FURTHER, Mode.FINALIZE),
        sets=(known.QUEUE,), help="Wait for a turn that is running, then start.",
    )  # fmt: skip
    sessions: bool = option(
        "--sessions", group=Group.SESSIONS, chooses=Mode.SESSIONS,
        help="Show the agents' sessions and the commands of TARGET.",
    )  # fmt: skip
    agents: bool = option(
        "--agents", group=Group.SESSIONS, modes=plain(Mode.SESSIONS), sets=(known.ONLY,),
        help="With --sessions: the agents' sessions alone.",
    )  # fmt: skip
    commands: bool = option(
        "--commands", group=Group.SESSIONS, modes=plain(Mode.SESSIONS), sets=(known.ONLY,),
        help="With --sessions: the commands alone.",
    )  # fmt: skip
    logs: str | None = option(
        "--logs", kind=Kind.TEXT, value="ID", group=Group.SESSIONS, chooses=Mode.LOGS,
        help="Show what a session or a command has printed.",
    )  # fmt: skip
    follow: bool = option(
        "--follow", group=Group.SESSIONS, modes=plain(Mode.LOGS, Mode.JULES_LOGS),
        sets=(known.WAIT,), help="With --logs: go on until it has ended.",
    )  # fmt: skip
    abort: str | None = option(
        "--abort", kind=Kind.TEXT, value="ID", group=Group.SESSIONS, chooses=Mode.ABORT,
        help="Stop a session or a command, and see that it is gone.",
    )  # fmt: skip
    clean: bool = option(
        "--clean", group=Group.SESSIONS, chooses=Mode.CLEAN,
        help="Remove ended sessions of TARGET, or of all; asks first, unless it is one VM.",
    )  # fmt: skip
    age: int | None = option(
        "--age", kind=Kind.NUMBER, least=0, value="DAYS", group=Group.SESSIONS,
        modes=plain(Mode.CLEAN), sets=(known.CLEAN_AGE,), default=f"{known.CLEAN_AGE.default}",
        help="With --clean: how long ago they ended.",
    )  # fmt: skip
    yes: bool = option(
        "--yes", group=Group.SESSIONS, modes=plain(Mode.CLEAN),
        help="With --clean: don't ask, for several VMs either.",
    )  # fmt: skip

    list_all: bool = option(
        "--list", group=Group.FLEET, chooses=Mode.LIST, help="Show the VMs with live health."
    )
    status: str | None = option(
        "--status", kind=Kind.TEXT, value="TARGET|ID", group=Group.FLEET, chooses=Mode.STATUS,
        help="Show a VM, group or pattern; or all of one session.",
    )  # fmt: skip
    inventory: str | None = option(
        "-i", "--inventory", kind=Kind.TEXT, value="PATH", group=Group.FLEET, modes=EVERYWHERE,
        default="DX_INVENTORY, else your own, else ours",
        help="Ansible inventory: file, directory, script or plugin file.",
    )  # fmt: skip
    forks: int | None = option(
        "--forks", kind=Kind.NUMBER, least=1, value="N", group=Group.FLEET, modes=plain(*ON_VMS),
        default=f"all, up to {known.FORKS}", help="Hosts at a time.",
    )  # fmt: skip

    issue: str | None = option(
        "--issue", kind=Kind.TEXT, value="ID", group=Group.ISSUES, modes=_TASKS,
        help="Without TASK: make the prompt from this issue of Beads, for a VM or Jules.",
    )  # fmt: skip
    beads: str | None = option(
        "--beads", kind=Kind.TEXT, value="ID", group=Group.ISSUES,
        modes=_VM_TASKS | plain(Mode.FINALIZE), sets=(known.BEADS,),
        help="The issue it belongs to; also names the branch.",
    )  # fmt: skip
    claim: bool = option(
        "--claim", group=Group.ISSUES, modes=_WITH_ISSUE,
        help="With --issue: mark it in progress, and comment on it.",
    )  # fmt: skip
    force: bool = option(
        "--force", group=Group.ISSUES, modes=_WITH_ISSUE,
        help="With --issue: although the issue is closed or blocked.",
    )  # fmt: skip
    template: str | None = option(
        "--template", kind=Kind.TEXT, value="PATH", group=Group.ISSUES, modes=_WITH_ISSUE,
        help="With --issue: another template for the prompt.",
    )  # fmt: skip
    dry_run: bool = option(
        "--dry-run", group=Group.ISSUES, sets=(known.DRY_RUN,),
        modes=needing("issue", *_VM_TASKS) | plain(Mode.JULES, Mode.CLEAN),
        help="Only show what would be sent or removed.",
    )  # fmt: skip
    notify_channel: str | None = option(
        "--notify-channel", kind=Kind.TEXT, value="CHANNEL", group=Group.ISSUES, modes=_TASKS,
        help="Ask the agent to post to Slack at its end.",
    )  # fmt: skip
    finalize_pr: str | None = option(
        "--finalize-pr", kind=Kind.TEXT, value="SES", group=Group.ISSUES, chooses=Mode.FINALIZE,
        help="Commit what this session has left, push its branch, and open its pull request.",
    )  # fmt: skip
    base: str | None = option(
        "--base", kind=Kind.TEXT, value="BRANCH", group=Group.ISSUES, modes=plain(Mode.FINALIZE),
        sets=(known.BASE,), default="the remote's own",
        help="With --finalize-pr: where it is to be merged.",
    )  # fmt: skip
    draft: bool = option(
        "--draft", group=Group.ISSUES, modes=plain(Mode.FINALIZE), sets=(known.DRAFT,),
        help="With --finalize-pr: open it as a draft.",
    )  # fmt: skip
    reviewer: tuple[str, ...] = option(
        "--reviewer", kind=Kind.TEXTS, nothing=(), value="USER|ORG/TEAM", group=Group.ISSUES,
        modes=plain(Mode.FINALIZE), sets=(known.REVIEWERS,),
        help="With --finalize-pr: ask for a review. May be given several times.",
    )  # fmt: skip

    jules: bool = option(
        "--jules", group=Group.JULES, modes=_JULES_MODES,
        help="Hand the task, or the issue, to Jules, in the cloud.",
    )  # fmt: skip
    branch: str | None = option(
        "--branch", kind=Kind.TEXT, value="BRANCH", group=Group.JULES, modes=plain(Mode.JULES),
        default="the repository's own", help="With --jules: start from this one.",
    )  # fmt: skip
    attach_age: float | None = option(
        "--attach-age", kind=Kind.DURATION, value="DURATION", group=Group.JULES,
        modes=plain(Mode.JULES),
        default=f"{known.ATTACH_AGE_SECONDS / 86400:g}d; with --run-id no limit",
        help="With --jules: attach to a session of the same words that ended no longer ago, like "
        "12h.",
    )  # fmt: skip
    allow_no_pr: bool = option(
        "--allow-no-pr", group=Group.JULES,
        modes=needing("wait", Mode.JULES, Mode.JULES_MESSAGE, Mode.APPROVE)
        | plain(Mode.JULES_STATUS, Mode.JULES_LOGS),
        help="With Jules: no pull request is a success as well.",
    )  # fmt: skip
    approve: str | None = option(
        "--approve", kind=Kind.TEXT, value="SES", group=Group.JULES, chooses=Mode.APPROVE,
        help="Approve the plan of a session of Jules.",
    )  # fmt: skip

    json: bool = option(
        "--json", group=Group.OUTPUT, modes=EVERYWHERE,
        help="Print one JSON document on standard output.",
    )  # fmt: skip
    gather: bool = option(
        "--gather", group=Group.OUTPUT, modes=plain(Mode.EXEC),
        help="Show equal outputs once, at the end.",
    )  # fmt: skip
    max_output: int | None = option(
        "--max-output", kind=Kind.NUMBER, least=0, value="BYTES", group=Group.OUTPUT,
        modes=plain(Mode.EXEC), sets=(known.OUTPUT_LIMIT,),
        default="4 MiB; 32 MiB over all hosts", help="Bytes of each stream kept of a host.",
    )  # fmt: skip
    slack: bool | None = option(
        "--slack", "--no-slack", kind=Kind.SWITCH, group=Group.OUTPUT,
        modes=_TASKS | plain(Mode.EXEC, Mode.FINALIZE), default="where Slack is configured",
        help="Tell Slack of this dispatch and its end.",
    )  # fmt: skip
    verbose: int = option(
        "-v", "--verbose", kind=Kind.COUNT, nothing=0, group=Group.OUTPUT, modes=EVERYWHERE,
        help="More in the log on standard error.",
    )  # fmt: skip
    quiet: bool = option(
        "-q", "--quiet", group=Group.OUTPUT, modes=EVERYWHERE,
        help="No summary, and only failures in the log.",
    )  # fmt: skip

    retries: int = option(
        "--retries", kind=Kind.NUMBER, least=0, most=10, value="N", group=Group.ADVANCED,
        nothing=known.RETRIES.default, sets=(known.RETRIES,), default=f"{known.RETRIES.default}",
        modes=_VM_TASKS | plain(Mode.EXEC, Mode.FINALIZE),
        help="Further connection attempts; a command that ran is never run again.",
    )  # fmt: skip
    engine: str | None = option(
        "--engine", kind=Kind.CHOICE, choices=("status", "stop"), group=Group.ADVANCED,
        chooses=Mode.ENGINE, help="Show the resident engines of this machine, or end them.",
    )  # fmt: skip

    given: frozenset[str] = frozenset()
    """The fields of the options that the user has given; the others have their defaults."""


@cache
def options() -> dict[str, Option]:
    """What the table says of each option, by the name of its field."""
    return {
        each.name: each.metadata["option"] for each in fields(Table) if "option" in each.metadata
    }
