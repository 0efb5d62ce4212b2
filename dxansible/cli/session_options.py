"""The second part of the option table: agents' sessions, and what is known of commands."""

from __future__ import annotations

from dxansible import parameters as known
from dxansible.cli.given import Given
from dxansible.cli.option import Group, Kind, Mode, Offer, Option, plain

__all__ = ["SessionOptions"]


class SessionOptions(Given):
    """The options of the group Sessions."""

    session: str | None = Option(
        "--session", kind=Kind.TEXT, value="SES", group=Group.SESSIONS,
        modes=plain(Mode.FURTHER, Mode.JULES_MESSAGE), sets=(known.SESSION,),
        everyday=True, offers=Offer.AGENT_SESSIONS,
        help="Continue this session with TASK.",
    ).field()  # fmt: skip
    queue: bool = Option(
        "--queue", group=Group.SESSIONS, modes=plain(Mode.FURTHER, Mode.FINALIZE),
        sets=(known.QUEUE,), help="Wait for a turn that is running, then start.",
    ).field()  # fmt: skip
    sessions: bool = Option(
        "--sessions", group=Group.SESSIONS, chooses=Mode.SESSIONS, everyday=True,
        help="Show the sessions and commands of TARGET.",
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
        "--logs", kind=Kind.TEXT, value="ID...|all", group=Group.SESSIONS, chooses=Mode.LOGS,
        everyday=True, offers=Offer.SESSIONS,
        help="Show a session's transcript, several or all, or what a command has printed.",
    ).field()  # fmt: skip
    follow: bool = Option(
        "--follow", group=Group.SESSIONS, modes=plain(Mode.LOGS, Mode.JULES_LOGS), everyday=True,
        sets=(known.WAIT,), help="With --logs: go on until it has ended.",
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
        modes=plain(Mode.CLEAN), sets=(known.CLEAN_AGE,), default=f"{known.CLEAN_AGE.default}",
        help="With --clean: how long ago they ended.",
    ).field()  # fmt: skip
    yes: bool = Option(
        "--yes", group=Group.SESSIONS, modes=plain(Mode.CLEAN),
        help="With --clean: don't ask, for several VMs either.",
    ).field()  # fmt: skip
