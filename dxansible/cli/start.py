"""Hands over a task for agents; what shows its results loads while the VMs work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.attachments import read_attachments
from dxansible.cli.terminal import DETACHED, cancel_on_signals
from dxansible.cli.where import EXAMPLE, find_session, find_target
from dxansible.errors import NoFreeHost
from dxansible.run.calls import TaskCall
from dxansible.run.options import SessionOptions
from dxansible.slack.opening import open_trail
from dxansible.value import replace

if TYPE_CHECKING:
    from dxansible.cli.detach import FirstStates
    from dxansible.cli.issues import IssueClaim
    from dxansible.cli.table import Options

__all__ = ["hand_over", "start"]


def start(options: Options) -> int:
    """``TARGET TASK``, a new session or a further turn of one."""
    if options.detach and not options.dry_run:
        from dxansible.cli.detach import detach  # noqa: PLC0415 - for such calls only

        return detach(options)
    return hand_over(options)


def hand_over(options: Options, teller: FirstStates | None = None) -> int:
    """Hand over the task, and show what becomes of it.

    ``teller`` tells it to another process, whose standard input is ours no longer.
    """
    claim, task = _read(options)
    chosen = SessionOptions(
        agent=options.agent,
        repo=options.repo,
        directory=options.dir,
        model=options.model,
        plan=options.plan,
        attachments=read_attachments(options.attach),
        beads=claim.issue.id if claim else options.beads,
        claim=options.claim or None,
        claim_lease_sec=options.lease,
        session=find_session(options),
        task_is_data=claim is not None and options.task is None and options.file is None,
        queue=options.queue,
        verify=options.verify,
        wait=options.wait,
        timeout_sec=options.timeout,
        idle_timeout_sec=options.idle_timeout,
        on_limit=options.on_limit,
        max_cost_usd=options.max_cost,
        max_retries=options.retries,
        when_back_sec=options.when_back,
        start_at=options.starts_at,
        run_id=options.run_id,
        settings=options.settings(),
    )
    if options.dry_run:
        from dxansible.cli.dry_run import show_task  # noqa: PLC0415 - see the module

        return show_task(options, task, chosen)
    target = find_target(options, chosen)
    if target is None:
        return NoFreeHost.exit_code
    cancelled = cancel_on_signals(options, DETACHED, DETACHED)
    trail = open_trail(options.slack)
    if trail is not None:
        chosen = replace(chosen, trail=trail.id)
    call = TaskCall(target, task, chosen, cancelled=cancelled, claim_ends=trail is not None)
    if teller is not None:
        teller.leave_input()
    if claim is not None:
        claim.take()
    call.begin()
    from dxansible.cli.sessions import follow_start  # noqa: PLC0415 - as above

    return follow_start(options, call, trail, claim, teller)


def _read(options: Options) -> tuple[IssueClaim | None, str | bytes]:
    """Return the issue, if there is one, and the task. Raises IssueError and UsageError."""
    if not (options.issue or options.template or options.notify_channel):
        return None, options.text(options.task, "task", EXAMPLE)
    from dxansible.cli.issues import read_claim, task_text  # noqa: PLC0415 - as above

    claim = read_claim(options)
    return claim, task_text(options, claim, None, EXAMPLE)
