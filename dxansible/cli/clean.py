"""``--clean``: removes ended sessions; those of several VMs are shown and confirmed first."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dxansible.errors import UsageError
from dxansible.parameters import CLEAN_AGE
from dxansible.record import FanoutOutcome
from dxansible.render import sessions as render
from dxansible.render.show import emit, show
from dxansible.run.listing import clean_sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.cli.table import Options
    from dxansible.results import CleanResult

__all__ = ["clean"]


def clean(options: Options) -> int:
    """``--clean [TARGET]``."""
    pattern = "all" if options.target is None else options.target
    age = CLEAN_AGE.given(options.age)
    settings = options.settings()
    if options.dry_run or not options.yes:
        shown = clean_sessions(pattern, settings, age_days=age, dry_run=True)
        if options.dry_run:
            return _report(options, shown)
        _ask(shown)
        if not any(each.removable for each in shown):
            return _report(options, shown)
    return _report(options, clean_sessions(pattern, settings, age_days=age))


def _ask(shown: Sequence[CleanResult]) -> None:
    """Ask if several VMs are affected.

    Raises KeyboardInterrupt for a no, and UsageError off a terminal.
    """
    count = sum(len(each.removable) for each in shown)
    if len(shown) == 1:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        message = f"--clean would remove {count} session(s) of {len(shown)} VMs, and asks first"
        raise UsageError(message, "see them with --dry-run, then add --yes; or name one VM")
    if count:
        show(render.clean_text(shown, dry_run=True), end="", err=True)
        question = f"Remove {count} session(s) of {len(shown)} VMs?"
        try:
            click.confirm(question, abort=True, err=True)
        except click.Abort:
            raise KeyboardInterrupt from None


def _report(options: Options, results: Sequence[CleanResult]) -> int:
    code = FanoutOutcome.FAILURE.exit_code if any(each.error for each in results) else 0
    if options.json:
        emit(render.clean_document(results, code, dry_run=options.dry_run))
    else:
        show(render.clean_text(results, dry_run=options.dry_run), end="")
    return code
