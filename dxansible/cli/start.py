"""Hands over a task for agents; what shows its results loads while the VMs work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.terminal import DETACHED, cancel_on_signals
from dxansible.errors import UsageError
from dxansible.run.options import SessionOptions
from dxansible.run.patterns import ANY
from dxansible.run.task_call import TaskCall
from dxansible.slack.opening import open_trail
from dxansible.value import replace

if TYPE_CHECKING:
    from dxansible.cli.issues import IssueClaim
    from dxansible.cli.table import Options

__all__ = ["start"]

_EXAMPLE = 'dx-dispatch HOST "TASK"'


def start(options: Options) -> int:
    """``TARGET TASK``, a new session or a further turn of one."""
    claim, task = _read(options)
    if options.dry_run:
        from dxansible.cli.sessions import show_dry_run  # noqa: PLC0415 - see the module

        return show_dry_run(options, task)
    chosen = SessionOptions(
        agent=options.agent,
        repo=options.repo,
        directory=options.dir,
        beads=claim.issue.id if claim else options.beads,
        session=options.session,
        task_is_data=claim is not None and options.task is None and options.file is None,
        queue=options.queue,
        verify=options.verify,
        wait=options.wait,
        timeout_sec=options.timeout,
        idle_timeout_sec=options.idle_timeout,
        max_retries=options.retries,
        settings=options.settings(),
    )
    target = _target(options, chosen)
    if target is None:
        from dxansible.record import FanoutOutcome  # noqa: PLC0415 - as above

        return FanoutOutcome.PREFLIGHT_FAILED.exit_code
    cancelled = cancel_on_signals(DETACHED, DETACHED, json=options.json, jsonl=options.jsonl)
    trail = open_trail(options.slack)
    if trail is not None:
        chosen = replace(chosen, trail=trail.id)
    call = TaskCall(target, task, chosen, cancelled=cancelled, claim_ends=trail is not None)
    if claim is not None:
        claim.take()
    call.begin()
    from dxansible.cli.sessions import follow_start  # noqa: PLC0415 - as above

    return follow_start(options, call, trail, claim)


def _read(options: Options) -> tuple[IssueClaim | None, str | bytes]:
    """Return the issue, if there is one, and the task. Raises IssueError and UsageError."""
    if not (options.issue or options.template or options.notify_channel):
        return None, options.text(options.task, "task", _EXAMPLE)
    from dxansible.cli.issues import read_claim, task_text  # noqa: PLC0415 - as above

    claim = read_claim(options)
    return claim, task_text(options, claim, None, _EXAMPLE)


def _target(options: Options, chosen: SessionOptions) -> str | None:
    """Return the pattern to start on; None, with a message, if ``any:`` finds no free host."""
    if options.target is None:
        if chosen.session is None:
            raise UsageError("there is no target", f"name a host: {_EXAMPLE}")
        from dxansible.run.attach_sessions import locate  # noqa: PLC0415 - as above

        return locate(chosen.session, chosen.settings)
    if not options.target.startswith(ANY):
        return options.target
    from dxansible.cli.listings import choose_target  # noqa: PLC0415 - as above

    return choose_target(options, chosen)
