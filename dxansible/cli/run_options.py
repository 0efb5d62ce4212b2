"""The first part of the option table: what to do on the VMs, the sessions there, and the VMs."""

from __future__ import annotations

from dxansible import parameters as known
from dxansible.cli.option import (
    AT_JULES_WHILE_WAITING,
    COMMANDS,
    EVERYWHERE,
    ON_VMS,
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
from dxansible.value import Value

__all__ = ["RunOptions"]


class RunOptions(Value):
    """The two words, and the options of the groups Run, Sessions and Fleet."""

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
        default=f"{known.TIMEOUT.default:g}s for a command; for a turn dx_session_timeout, or "
        f"{known.TURN_SECONDS / 3600:g}h; {known.FINALIZE_TIMEOUT.default / 60:g}m for "
        "--finalize-pr",
        everyday=True,
        help="Time limit, enforced on the VM. Seconds, or as 10m, 1h30m.",
    ).field()  # fmt: skip
    idle_timeout: float | None = Option(
        "--idle-timeout", kind=Kind.DURATION, value="DURATION", group=Group.RUN,
        modes=VM_TASKS | AT_JULES_WHILE_WAITING,
        default=f"dx_idle_timeout, or {known.IDLE_SECONDS / 60:g}m; none for Jules",
        help="Stop a turn that prints nothing for this long.",
    ).field()  # fmt: skip
    run_id: str | None = Option(
        "--run-id", kind=Kind.TEXT, value="ID", group=Group.RUN, modes=plain(Mode.EXEC, Mode.JULES),
        help="Your own id. A repeated call with this id attaches instead of running again.",
    ).field()  # fmt: skip
    when_back: float | None = Option(
        "--when-back", kind=Kind.DURATION, most=int(known.LONGEST_WAIT), value="DURATION",
        group=Group.RUN, modes=VM_TASKS | COMMANDS,
        help="Wait so long for a host that can't be reached, and start once when it answers. At "
        "most 6d.",
    ).field()  # fmt: skip
    detach: bool = Option(
        "--detach", group=Group.RUN, modes=needing("when_back", Mode.EXEC, *VM_TASKS),
        help="With --when-back: return, and let another process wait for the hosts that are off.",
    ).field()  # fmt: skip
    start_at: float | None = Option(
        "--at", kind=Kind.TIME, value="TIME", group=Group.RUN, modes=VM_TASKS | plain(Mode.EXEC),
        help="The VM starts the command, or the turn, at this time, like 03:00 or '2026-12-24 "
        "18:30'; the call returns.",
    ).field()  # fmt: skip
    start_in: float | None = Option(
        "--in", kind=Kind.DURATION, value="DURATION", group=Group.RUN,
        modes=VM_TASKS | plain(Mode.EXEC),
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
    anyway: bool = Option(
        "--anyway", group=Group.RUN, modes=plain(Mode.RERUN),
        help="With --rerun: run the command also where the earlier one is running, or may be.",
    ).field()  # fmt: skip
    runs: bool = Option(
        "--runs", group=Group.RUN, chooses=Mode.RUNS, help="Show the recorded runs of commands."
    ).field()
    wait: bool = Option(
        "--wait", group=Group.RUN, modes=TASKS | plain(Mode.JULES_MESSAGE, Mode.APPROVE),
        everyday=True,
        help="Follow the turn; its outcome sets the exit code.",
    ).field()  # fmt: skip
    agent: str | None = Option(
        "--agent", kind=Kind.TEXT, value="NAME", group=Group.RUN, modes=VM_TASKS,
        everyday=True, offers=Offer.AGENTS,
        help="Another agent than the VM's own, for this call.",
    ).field()  # fmt: skip
    repo: str | None = Option(
        "--repo", kind=Kind.TEXT, value="PATH|OWNER/NAME", group=Group.RUN,
        modes=plain(Mode.TASK, Mode.JULES), default="for Jules the remote origin", everyday=True,
        help="Work in a new worktree of this repository. A path on the VM, with a leading ~ in "
        "quotes; with --jules, the repository at GitHub.",
    ).field()  # fmt: skip
    dir: str | None = Option(
        "--dir", kind=Kind.TEXT, value="PATH", group=Group.RUN, modes=VM_TASKS,
        help="Work in this directory of the VM, without a worktree; in quotes if it begins with ~.",
    ).field()  # fmt: skip
    model: str | None = Option(
        "--model", kind=Kind.TEXT, value="NAME", group=Group.RUN, modes=VM_TASKS,
        default="the session's, or the agent's own",
        help="The model that the agent is told to use, in its own words. A session keeps it.",
    ).field()  # fmt: skip
    plan: bool = Option(
        "--plan", group=Group.RUN, modes=VM_TASKS,
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
        default="dx_on_limit, or fail",
        help="wait: at a usage limit of the agent, the VM waits until it resets, and goes on.",
    ).field()  # fmt: skip
    max_cost: float | None = Option(
        "--max-cost", kind=Kind.AMOUNT, value="USD", group=Group.RUN, modes=VM_TASKS,
        default="dx_max_cost, or none",
        help="Once the session has cost as much, as its agent tells, refuse further prompts "
        "without a higher limit.",
    ).field()  # fmt: skip
    dry_run: bool = Option(
        "--dry-run", group=Group.RUN, modes=TASKS | plain(Mode.EXEC, Mode.CLEAN),
        help="Only show what would be sent, and where, or what would be removed.",
    ).field()  # fmt: skip
    session: str | None = Option(
        "--session", kind=Kind.TEXT, value="SES", group=Group.SESSIONS,
        modes=plain(Mode.FURTHER, Mode.JULES_MESSAGE), everyday=True, offers=Offer.AGENT_SESSIONS,
        help="Continue this session with TASK.",
    ).field()  # fmt: skip
    queue: bool = Option(
        "--queue", group=Group.SESSIONS, modes=plain(Mode.FURTHER, Mode.FINALIZE),
        help="Wait for a turn that is running, then start.",
    ).field()  # fmt: skip
    sessions: bool = Option(
        "--sessions", group=Group.SESSIONS, chooses=Mode.SESSIONS, everyday=True,
        help="Show the sessions and commands of TARGET.",
    ).field()  # fmt: skip
    agents: bool = Option(
        "--agents", group=Group.SESSIONS, modes=plain(Mode.SESSIONS),
        help="With --sessions: the agents' sessions alone.",
    ).field()  # fmt: skip
    commands: bool = Option(
        "--commands", group=Group.SESSIONS, modes=plain(Mode.SESSIONS),
        help="With --sessions: the commands alone.",
    ).field()  # fmt: skip
    logs: str | None = Option(
        "--logs", kind=Kind.TEXT, value="ID...|all", group=Group.SESSIONS, chooses=Mode.LOGS,
        everyday=True, offers=Offer.SESSIONS,
        help="Show a session's transcript, several or all, or what a command has printed.",
    ).field()  # fmt: skip
    follow: bool = Option(
        "--follow", group=Group.SESSIONS, modes=plain(Mode.LOGS, Mode.JULES_LOGS), everyday=True,
        help="With --logs: go on until it has ended.",
    ).field()  # fmt: skip
    raw: bool = Option(
        "--raw", group=Group.SESSIONS, modes=plain(Mode.LOGS),
        help="With --logs: what the agent has printed, as it is, instead of a transcript.",
    ).field()  # fmt: skip
    diff: str | None = Option(
        "--diff", kind=Kind.TEXT, value="SES", group=Group.SESSIONS, chooses=Mode.DIFF,
        everyday=True, offers=Offer.AGENT_SESSIONS,
        help="Show what a session has changed in its worktree, as a patch.",
    ).field()  # fmt: skip
    stat: bool = Option(
        "--stat", group=Group.SESSIONS, modes=plain(Mode.DIFF),
        help="With --diff: only which files have changed, and how much.",
    ).field()  # fmt: skip
    open: str | None = Option(
        "--open", kind=Kind.TEXT, value="SES", group=Group.SESSIONS, chooses=Mode.OPEN,
        offers=Offer.AGENT_SESSIONS,
        help="Open the agent's own screen on a session; without a terminal, print the command.",
    ).field()  # fmt: skip
    abort: str | None = Option(
        "--abort", kind=Kind.TEXT, value="ID", group=Group.SESSIONS, chooses=Mode.ABORT,
        everyday=True, offers=Offer.SESSIONS,
        help="Stop a session or command, and verify that.",
    ).field()  # fmt: skip
    clean: bool = Option(
        "--clean", group=Group.SESSIONS, chooses=Mode.CLEAN,
        help="Remove ended sessions of TARGET, or of all; asks first, unless it is one VM.",
    ).field()  # fmt: skip
    age: int | None = Option(
        "--age", kind=Kind.DAYS, least=0, value="DAYS", group=Group.SESSIONS,
        modes=plain(Mode.CLEAN), default=f"{known.CLEAN_AGE.default}",
        help="With --clean: how long ago they ended.",
    ).field()  # fmt: skip
    yes: bool = Option(
        "--yes", group=Group.SESSIONS, modes=plain(Mode.CLEAN),
        help="With --clean: don't ask, for several VMs either.",
    ).field()  # fmt: skip
    list_all: bool = Option(
        "--list", group=Group.FLEET, chooses=Mode.LIST, everyday=True,
        help="Show the VMs with live health.",
    ).field()  # fmt: skip
    status: str | None = Option(
        "--status", kind=Kind.TEXT, value="TARGET|ID", group=Group.FLEET, chooses=Mode.STATUS,
        everyday=True, offers=Offer.HOSTS_AND_SESSIONS,
        help="Show a host, a group, a pattern or a session.",
    ).field()  # fmt: skip
    init: bool = Option(
        "--init", group=Group.FLEET, chooses=Mode.INIT, everyday=True,
        help="Write an inventory of your VMs. To TARGET, a path, or to your own place.",
    ).field()  # fmt: skip
    vm: tuple[str, ...] = Option(
        "--vm", kind=Kind.TEXTS, nothing=(), value="NAME=USER@ADDRESS[:PORT]", group=Group.FLEET,
        modes=plain(Mode.INIT),
        help="With --init: a VM for it, instead of questions. May be given several times.",
    ).field()  # fmt: skip
    watch: bool = Option(
        "--watch", group=Group.FLEET, modes=plain(Mode.LIST, Mode.SESSIONS), everyday=True,
        help="Keep --list or --sessions up to date. q quits.",
    ).field()  # fmt: skip
    inventory: tuple[str, ...] = Option(
        "-i --inventory", kind=Kind.TEXTS, nothing=(), value="PATH", group=Group.FLEET,
        modes=EVERYWHERE, default="DX_INVENTORY, else your own, else ours", everyday=True,
        offers=Offer.FILES,
        help="Use this Ansible inventory. A file, directory, script or plugin file. May be given "
        "several times.",
    ).field()  # fmt: skip
    forks: int | None = Option(
        "--forks", kind=Kind.NUMBER, least=1, value="N", group=Group.FLEET, modes=plain(*ON_VMS),
        default=f"all, up to {known.FORKS}", help="Hosts at a time.",
    ).field()  # fmt: skip

    via: str | None = Option(
        "--via", kind=Kind.TEXT, value="NODE|auto", group=Group.FLEET, modes=plain(*ON_VMS),
        default="dx_node of each host",
        help="Reach the hosts through this execution node of Receptor, through any, or, with "
        "local, through none.",
    ).field()  # fmt: skip

    nodes: bool = Option(
        "--nodes", group=Group.FLEET, chooses=Mode.NODES,
        help="Show the execution nodes of Receptor with live health.",
    ).field()  # fmt: skip
