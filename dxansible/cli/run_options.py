"""The first part of the option table: the words, and what they are to do on the VMs."""

from __future__ import annotations

from dxansible import parameters as known
from dxansible.cli.given import Given
from dxansible.cli.option import (
    AT_JULES_WHILE_WAITING,
    COMMANDS,
    TASKS,
    VM_TASKS,
    Group,
    Kind,
    Mode,
    Offer,
    Option,
    needing,
    plain,
)

__all__ = ["RunOptions"]


class RunOptions(Given):
    """The two words, and the options of the group Run."""

    target: str | None = Option(
        "target", kind=Kind.ARGUMENT, offers=Offer.HOSTS,
        modes=VM_TASKS | COMMANDS | plain(Mode.SESSIONS, Mode.CLEAN, Mode.INIT),
    ).field()  # fmt: skip
    task: str | None = Option(
        "task", kind=Kind.ARGUMENT, modes=TASKS | plain(Mode.JULES_MESSAGE, Mode.RERUN)
    ).field()

    command: str | None = Option(
        "--exec", kind=Kind.TEXT, value="COMMAND", group=Group.RUN, chooses=Mode.EXEC,
        everyday=True,
        help="Run a shell command on TARGET, output live. In words after --, or with --file.",
    ).field()  # fmt: skip
    file: str | None = Option(
        "--file", kind=Kind.TEXT, value="PATH", group=Group.RUN,
        modes=TASKS | plain(Mode.EXEC, Mode.JULES_MESSAGE), everyday=True, offers=Offer.FILES,
        help="Read the task, or the command, from a file. - is standard input.",
    ).field()  # fmt: skip
    stdin: bool = Option(
        "--stdin", group=Group.RUN, modes=COMMANDS,
        help="With --exec: read standard input to its end, then send it to the command.",
    ).field()  # fmt: skip
    cwd: str | None = Option(
        "--cwd", kind=Kind.TEXT, value="DIR", group=Group.RUN, modes=plain(Mode.EXEC),
        default="the home directory",
        help="With --exec: run the command in this directory of the VM; in quotes if it begins "
        "with ~.",
    ).field()  # fmt: skip
    env: tuple[tuple[str, str], ...] = Option(
        "--env", kind=Kind.VARIABLES, value="NAME[=VALUE]", group=Group.RUN,
        modes=COMMANDS, nothing=(),
        help="With --exec: set a variable of the command's environment; without a value, copy "
        "it from here. May be given several times.",
    ).field()  # fmt: skip
    timeout: float | None = Option(
        "--timeout", kind=Kind.DURATION, value="DURATION", group=Group.RUN,
        modes=VM_TASKS | COMMANDS | plain(Mode.FINALIZE, Mode.DIFF) | AT_JULES_WHILE_WAITING,
        sets=(known.TIMEOUT, known.TURN_TIMEOUT, known.FINALIZE_TIMEOUT),
        default=f"{known.TIMEOUT.default:g}s for a command; for a turn dx_session_timeout, or "
        f"{known.TURN_SECONDS / 3600:g}h; {known.FINALIZE_TIMEOUT.default / 60:g}m for "
        "--finalize-pr",
        everyday=True,
        help="Time limit, enforced on the VM. Seconds, or as 10m, 1h30m.",
    ).field()  # fmt: skip
    idle_timeout: float | None = Option(
        "--idle-timeout", kind=Kind.DURATION, value="DURATION", group=Group.RUN,
        modes=VM_TASKS | AT_JULES_WHILE_WAITING, sets=(known.IDLE_TIMEOUT,),
        default=f"dx_idle_timeout, or {known.IDLE_SECONDS / 60:g}m; none for Jules",
        help="Stop a turn that prints nothing for this long.",
    ).field()  # fmt: skip
    run_id: str | None = Option(
        "--run-id", kind=Kind.TEXT, value="ID", group=Group.RUN,
        modes=plain(Mode.EXEC, Mode.JULES), sets=(known.RUN_ID,),
        help="Your own id. A repeated call with this id attaches instead of running again.",
    ).field()  # fmt: skip
    when_back: float | None = Option(
        "--when-back", kind=Kind.DURATION, most=int(known.LONGEST_WAIT), value="DURATION",
        group=Group.RUN, modes=VM_TASKS | COMMANDS, sets=(known.WHEN_BACK,),
        help="Wait so long for a host that can't be reached, and start once when it answers. At "
        "most 6d.",
    ).field()  # fmt: skip
    detach: bool = Option(
        "--detach", group=Group.RUN, modes=needing("when_back", Mode.EXEC, *VM_TASKS),
        help="With --when-back: return, and let another process wait for the hosts that are off.",
    ).field()  # fmt: skip
    start_at: float | None = Option(
        "--at", kind=Kind.TIME, value="TIME", group=Group.RUN, modes=VM_TASKS | plain(Mode.EXEC),
        sets=(known.START_AT,),
        help="The VM starts the command, or the turn, at this time, like 03:00 or '2026-12-24 "
        "18:30'; the call returns.",
    ).field()  # fmt: skip
    start_in: float | None = Option(
        "--in", kind=Kind.DURATION, value="DURATION", group=Group.RUN,
        modes=VM_TASKS | plain(Mode.EXEC), sets=(known.START_AT,),
        help="The VM starts the command, or the turn, after this time; the call returns.",
    ).field()  # fmt: skip
    serial: tuple[str, ...] = Option(
        "--serial", kind=Kind.STEPS, value="SIZES", group=Group.RUN, modes=COMMANDS, nothing=(),
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
        help="Run a recorded command again where it failed. TARGET and TASK may say failed, "
        "unreachable, timeout or all, and the id of a run.",
    ).field()  # fmt: skip
    runs: bool = Option(
        "--runs", group=Group.RUN, chooses=Mode.RUNS, help="Show the recorded runs of commands."
    ).field()
    wait: bool = Option(
        "--wait", group=Group.RUN, modes=TASKS | plain(Mode.JULES_MESSAGE, Mode.APPROVE),
        everyday=True,
        sets=(known.WAIT,), help="Follow the turn; its outcome sets the exit code.",
    ).field()  # fmt: skip
    agent: str | None = Option(
        "--agent", kind=Kind.TEXT, value="NAME", group=Group.RUN, modes=VM_TASKS,
        everyday=True, offers=Offer.AGENTS,
        sets=(known.AGENT,), help="Another agent than the VM's own, for this call.",
    ).field()  # fmt: skip
    repo: str | None = Option(
        "--repo", kind=Kind.TEXT, value="PATH|OWNER/NAME", group=Group.RUN,
        modes=plain(Mode.TASK, Mode.JULES), sets=(known.REPO,),
        default="for Jules the remote origin", everyday=True,
        help="Work in a new worktree of this repository. A path on the VM, with a leading ~ in "
        "quotes; with --jules, the repository at GitHub.",
    ).field()  # fmt: skip
    dir: str | None = Option(
        "--dir", kind=Kind.TEXT, value="PATH", group=Group.RUN, modes=VM_TASKS, sets=(known.DIR,),
        help="Work in this directory of the VM, without a worktree; in quotes if it begins with ~.",
    ).field()  # fmt: skip
    model: str | None = Option(
        "--model", kind=Kind.TEXT, value="NAME", group=Group.RUN, modes=VM_TASKS,
        sets=(known.MODEL,), default="the session's, or the agent's own",
        help="The model that the agent is told to use, in its own words. A session keeps it.",
    ).field()  # fmt: skip
    plan: bool = Option(
        "--plan", group=Group.RUN, modes=VM_TASKS, sets=(known.PLAN,),
        help="Let the agent only read and plan in this turn, in its own read-only mode.",
    ).field()  # fmt: skip
    attach: tuple[str, ...] = Option(
        "--attach", kind=Kind.TEXTS, nothing=(), value="FILE", group=Group.RUN, modes=VM_TASKS,
        offers=Offer.FILES,
        help="Send this file with the task, outside the worktree. May be given several times; at "
        f"most {known.ATTACHMENTS_BYTES >> 20} MiB in all.",
    ).field()  # fmt: skip
    verify: str | None = Option(
        "--verify", kind=Kind.TEXT, value="COMMAND", group=Group.RUN, modes=VM_TASKS,
        help="A check after the turn; SUCCESS then needs its exit 0.",
    ).field()  # fmt: skip
    on_limit: str | None = Option(
        "--on-limit", kind=Kind.CHOICE, choices=("wait", "fail"), group=Group.RUN, modes=VM_TASKS,
        sets=(known.ON_LIMIT,), default="dx_on_limit, or fail",
        help="wait: at a usage limit of the agent, the VM waits until it resets, and goes on.",
    ).field()  # fmt: skip
    max_cost: float | None = Option(
        "--max-cost", kind=Kind.AMOUNT, value="USD", group=Group.RUN, modes=VM_TASKS,
        sets=(known.MAX_COST,), default="dx_max_cost, or none",
        help="Once the session has cost as much, as its agent tells, refuse further prompts "
        "without a higher limit.",
    ).field()  # fmt: skip
    dry_run: bool = Option(
        "--dry-run", group=Group.RUN, sets=(known.DRY_RUN,),
        modes=TASKS | plain(Mode.EXEC, Mode.CLEAN),
        help="Only show what would be sent, and where, or what would be removed.",
    ).field()  # fmt: skip
