"""Refuses words and options that make no sense in the command line's mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.option import ON_VMS, Kind, Mode, modes_in_words
from dxansible.cli.table import table
from dxansible.cli.words import refuse_program, unquoted
from dxansible.errors import UsageError
from dxansible.ids import begins_id, is_command, is_jules

if TYPE_CHECKING:
    from collections.abc import Callable

    from dxansible.cli.option import Option
    from dxansible.cli.table import Options

__all__ = ["check"]

_TASKS = frozenset({Mode.TASK, Mode.FURTHER, Mode.JULES, Mode.JULES_MESSAGE})
_NOT_TOGETHER = (
    ("agents", "commands", "leave out both to see all"),
    ("watch", "json", "leave out --watch for one document"),
    ("json", "jsonl", "leave out one of them: --json prints one document at the end"),
    ("gather", "jsonl", "leave out one of them: --gather shows output at the end"),
    ("start_at", "start_in", "leave out one of them"),
    *(
        (name, other, remedy)
        for name in ("start_at", "start_in")
        for other, remedy in (
            ("when_back", "leave out one of them: the VM has to be on to keep the time"),
            ("serial", "leave out --serial: a batch begins when the one before has ended"),
            ("gather", "leave out --gather; see: dx-dispatch --logs ID"),
            ("pass_exit_code", "leave out --pass-exit-code: the call returns before the end"),
            ("wait", "leave out --wait: the call returns before the start"),
        )
    ),
    ("detach", "json", "leave out --json; see: dx-dispatch --sessions --json"),
    ("detach", "jsonl", "leave out --jsonl; DX_EVENTS gets the events"),
    ("detach", "gather", "leave out --gather; see: dx-dispatch --logs ID"),
    ("detach", "pass_exit_code", "leave out one of them: --detach returns before the end"),
    ("detach", "wait", "leave out one of them: --detach returns before the end"),
    ("detach", "serial", "leave out --detach: it has no batches"),
    ("dry_run", "jsonl", "leave out --jsonl; --json prints the prompt as a document"),
    ("dry_run", "metrics", "leave out --metrics; there is no run to measure"),
)
"""Pairs of options, by their fields, and what to do instead."""


def check(options: Options, mode: Mode) -> None:
    """Raise UsageError for words and options that have no meaning in this mode."""
    _check_words(options, mode)
    for name, entry in table().items():
        if name in options.given and entry.kind is not Kind.ARGUMENT:
            _check_option(options, mode, name, entry)
    for one, other, remedy in _NOT_TOGETHER:
        if {one, other} <= options.given:
            names = f"{table()[one].name} and {table()[other].name}"
            raise UsageError(f"{names} can't be used together", remedy)
    _check_ids(options)
    _check_texts(options)


def _check_option(options: Options, mode: Mode, field: str, entry: Option) -> None:
    name = entry.name
    if entry.kind is Kind.SWITCH and getattr(options, field) is False:
        name = entry.names[-1]
    if mode not in entry.modes:
        message = f"{name} is of no use with {mode}"
        raise UsageError(message, f"leave it out (it is of use with {modes_in_words(entry.modes)})")
    needed = entry.modes[mode]
    if needed and not getattr(options, needed):
        other = table()[needed]
        message = f"{name} is of no use without {other.name}"
        add = " ".join(filter(None, (other.name, other.value)))
        raise UsageError(message, f"leave it out, or add {add}")


def _check_texts(options: Options) -> None:
    """Refuse empty values, as of a variable that is not set: no option means anything by them."""
    for field, entry in table().items():
        values = getattr(options, field)
        given = values if entry.kind is Kind.TEXTS else (values,)
        texts = entry.kind in {Kind.TEXT, Kind.TEXTS} and entry.chooses is None
        if field in options.given and texts and "" in given:
            remedy = f"write {entry.name} {entry.value}, or leave it out"
            raise UsageError(f"{entry.name} has an empty value", remedy)


def _check_words(options: Options, mode: Mode) -> None:
    if mode in _TASKS:
        _check_task_words(options, mode)
        return
    if mode is Mode.EXEC and options.target is None:
        raise UsageError("there is no target", 'name a host: dx-dispatch HOST --exec "COMMAND"')
    extra = options.target if mode not in table()["target"].modes else None
    extra = extra or (options.task if mode not in table()["task"].modes else None)
    if extra is None:
        return
    message = f"{mode.partition(' ')[0]} takes no further argument ({extra})"
    joined = [
        f"{entry.name}={extra}"
        for name, entry in table().items()
        if entry.kind is Kind.OPTIONAL_CHOICE and name in options.given and extra in entry.choices
    ]
    if joined:
        raise UsageError(message, f"write {joined[0]}")
    if mode is Mode.EXEC and options.command:
        raise unquoted(options.command, [extra])
    instead = "leave it out" if mode is Mode.INIT else "leave it out, or use --status TARGET"
    raise UsageError(message, instead)


def _check_task_words(options: Options, mode: Mode) -> None:
    at_jules = mode not in ON_VMS
    if at_jules and options.target is not None:
        message = f"Jules takes no target ({options.target})"
        raise UsageError(message, 'leave it out: dx-dispatch --jules "TASK"')
    if mode is Mode.TASK and options.target is None:
        raise UsageError("nothing to do", 'try: dx-dispatch --list, or dx-dispatch HOST "TASK"')
    if mode is Mode.FURTHER and options.target is not None:
        from dxansible.run.patterns import ANY  # noqa: PLC0415 - keeps --help fast

        if options.target.startswith(ANY):
            raise UsageError("a session has its VM already", f"leave out {options.target}")
    if mode is Mode.TASK and options.task is not None and options.agent is None:
        refuse_program(options.task)
    if options.task is None and options.file is None and options.issue is None:
        where = "--jules" if at_jules else "HOST"
        message = "there is no task"
        raise UsageError(message, f'give one: dx-dispatch {where} "TASK", or --exec "COMMAND"')


def _check_ids(options: Options) -> None:
    ids: tuple[tuple[str | None, Callable[[str], bool], str, str], ...] = (
        *((each, begins_id, "a session id", "") for each in options.log_ids),
        (options.abort, begins_id, "a session id", ""),
        (options.session, begins_id, "a session id", ""),
        (options.diff, _begins_session, "the id of an agent's session", ""),
        (options.open, _begins_session, "the id of an agent's session", ""),
        (options.finalize_pr, _begins_session, "the id of an agent's session", ""),
        (options.approve, is_jules, "the id of a session of Jules", " --jules"),
        (options.unarchive, is_jules, "the id of a session of Jules", " --jules"),
        (options.delete, is_jules, "the id of a session of Jules", " --jules"),
    )
    for name, is_one, what, jules in ids:
        if name is not None and not is_one(name):
            raise UsageError(f"{name!r} is not {what}", f"see: dx-dispatch --sessions{jules}")


def _begins_session(name: str) -> bool:
    return begins_id(name) and not is_command(name)
