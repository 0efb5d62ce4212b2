"""Hands over a command; what shows its results loads while the VMs work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.standard_input import StandardInput
from dxansible.cli.terminal import cancel_on_signals, gave_up_waiting
from dxansible.ids import new_run_id
from dxansible.parameters import TIMEOUT
from dxansible.run.command_call import CommandCall
from dxansible.run.flow import Flow
from dxansible.run.options import FanoutOptions

if TYPE_CHECKING:
    from dxansible.cli.table import Options

__all__ = ["execute", "execute_again", "prepare"]

_STOPPING = "stopping the command on the VMs (Ctrl-C again: don't wait for that)"


def execute(options: Options) -> int:
    """``TARGET --exec COMMAND``."""
    if options.detach and not options.dry_run:
        from dxansible.cli.detach import detach  # noqa: PLC0415 - for such calls only

        return detach(options)
    call, source = prepare(options)
    if options.dry_run:
        from dxansible.cli.dry_run import show_command  # noqa: PLC0415 - see the module

        return show_command(options, call)
    if not options.serial:
        call.begin()
    from dxansible.cli.execution import follow_execution, follow_steps  # noqa: PLC0415 - as above

    follow = follow_steps if options.serial else follow_execution
    return follow(options, call, source)


def execute_again(options: Options) -> int:
    """``--rerun [WHICH] [RUN]``."""
    from dxansible.cli.execution import follow_steps  # noqa: PLC0415 - see the module
    from dxansible.cli.rerun import choose  # noqa: PLC0415 - for such calls only

    chosen = choose(options)
    if chosen is None:
        return 0
    again, source = chosen.options, StandardInput(options)
    return follow_steps(again, _prepared(again, source, chosen.label), source, chosen)


def prepare(options: Options) -> tuple[CommandCall, StandardInput]:
    """Return the command, which has not begun, and our standard input. Raises UsageError."""
    source = StandardInput(options)
    return _prepared(options, source, _label(options)), source


def _prepared(options: Options, source: StandardInput, label: str | None) -> CommandCall:
    """Return the command, which has not begun; from now on a Ctrl-C stops it in good order.

    ``label`` is what the VM's listings show; None is the command itself. Raises UsageError.
    """
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
        run_id=run_id,
        stdin=stdin,
        env=dict(options.env),
        cwd=options.cwd or "",
        label=label,
        settings=options.settings(),
    )
    cancelled = cancel_on_signals(options, _STOPPING, gave_up_waiting(run_id))
    shown = not (options.json or options.gather or options.detach)
    whole = shown and options.max_output is None
    return CommandCall(
        options.target or "",
        command,
        chosen,
        cancelled=cancelled,
        flow=Flow() if whole else None,
    )


def _label(options: Options) -> str | None:
    """Return the label of a command from a file, whose text may be confidential."""
    if options.file is None:
        return None
    return "from standard input" if options.file == "-" else f"--file {options.file}"
