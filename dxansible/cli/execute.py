"""Hands over a command; what shows its results loads while the VMs work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.standard_input import StandardInput
from dxansible.cli.terminal import cancel_on_signals, gave_up_waiting
from dxansible.ids import new_run_id
from dxansible.parameters import TIMEOUT
from dxansible.run.calls import CommandCall
from dxansible.run.flow import Flow
from dxansible.run.options import FanoutOptions

if TYPE_CHECKING:
    from dxansible.cli.detach import FirstStates
    from dxansible.cli.table import Options

__all__ = ["execute", "execute_again", "hand_over"]

_STOPPING = "stopping the command on the VMs (Ctrl-C again: don't wait for that)"


def execute(options: Options) -> int:
    """``TARGET --exec COMMAND``."""
    if options.detach and not options.dry_run:
        from dxansible.cli.detach import detach  # noqa: PLC0415 - for such calls only

        return detach(options)
    return hand_over(options)


def hand_over(options: Options, teller: FirstStates | None = None) -> int:
    """Hand over the command, and show what becomes of it.

    ``teller`` tells it to another process, whose standard input is ours no longer.
    """
    call, source = _prepare(options)
    if options.dry_run:
        from dxansible.cli.dry_run import show_command  # noqa: PLC0415 - see the module

        return show_command(options, call)
    if teller is not None:
        teller.leave_input()
    if not options.serial:
        call.begin()
    from dxansible.cli.execution import follow_execution, follow_steps  # noqa: PLC0415 - as above

    if options.serial:
        return follow_steps(options, call, source)
    return follow_execution(options, call, source, teller)


def execute_again(options: Options) -> int:
    """``--rerun [WHICH] [RUN]``."""
    from dxansible.cli.execution import follow_steps  # noqa: PLC0415 - see the module
    from dxansible.cli.rerun import choose  # noqa: PLC0415 - for such calls only

    chosen = choose(options)
    if chosen is None:
        return 0
    return follow_steps(chosen.options, *_prepare(chosen.options, chosen.label), chosen)


def _prepare(options: Options, label: str | None = None) -> tuple[CommandCall, StandardInput]:
    """Return the command, which has not begun, and our standard input.

    From now on a Ctrl-C stops the command in good order. ``label`` is what the VM's listings show;
    None is the command itself, or its file, whose text may be confidential. Raises UsageError.
    """
    source = StandardInput(options)
    if options.file is not None:
        label = "from standard input" if options.file == "-" else f"--file {options.file}"
    command = options.text(options.command, "command", '--exec "COMMAND"')
    stdin = b"" if options.dry_run else source.read()
    source.warn()
    run_id = new_run_id() if options.run_id is None else options.run_id
    chosen = FanoutOptions(
        timeout_sec=TIMEOUT.given(options.timeout),
        max_retries=options.retries,
        when_back_sec=options.when_back,
        start_at=options.starts_at,
        output_limit=options.max_output,
        most_hosts=1 if options.pass_exit_code else None,
        run_id=options.run_id,
        stdin=stdin,
        env=dict(options.env),
        cwd=options.cwd or "",
        label=label,
        settings=options.settings(),
    )
    cancelled = cancel_on_signals(options, _STOPPING, gave_up_waiting(run_id))
    shown = not (options.json or options.gather or options.detach)
    whole = shown and options.max_output is None
    flow = Flow() if whole else None
    call = CommandCall(
        options.target or "", command, chosen, cancelled=cancelled, flow=flow, new_id=run_id
    )
    return call, source
