"""The words and options of the command line, as click declares them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["declare_flags"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _seconds(value: str | float) -> float:
    try:
        seconds = float(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a number of seconds") from None
    if not 0 < seconds < float("inf"):
        raise click.BadParameter(f"{value} is not a number of seconds above 0")
    return seconds


def _duration(value: str | float) -> float:
    """Seconds, from a number with a unit or without; 0 is one as well."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)", str(value).strip())
    if found is None:
        raise click.BadParameter(f"{value!r} is no duration, like 1d, 12h, 90m or 3600 (seconds)")
    return float(found[1]) * _UNITS[found[2] or "s"]


_FLAGS = (
    click.argument("target", required=False),
    click.argument("task", required=False),
    click.option(
        "--exec",
        "command",
        metavar="COMMAND",
        help="Run a shell command on TARGET, output live. Without a value before --file.",
    ),
    click.option(
        "--file",
        metavar="PATH",
        help="Take the task, or the command of --exec, from a file; - is standard input.",
    ),
    click.option(
        "--stdin",
        is_flag=True,
        help="With --exec: send standard input to the command, once it has come to its end.",
    ),
    click.option("--list", "list_all", is_flag=True, help="Show the VMs with live health."),
    click.option(
        "--sessions", is_flag=True, help="Show the agents' sessions and the commands of TARGET."
    ),
    click.option("--agents", is_flag=True, help="With --sessions: the agents' sessions alone."),
    click.option("--commands", is_flag=True, help="With --sessions: the commands alone."),
    click.option(
        "--status", metavar="TARGET|ID", help="Show a VM, group or pattern; or all of one session."
    ),
    click.option("--logs", metavar="ID", help="Show what a session or a command has printed."),
    click.option("--follow", is_flag=True, help="With --logs: go on until it has ended."),
    click.option(
        "--abort", metavar="ID", help="Stop a session or a command, and see that it is gone."
    ),
    click.option(
        "--clean",
        is_flag=True,
        help="Remove ended sessions of TARGET, or of all; asks first, unless it is one VM.",
    ),
    click.option(
        "--age",
        type=click.IntRange(min=0),
        metavar="DAYS",
        help="With --clean: how long ago they ended.  [default: 30]",
    ),
    click.option("--yes", is_flag=True, help="With --clean: don't ask, for several VMs either."),
    click.option("--session", metavar="SES", help="Continue this session with TASK."),
    click.option("--agent", metavar="NAME", help="Another agent than the VM's own, for this call."),
    click.option(
        "--repo",
        metavar="PATH|OWNER/NAME",
        help="Work in a git worktree of its own of this repository on the VM, in quotes if it "
        "begins with ~; with --jules, the repository at GitHub.  [default there: the remote "
        "origin]",
    ),
    click.option(
        "--dir",
        metavar="PATH",
        help="Work in this directory of the VM, without a worktree; in quotes if it begins with ~.",
    ),
    click.option("--beads", metavar="ID", help="The issue it belongs to; also names the branch."),
    click.option(
        "--verify", metavar="COMMAND", help="A check after the turn; SUCCESS then needs its exit 0."
    ),
    click.option("--queue", is_flag=True, help="Wait for a turn that is running, then start."),
    click.option("--wait", is_flag=True, help="Follow the turn; its outcome sets the exit code."),
    click.option(
        "--jules", is_flag=True, help="Hand the task, or the issue, to Jules, in the cloud."
    ),
    click.option(
        "--issue",
        metavar="ID",
        help="Without TASK: make the prompt from this issue of Beads, for a VM or Jules.",
    ),
    click.option("--dry-run", is_flag=True, help="Only show what would be sent or removed."),
    click.option(
        "--claim", is_flag=True, help="With --issue: mark it in progress, and comment on it."
    ),
    click.option(
        "--force", is_flag=True, help="With --issue: although the issue is closed or blocked."
    ),
    click.option(
        "--template", metavar="PATH", help="With --issue: another template for the prompt."
    ),
    click.option(
        "--notify-channel", metavar="CHANNEL", help="Ask the agent to post to Slack at its end."
    ),
    click.option(
        "--slack/--no-slack",
        default=None,
        help="Tell Slack of this dispatch and its end.  [default: where Slack is configured]",
    ),
    click.option(
        "--branch",
        metavar="BRANCH",
        help="With --jules: start from this one, not from the default.",
    ),
    click.option(
        "--attach-age",
        type=_duration,
        metavar="DURATION",
        help="With --jules: attach to a session of the same words that ended no longer ago, like "
        "12h.  [default: 1d; with --run-id no limit]",
    ),
    click.option(
        "--allow-no-pr", is_flag=True, help="With Jules: no pull request is a success as well."
    ),
    click.option("--approve", metavar="SES", help="Approve the plan of a session of Jules."),
    click.option(
        "--finalize-pr",
        metavar="SES",
        help="Commit what this session has left, push its branch, and open its pull request.",
    ),
    click.option(
        "--base",
        metavar="BRANCH",
        help="With --finalize-pr: where it is to be merged.  [default: the remote's own]",
    ),
    click.option("--draft", is_flag=True, help="With --finalize-pr: open it as a draft."),
    click.option(
        "--reviewer",
        multiple=True,
        metavar="USER|ORG/TEAM",
        help="With --finalize-pr: ask for a review. May be given several times.",
    ),
    click.option(
        "--idle-timeout",
        type=_seconds,
        metavar="SECONDS",
        help="End a turn that prints nothing for so long.  [default: dx_idle_timeout, or 1200]",
    ),
    click.option(
        "--run-id",
        metavar="ID",
        help="An id of your own: a command sent again with it never runs twice.",
    ),
    click.option(
        "-i",
        "--inventory",
        metavar="PATH",
        help="Ansible inventory: file, directory, script or plugin file.  [env: DX_INVENTORY]",
    ),
    click.option(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="Time limit, enforced on the VM.  [default: 60 for a command; for a turn "
        "dx_session_timeout, or 7200; 600 for --finalize-pr]",
    ),
    click.option(
        "--retries",
        type=click.IntRange(0, 10),
        default=1,
        show_default=True,
        help="Further connection attempts; a command that ran is never run again.",
    ),
    click.option("--gather", is_flag=True, help="Show equal outputs once, at the end."),
    click.option(
        "--max-output",
        type=click.IntRange(min=0),
        metavar="BYTES",
        help="Bytes of each stream kept of a host.  [default: 4 MiB; 32 MiB over all hosts]",
    ),
    click.option(
        "--forks", type=click.IntRange(min=1), help="Hosts at a time.  [default: all, up to 200]"
    ),
    click.option(
        "--engine",
        type=click.Choice(["status", "stop"]),
        help="Show the resident engines of this machine, or end them.",
    ),
    click.option("--json", is_flag=True, help="Print one JSON document on standard output."),
    click.option("-v", "--verbose", count=True, help="More in the log on standard error."),
    click.option("-q", "--quiet", is_flag=True, help="No summary, and only failures in the log."),
)


def declare_flags(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function all of them, in the order of the help."""
    for flag in reversed(_FLAGS):
        function = flag(function)
    return function
