"""Finds the mode of a command line, and the function for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dxansible.calls.mode import AT_JULES, ON_VMS, Mode
from dxansible.calls.table import options as table
from dxansible.errors import UsageError
from dxansible.ids import is_jules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dxansible.calls.options import Options

__all__ = ["choose_call", "mode_of", "sort_out"]

_IDS = ("status", "logs", "abort", "approve", "session", "finalize_pr")


def sort_out(options: Options, mode: Mode) -> Options:
    """Put the words where they belong.

    With --session or --jules the VM is left out, and then the first word is the task. Where an
    issue is needed and none is named, it is that of --beads.
    """
    no_words = options.task is None and options.file is None
    if no_words and mode in {Mode.FURTHER, Mode.JULES, Mode.JULES_MESSAGE}:
        options = replace(options, task=options.target, target=None)
        no_words = options.task is None
    needed = no_words or options.claim or options.template is not None or options.dry_run
    if needed and options.issue is None and mode in {Mode.TASK, Mode.FURTHER}:
        options = replace(options, issue=options.beads)
    return options


def mode_of(given: Mapping[str, object]) -> Mode:
    """The one thing to do, by the options that are given. Raises UsageError where there are two."""
    chosen = {
        entry.name: entry.chooses
        for name, entry in table().items()
        if entry.chooses is not None and name in given
    }
    if len(chosen) > 1:
        message = f"{' and '.join(chosen)} can't be used together"
        raise UsageError(message, "choose one of them")
    mode = next(iter(chosen.values()), Mode.FURTHER if "session" in given else Mode.TASK)
    at_jules = "jules" in given or any(is_jules(str(given[id_])) for id_ in _IDS if id_ in given)
    if not at_jules:
        return mode
    if mode not in AT_JULES:
        message = f"{mode} is of no use with Jules"
        raise UsageError(message, "leave out --jules, or the option")
    return AT_JULES[mode]


def choose_call(mode: Mode, options: Options) -> Callable[[Options], int]:
    """The function for a mode. Raises UsageError for an empty pattern."""
    if mode is Mode.FINALIZE:
        from dxansible.calls.finalize import finalize  # noqa: PLC0415 - loads requests

        return finalize
    if mode is Mode.ENGINE:
        from dxansible.calls.engine import manage  # noqa: PLC0415 - for that call only

        return manage
    return _on_vms(mode, options) if mode in ON_VMS else _at_jules(mode)


def _on_vms(mode: Mode, options: Options) -> Callable[[Options], int]:
    from dxansible.runner.engine import prestart  # noqa: PLC0415 - keeps --help fast

    prestart(options.settings())
    from dxansible.fleet.patterns import ANY, check_pattern  # noqa: PLC0415 - as above

    for pattern in (options.target, options.status):
        if pattern is not None:  # before an issue is claimed for it
            check_pattern(pattern.removeprefix(ANY))
    return _of_mode(mode)


def _of_mode(mode: Mode) -> Callable[[Options], int]:
    """What a mode on VMs does; loads no more than that needs."""
    match mode:
        case Mode.EXEC | Mode.LIST:
            from dxansible.calls import commands  # noqa: PLC0415 - for this mode only

            return commands.execute if mode is Mode.EXEC else commands.show_health
        case Mode.STATUS | Mode.LOGS | Mode.ABORT:
            from dxansible.calls import by_id  # noqa: PLC0415 - as above

            calls = {Mode.STATUS: by_id.show_status, Mode.LOGS: by_id.follow}
            return calls.get(mode, by_id.abort)
        case Mode.CLEAN:
            from dxansible.calls import clean  # noqa: PLC0415 - as above

            return clean.clean
        case _:
            from dxansible.calls import sessions  # noqa: PLC0415 - as above

            return sessions.show_sessions if mode is Mode.SESSIONS else sessions.start


def _at_jules(mode: Mode) -> Callable[[Options], int]:
    from dxansible.calls import jules  # noqa: PLC0415 - keeps --help fast

    return {
        Mode.JULES: jules.dispatch,
        Mode.JULES_MESSAGE: jules.send,
        Mode.JULES_SESSIONS: jules.show_sessions,
        Mode.JULES_STATUS: jules.show_status,
        Mode.JULES_LOGS: jules.follow,
        Mode.JULES_ABORT: jules.abort,
        Mode.APPROVE: jules.approve,
    }[mode]
