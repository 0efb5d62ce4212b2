"""Which one thing a command line asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dxansible.errors import UsageError
from dxansible.ids import begins_id, is_agent_session, is_command, is_jules

if TYPE_CHECKING:
    from collections.abc import Callable

    from dxansible.calls.options import Options

__all__ = ["choose_call", "sort_out"]


_TAKE_NO_TARGET = frozenset(
    {"--list", "--status", "--logs", "--abort", "--approve", "--finalize-pr", "--engine"}
)
_OF_ISSUES = ("dry_run", "claim", "force", "template")
_OF_JULES = ("branch", "attach_age", "allow_no_pr")
_OF_DISPATCH = ("issue", "repo", "branch", "attach_age", "run_id", "notify_channel", "slack")
_OF_FINALIZE = ("base", "draft", "reviewer")
_OF_SESSIONS = ("agents", "commands")
_NOT_OF_FINALIZE = (
    "agent", "repo", "dir", "verify", "wait", "idle_timeout", "run_id", "gather", "max_output",
    "forks", "file", "session", "dry_run",
)  # fmt: skip
_ONLY_WITH = (("--clean", ("age", "yes")), ("--exec", ("stdin",)))
_OF_VMS = ("agent", "dir", "beads", "verify", "queue", "gather", "max_output", "forks")


def sort_out(options: Options) -> Options:
    """Put the words where they belong.

    With --session or --jules the VM is left out, and then the first word is the task. Where an
    issue is needed and none is named, it is that of --beads.
    """
    no_vm = options.session is not None or options.jules
    listed = options.sessions or options.task is not None or options.file is not None
    if no_vm and not listed:
        options = replace(options, task=options.target, target=None)
    words = options.command is not None or options.task is not None or options.file is not None
    needed = not words or options.claim or options.template is not None or options.dry_run
    on_vm = options.target is not None or (options.session is not None and not options.jules)
    if needed and on_vm and options.issue is None:
        options = replace(options, issue=options.beads)
    return options


def choose_call(options: Options) -> Callable[[Options], int]:
    """The one thing to do. Raises UsageError when there are several, or none."""
    asked = {
        "--exec": options.command is not None,
        "--list": options.list_all,
        "--sessions": options.sessions,
        "--status": options.status is not None,
        "--logs": options.logs is not None,
        "--abort": options.abort is not None,
        "--approve": options.approve is not None,
        "--finalize-pr": options.finalize_pr is not None,
        "--clean": options.clean,
        "--engine": options.engine is not None,
    }
    chosen = [name for name, given in asked.items() if given]
    if len(chosen) > 1:
        message = f"{' and '.join(chosen)} can't be used together"
        raise UsageError(message, "choose one of them")
    mode = chosen[0] if chosen else None
    ids = (options.status, options.logs, options.abort, options.approve, options.session,
           options.finalize_pr)  # fmt: skip
    at_jules = options.jules or any(is_jules(each) for each in ids if each is not None)
    _check_words(options, mode, at_jules=at_jules)
    return _at_jules(options, mode) if at_jules else _on_vms(options, mode)


def _on_vms(options: Options, mode: str | None) -> Callable[[Options], int]:
    options.refuse("what runs on VMs", _OF_JULES)
    if mode is not None:
        options.refuse(mode, ("issue", "notify_channel"))
    if mode not in {None, "--exec", "--finalize-pr"}:
        options.refuse(str(mode), ("slack",))
    if mode == "--finalize-pr":
        from dxansible.calls.finalize import finalize  # noqa: PLC0415 - loads requests

        return finalize
    if mode == "--engine":
        from dxansible.calls.engine import manage  # noqa: PLC0415 - for that call only

        return manage
    from dxansible.calls import by_id, clean, commands, sessions  # noqa: PLC0415 - keeps --help fast
    from dxansible.fleet.patterns import check_pattern  # noqa: PLC0415 - as above

    for pattern in (options.target, options.status):
        if pattern is not None:  # before an issue is claimed for it
            check_pattern(pattern.removeprefix(sessions.ANY))
    calls = {
        "--exec": commands.execute,
        "--list": commands.show_health,
        "--sessions": sessions.show_sessions,
        "--clean": clean.clean,
        "--status": by_id.show_status,
        "--logs": by_id.follow,
        "--abort": by_id.abort,
    }
    return calls[mode] if mode else sessions.start


def _at_jules(options: Options, mode: str | None) -> Callable[[Options], int]:
    from dxansible.calls import jules  # noqa: PLC0415 - keeps --help fast

    options.refuse("Jules", _OF_VMS)
    calls = {
        "--sessions": jules.show_sessions,
        "--status": jules.show_status,
        "--logs": jules.follow,
        "--abort": jules.abort,
        "--approve": jules.approve,
    }
    if mode is not None and mode not in calls:
        message = f"{mode} is of no use with Jules"
        raise UsageError(message, "leave out --jules, or the option")
    if mode is not None or options.session is not None:
        what = mode or "a message to a session of Jules"
        options.refuse(what, _OF_DISPATCH)
    if mode is not None:
        return calls[mode]
    return jules.dispatch if options.session is None else jules.send


def _check_words(options: Options, mode: str | None, *, at_jules: bool) -> None:
    """Raise UsageError for words and options that have no meaning there."""
    if mode is None:
        _check_task_words(options, at_jules=at_jules)
    elif mode == "--exec" and options.target is None:
        message = "there is no target"
        raise UsageError(message, 'name a host: dx-dispatch HOST --exec "COMMAND"')
    else:
        no_target = mode in _TAKE_NO_TARGET or at_jules
        extra = (options.target if no_target else None) or options.task
        if extra is not None:
            message = f"{mode} takes no further argument ({extra})"
            raise UsageError(message, "leave it out, or use --status TARGET")
    if mode != "--logs":
        options.refuse(mode or "a task for an agent", ("follow",))
    for only, those in _ONLY_WITH:
        if mode != only:
            options.refuse_without(only, those, "leave it out")
    if mode == "--finalize-pr":
        options.refuse(mode, _NOT_OF_FINALIZE)
    else:
        options.refuse(mode or "a task for an agent", _OF_FINALIZE)
    if options.issue is None:
        shown = (at_jules and mode is None) or mode == "--clean"  # --dry-run
        names = _OF_ISSUES[1:] if shown else _OF_ISSUES
        options.refuse_without("--issue", names, "leave it out, or name an issue")
    _check_narrowing(options, mode, at_jules=at_jules)
    _check_ids(options)


def _check_narrowing(options: Options, mode: str | None, *, at_jules: bool) -> None:
    if mode != "--sessions" or at_jules:
        options.refuse("Jules" if at_jules else mode or "a task for an agent", _OF_SESSIONS)
    if options.agents and options.commands:
        message = "--agents and --commands can't be used together"
        raise UsageError(message, "leave out both to see all")


def _check_ids(options: Options) -> None:
    ids = [name for name in (options.logs, options.abort) if name is not None]
    bad = [name for name in ids if not begins_id(name)]
    session = options.session
    if session is not None and not _is_known_kind(session):
        bad.append(session)
    for each in bad:
        message = f"{each!r} is not a session id"
        raise UsageError(message, "see: dx-dispatch --sessions")
    name = options.finalize_pr
    if name is not None and not (is_agent_session(name) or is_jules(name)):
        message = f"{name!r} is not the id of an agent's session"
        raise UsageError(message, "see: dx-dispatch --sessions")
    if options.approve is not None and not is_jules(options.approve):
        message = f"{options.approve!r} is not the id of a session of Jules"
        raise UsageError(message, "see: dx-dispatch --sessions --jules")


def _is_known_kind(name: str) -> bool:
    return is_command(name) or is_agent_session(name) or is_jules(name)


def _check_task_words(options: Options, *, at_jules: bool) -> None:
    if at_jules and options.target is not None:
        message = f"Jules takes no target ({options.target})"
        raise UsageError(message, 'leave it out: dx-dispatch --jules "TASK"')
    if options.target is None and options.session is None and not at_jules:
        message = "nothing to do"
        raise UsageError(message, 'try: dx-dispatch --list, or dx-dispatch HOST "TASK"')
    if options.task is None and options.file is None and options.issue is None:
        where = "--jules" if at_jules else "HOST"
        message = "there is no task"
        raise UsageError(message, f'give one: dx-dispatch {where} "TASK", or --exec "COMMAND"')
