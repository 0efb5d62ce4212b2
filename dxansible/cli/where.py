"""Finds the session that a task continues, and the hosts to start it on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.errors import UsageError
from dxansible.ids import is_whole
from dxansible.run.patterns import ANY

if TYPE_CHECKING:
    from dxansible.cli.table import Options
    from dxansible.run.options import SessionOptions

__all__ = ["EXAMPLE", "find_session", "find_target"]

EXAMPLE = 'dx-dispatch HOST "TASK"'


def find_session(options: Options) -> str | None:
    """Return the session to continue; VMs are asked for it, unless its id is a whole one.

    A dry run asks no VM.
    """
    if options.session is None or is_whole(options.session) or options.dry_run:
        return options.session
    from dxansible.run.attach_sessions import resolve_session  # noqa: PLC0415 - for such calls only

    return resolve_session(options.session, options.settings(), options.target)


def find_target(options: Options, chosen: SessionOptions) -> str | None:
    """Return the pattern to start on; None, with a message, if ``any:`` finds no free host."""
    if options.target is None:
        if chosen.session is None:
            raise UsageError("there is no target", f"name a host: {EXAMPLE}")
        from dxansible.run.attach_sessions import locate  # noqa: PLC0415 - as above

        return locate(chosen.session, chosen.settings)
    if not options.target.startswith(ANY):
        return options.target
    from dxansible.cli.listings import choose_target  # noqa: PLC0415 - as above

    return choose_target(options, chosen)
