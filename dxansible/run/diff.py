"""What a session has changed in its worktree, as a patch: a command that reads it there."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from dxansible.errors import UsageError
from dxansible.ids import new_run_id
from dxansible.record import Reason
from dxansible.run.attach_sessions import locate, unknown_session
from dxansible.run.calls import CommandCall
from dxansible.run.fanout import follow_call
from dxansible.run.options import FanoutOptions
from dxansible.settings import content_dir

if TYPE_CHECKING:
    import threading

    from dxansible.results import FanoutResult
    from dxansible.run.flow import Flow
    from dxansible.settings import Settings

__all__ = ["begin_diff", "diff_session", "refuse_without_worktree"]

_SCRIPT = "collections/ansible_collections/dxansible/fleet/files/diff.sh"
_FIRST = "#dx diff"
"""Marks a script that asks for its own place, as the keeper runs it."""
_UNKNOWN, _NO_WORKTREE, _WORKTREE_GONE = 3, 4, 5
"""The exit codes of the script that say more than that git has failed."""
_USUAL_WIDTH = 80


def diff_session(
    session_id: str, options: FanoutOptions | None = None, *, stat: bool = False
) -> FanoutResult:
    """Return what a session has changed since it began; the patch is the result's `stdout`.

    The patch has its commits, the changes that are in no commit, and new files that git does not
    ignore. ``stat``: only a line for each file. Raises UnknownSessionError, and UsageError if the
    session has no worktree.
    """
    call = begin_diff(session_id, options or FanoutOptions(), _USUAL_WIDTH if stat else None)
    (result,) = follow_call(call)
    refuse_without_worktree(session_id, result, call.options.settings)
    return result


def begin_diff(
    session_id: str,
    options: FanoutOptions,
    width: int | None,
    *,
    cancelled: threading.Event | None = None,
    flow: Flow | None = None,
) -> CommandCall:
    """Begin the command that prints the patch, or a summary so many columns wide.

    Raises UnknownSessionError.
    """
    host = locate(session_id, options.settings)
    values = {"session": session_id, "width": "" if width is None else str(width)}
    lines = [f"{name}={shlex.quote(value)}" for name, value in values.items()]
    body = (content_dir("playbooks") / _SCRIPT).read_text("ascii")
    call = CommandCall(
        host, "\n".join([_FIRST, *lines, body]), options,
        cancelled=cancelled, flow=flow, new_id=new_run_id("read"),
    )  # fmt: skip
    call.summary = f"--diff {session_id}"
    call.begin()
    return call


def refuse_without_worktree(session_id: str, result: FanoutResult, settings: Settings) -> None:
    """Raise UnknownSessionError or UsageError if there is nothing that could have changed."""
    code = result.exit_code if result.reason is Reason.EXIT_NONZERO else None
    if code == _UNKNOWN:
        raise unknown_session(session_id, result.host, settings)
    if code == _NO_WORKTREE:
        message = f"{session_id} was started without --repo, so it has no worktree to compare"
        raise UsageError(
            message, f"look there: dx-dispatch {result.host} --cwd DIR --exec 'git diff'"
        )
    if code == _WORKTREE_GONE:
        message = f"the worktree of {session_id} is gone; its commits are still on its branch"
        raise UsageError(message, f"see: dx-dispatch --status {session_id}")
