"""Finds the mode of a command line, and the function for it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from dxansible.cli.option import AT_JULES, ON_VMS, Mode
from dxansible.cli.table import table
from dxansible.errors import UsageError
from dxansible.ids import is_jules
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dxansible.cli.table import Options

__all__ = ["choose_call", "mode_of", "sort_out"]

_CALLS = {
    Mode.TASK: "start.start",
    Mode.FURTHER: "start.start",
    Mode.EXEC: "execute.execute",
    Mode.RERUN: "execute.execute_again",
    Mode.RUNS: "rerun.show_runs",
    Mode.LIST: "health.show_health",
    Mode.STATUS: "attach.show_status",
    Mode.SESSIONS: "listings.show_sessions",
    Mode.LOGS: "attach.follow",
    Mode.DIFF: "diff.show_diff",
    Mode.OPEN: "opening.open_session",
    Mode.ABORT: "attach.abort",
    Mode.CLEAN: "clean.clean",
    Mode.FINALIZE: "attach.finalize",
    Mode.NODES: "machine.show_nodes",
    Mode.ENGINE: "machine.manage_engines",
    Mode.COMPLETION: "complete.show_script",
    Mode.INIT: "init.init",
    Mode.MCP: "mcp.serve",
    Mode.JULES: "jules_dispatch.dispatch",
    Mode.JULES_MESSAGE: "jules.send",
    Mode.JULES_SESSIONS: "jules.show_sessions",
    Mode.JULES_STATUS: "jules.show_status",
    Mode.JULES_LOGS: "jules.follow",
    Mode.JULES_ABORT: "jules.abort",
    Mode.JULES_DIFF: "jules.show_patch",
    Mode.APPROVE: "jules.approve",
    Mode.UNARCHIVE: "jules.unarchive",
    Mode.DELETE: "jules.delete",
}
"""By module and name: loading them all would slow every call down."""
_BOARDS = {Mode.LIST: "watch.watch_hosts", Mode.SESSIONS: "watch.watch_sessions"}
"""With --watch."""
_SEVERAL = "logs.follow_several"
"""``--logs`` of several ids, or of all."""
_IDS = (
    *("status", "logs", "diff", "open", "abort", "session", "finalize_pr"),
    *("approve", "unarchive", "delete"),
)


def sort_out(options: Options, mode: Mode) -> Options:
    """Normalise the positional arguments.

    With --session or --jules there is no VM, so the first word is the task. If an issue is needed
    and --issue is missing, --beads names it.
    """
    no_words = options.task is None and options.file is None
    if no_words and mode in {Mode.FURTHER, Mode.JULES, Mode.JULES_MESSAGE}:
        options = replace(options, task=options.target, target=None)
        no_words = options.task is None
    needed = no_words or options.claim or options.template is not None
    if needed and options.issue is None and mode in {Mode.TASK, Mode.FURTHER}:
        options = replace(options, issue=options.beads)
    return options


def mode_of(given: Mapping[str, object]) -> Mode:
    """Return the mode that the options select. Raises UsageError if they select two."""
    chosen = {
        entry.name: entry.chooses
        for name, entry in table().items()
        if entry.chooses is not None and name in given
    }
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} can't be used together", "choose one of them")
    mode = next(iter(chosen.values()), Mode.FURTHER if "session" in given else Mode.TASK)
    at_jules = "jules" in given or any(is_jules(str(given[id_])) for id_ in _IDS if id_ in given)
    if not at_jules:
        return mode
    if mode not in AT_JULES:
        raise UsageError(f"{mode} is of no use with Jules", "leave out --jules, or the option")
    return AT_JULES[mode]


def choose_call(mode: Mode, options: Options) -> Callable[[Options], int]:
    """Return the function for a mode, and load only its module.

    Raises UsageError for an empty pattern.
    """
    if mode in ON_VMS and mode is not Mode.FINALIZE:
        from dxansible.run.patterns import ANY, check_pattern  # noqa: PLC0415 - keeps --help fast

        for pattern in (options.target, options.status):
            if pattern is not None:  # checked before an issue is claimed
                check_pattern(pattern.removeprefix(ANY))
    calls = _BOARDS if options.watch else _CALLS
    several = mode is Mode.LOGS and (len(options.log_ids) > 1 or options.log_ids == ["all"])
    module, _, name = (_SEVERAL if several else calls[mode]).partition(".")
    call: Callable[[Options], int] = getattr(import_module(f"dxansible.cli.{module}"), name)
    return call
