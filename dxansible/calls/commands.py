"""Calls that run commands and check hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dxansible import render
from dxansible.calls.audit import audited
from dxansible.calls.standard_input import StandardInput
from dxansible.calls.terminal import SCREEN, Reader, cancel_on_signals
from dxansible.fleet import FanoutOptions, abort_command, check_hosts, fanout, follow_command
from dxansible.ids import new_run_id
from dxansible.live import LiveOutput
from dxansible.outcome import FanoutOutcome, worst
from dxansible.show import show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.calls.options import Options
    from dxansible.outcome import FanoutResult

__all__ = ["abort", "execute", "follow", "report", "show_health"]

_STOPPING = "stopping the command on the VMs (Ctrl-C again: don't wait for that)"
_GAVE_UP = "gave up waiting; the command may still be running on the VM"


def show_health(options: Options) -> int:
    """``--list``, and ``--status`` of hosts."""
    pattern = "all" if options.status is None else options.status
    results = check_hosts(pattern, settings=options.settings(), survey=True)
    if options.json:
        click.echo(render.health_document(results), nl=False)
    else:
        show(render.health_table(results), end="")
    return 0 if all(result.ok for result in results) else FanoutOutcome.PREFLIGHT_FAILED.exit_code


def execute(options: Options) -> int:
    """``TARGET --exec COMMAND``."""
    options.check_command()
    source = StandardInput(options)
    command = options.text(options.command, "command", '--exec "COMMAND"')
    stdin = source.read()
    source.warn()
    cancelled = cancel_on_signals(_STOPPING, _GAVE_UP, json=options.json)
    run_id = options.run_id or new_run_id()
    chosen = FanoutOptions(
        timeout_sec=60.0 if options.timeout is None else options.timeout,
        max_retries=options.retries,
        output_limit=options.max_output,
        forks=options.forks,
        run_id=run_id,
        stdin=stdin,
        settings=options.settings(),
    )
    show = not (options.json or options.gather)
    listener = LiveOutput(SCREEN, show=show, on_closed=cancelled.set)
    target = options.target or ""
    with audited(options, target, command) as audit:
        watch = audit.watch_command(listener, run_id)
        results = fanout(
            target, command, chosen,
            listener=watch, cancelled=cancelled, observer=audit.observer,
        )  # fmt: skip
        source.warn()
        code = report(options, results)
        audit.commands(results)
    return code


def report(options: Options, results: Sequence[FanoutResult], *, code: int | None = None) -> int:
    """Show the results; ``code`` of None is what they add up to."""
    if code is None:
        code = worst(result.outcome for result in results).exit_code
    if options.json:
        for piece in render.fanout_document(results, code):
            click.echo(piece, nl=False)
    elif options.gather:
        for chunk in render.gathered(results):
            click.echo(chunk, nl=False)
    if not options.quiet and not options.json:
        width = max(len(result.host) for result in results)
        for result in results:
            show(render.summary_line(result, width), err=True)
    return code


def follow(options: Options) -> int:
    """``--logs`` of a command."""
    notice = "no longer watching; the command goes on"
    cancelled, reader = cancel_on_signals(notice, _GAVE_UP, json=options.json), Reader()
    listener = LiveOutput(SCREEN, show=not options.json, on_closed=reader.leaves(cancelled))
    name, settings = options.logs or "", options.settings()
    result = follow_command(name, settings, listener=listener, cancelled=cancelled)
    if result is None and reader.gone:
        result = follow_command(name, settings, wait=False)
    return FanoutOutcome.ABORTED.exit_code if result is None else report(options, [result])


def abort(options: Options) -> int:
    """``--abort`` of a command."""
    result = abort_command(options.abort or "", options.settings())
    code = 0 if result.stop_verified else FanoutOutcome.FAILURE.exit_code
    return report(options, [result], code=code)
