"""Hands over a command; what shows its results loads while the VMs work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.preparation import prepare, prepare_labelled
from dxansible.cli.standard_input import StandardInput

if TYPE_CHECKING:
    from dxansible.cli.table import Options

__all__ = ["execute", "execute_again"]


def execute(options: Options) -> int:
    """``TARGET --exec COMMAND``."""
    if options.detach and not options.dry_run:
        from dxansible.cli.detach import detach  # noqa: PLC0415 - for such calls only

        return detach(options)
    call, source = prepare(options)
    if options.dry_run:
        from dxansible.cli.dry_run import show_command  # noqa: PLC0415 - see the module

        return show_command(options, call)
    if options.serial:
        from dxansible.cli.execution import show_execution  # noqa: PLC0415 - see the module
        from dxansible.cli.steps import in_steps  # noqa: PLC0415 - for such calls only

        return show_execution(options, call, source, *in_steps(options, call))
    call.begin()
    from dxansible.cli.execution import follow_execution  # noqa: PLC0415 - see the module

    return follow_execution(options, call, source)


def execute_again(options: Options) -> int:
    """``--rerun [WHICH] [RUN]``."""
    from dxansible.cli.execution import show_execution  # noqa: PLC0415 - see the module
    from dxansible.cli.rerun import choose  # noqa: PLC0415 - for such calls only
    from dxansible.cli.steps import in_steps  # noqa: PLC0415 - for such calls only

    chosen = choose(options)
    if chosen is None:
        return 0
    again, source = chosen.options, StandardInput(options)
    call = prepare_labelled(again, source, chosen.label)
    return show_execution(again, call, source, *in_steps(again, call, chosen))
