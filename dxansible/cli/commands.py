"""Calls that run commands and check hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dxansible.cli.audit import audited
from dxansible.cli.standard_input import StandardInput
from dxansible.cli.terminal import SCREEN, Reader, cancel_on_signals
from dxansible.fleet import (
    FanoutOptions,
    abort_commands,
    check_hosts,
    fanout,
    follow_commands,
)
from dxansible.ids import new_run_id
from dxansible.parameters import TIMEOUT
from dxansible.record import FanoutOutcome
from dxansible.render import commands as render
from dxansible.render.live import LiveOutput
from dxansible.render.paced import PacedOutput
from dxansible.render.show import show
from dxansible.results import exit_code
from dxansible.run.flow import Flow

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from dxansible.cli.table import Options
    from dxansible.results import FanoutResult
    from dxansible.run.events import Observer

__all__ = ["abort", "execute", "follow", "report", "show_health"]

_STOPPING = "stopping the command on the VMs (Ctrl-C again: don't wait for that)"


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
    source = StandardInput(options)
    command = options.text(options.command, "command", '--exec "COMMAND"')
    stdin = source.read()
    source.warn()
    run_id = new_run_id() if options.run_id is None else options.run_id
    cancelled = cancel_on_signals(_STOPPING, _gave_up(run_id), json=options.json)
    chosen = FanoutOptions(
        timeout_sec=TIMEOUT.given(options.timeout),
        max_retries=options.retries,
        output_limit=options.max_output,
        run_id=run_id,
        stdin=stdin,
        env=dict(options.env),
        cwd=options.cwd or "",
        label=_label(options),
        settings=options.settings(),
    )
    show = not (options.json or options.gather)
    output = _Output(cancelled, cancelled.set, show=show, whole=show and options.max_output is None)
    target = options.target or ""
    with audited(options, target, command) as audit:
        audit.expect_command(run_id)
        results = fanout(
            target, command, chosen,
            observers=[output.live, *audit.observers], cancelled=cancelled, flow=output.flow,
        )  # fmt: skip
        output.drain()
        source.warn()
        code = report(options, results)
        audit.commands(results)
    return code


class _Output:
    """Destination of output; with ``whole`` the command waits for its reader, and loses nothing."""

    def __init__(
        self,
        cancelled: threading.Event,
        on_closed: Callable[[], None],
        *,
        show: bool,
        whole: bool,
    ) -> None:
        self._cancelled = cancelled
        self.flow = Flow() if whole else None
        self.live: Observer = LiveOutput(SCREEN, show=show, on_closed=on_closed)
        if self.flow is not None:
            self._paced = PacedOutput(self.live, self.flow, SCREEN, cancelled.set)
            self.live = self._paced

    def drain(self) -> None:
        """Wait for the reader."""
        if self.flow is not None:
            self._paced.drain(self._cancelled)


def _gave_up(run_id: str) -> str:
    command = f"see: dx-dispatch --logs {run_id}"
    return f"gave up waiting; the command may still be running on the VM; {command}"


def _label(options: Options) -> str | None:
    """Return the label of a command from a file, whose text may be confidential."""
    if options.file is None:
        return None
    return "from standard input" if options.file == "-" else f"--file {options.file}"


def report(options: Options, results: Sequence[FanoutResult], *, code: int | None = None) -> int:
    """Show the results; ``code`` of None is computed from them."""
    if code is None:
        code = exit_code(results, may_be_cut=options.max_output is not None)
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


def follow(options: Options, session_ids: Sequence[str]) -> int:
    """``--logs`` of the commands of one run."""
    notice = "no longer watching; the command goes on"
    gave_up = _gave_up(options.logs or "")
    cancelled, reader = cancel_on_signals(notice, gave_up, json=options.json), Reader()
    show_it = not options.json
    output = _Output(cancelled, reader.leaves(cancelled), show=show_it, whole=show_it)
    settings = options.settings()
    results = follow_commands(
        session_ids, settings, observers=[output.live], cancelled=cancelled, flow=output.flow
    )
    output.drain()
    if len(results) < len(session_ids) and reader.gone:
        results = follow_commands(session_ids, settings, wait=False)
    code = report(options, results) if results else 0
    return FanoutOutcome.ABORTED.exit_code if len(results) < len(session_ids) else code


def abort(options: Options, session_ids: Sequence[str]) -> int:
    """``--abort`` of the commands of one run."""
    results = abort_commands(session_ids, options.settings())
    gone = all(result.stop_verified for result in results)
    return report(options, results, code=0 if gone else FanoutOutcome.FAILURE.exit_code)
