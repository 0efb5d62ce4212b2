"""Refuses words and options that make no sense in the command line's mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.option import ON_VMS, Kind, Mode, modes_in_words
from dxansible.cli.table import table
from dxansible.errors import UsageError
from dxansible.ids import begins_id, is_command, is_jules
from dxansible.redact import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.cli.option import Option
    from dxansible.cli.table import Options

__all__ = ["check", "unquoted", "words_left_over"]

_BUILTINS = (
    *("alias", "bg", "cd", "eval", "exec", "exit", "export", "fg", "history", "jobs", "logout"),
    *("pwd", "set", "source", "type", "ulimit", "umask", "unset", "wait"),
)
"""Commands of shells that people type, and that need not be on the PATH."""
_TEXTS = frozenset({Kind.TEXT, Kind.TEXTS})
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


def _check_option(options: Options, mode: Mode, field: str, entry: Option) -> None:
    name = entry.name
    if entry.kind is Kind.SWITCH and getattr(options, field) is False:
        name = entry.names[-1]
    if mode not in entry.modes:
        message = f"{name} is of no use with {mode}"
        raise UsageError(message, f"leave it out (it is of use with {modes_in_words(entry.modes)})")
    own = entry.chooses is not None  # its own call refuses a blank value
    if entry.kind in _TEXTS and not own and _has_blank(getattr(options, field)):
        message = f"{name} has an empty value"
        raise UsageError(message, f"give {name} {entry.value}, or leave it out")
    needed = entry.modes[mode]
    if needed and not getattr(options, needed):
        other = table()[needed]
        message = f"{name} is of no use without {other.name}"
        add = " ".join(filter(None, (other.name, other.value)))
        raise UsageError(message, f"leave it out, or add {add}")


def _has_blank(values: str | tuple[str, ...]) -> bool:
    """Whether a text is blank, as ``"$X"`` is where ``X`` has no value."""
    return not all(each.strip() for each in ([values] if isinstance(values, str) else values))


def _check_words(options: Options, mode: Mode) -> None:
    if mode in _TASKS:
        _check_task_words(options, mode)
        return
    if mode is Mode.EXEC and options.target is None:
        raise UsageError("there is no target", 'name a host: dx-dispatch HOST --exec "COMMAND"')
    _check_any(options, mode)
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


def _check_any(options: Options, mode: Mode) -> None:
    from dxansible.run.patterns import ANY  # noqa: PLC0415 - keeps --help fast

    for pattern in filter(None, (options.target, options.status)):
        if pattern.startswith(ANY) and mode is not Mode.INIT:
            message = f"{ANY} chooses a VM for a task, and {mode} has none"
            raise UsageError(message, f"leave out {ANY}")


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
        _refuse_program(options.task)
    if options.task is None and options.file is None and options.issue is None:
        where = "--jules" if at_jules else "HOST"
        message = "there is no task"
        raise UsageError(message, f'give one: dx-dispatch {where} "TASK", or --exec "COMMAND"')


def _check_ids(options: Options) -> None:
    any_id = (*options.log_ids, options.abort, options.session)
    of_agents = (options.diff, options.open, options.finalize_pr)
    of_jules = (options.approve, options.unarchive, options.delete)
    for names, is_one, what, jules in (
        (any_id, begins_id, "a session id", ""),
        (of_agents, _begins_session, "the id of an agent's session", ""),
        (of_jules, is_jules, "the id of a session of Jules", " --jules"),
    ):
        for name in names:
            if name is not None and not is_one(name):
                raise UsageError(f"{name!r} is not {what}", f"see: dx-dispatch --sessions{jules}")


def _begins_session(name: str) -> bool:
    return begins_id(name) and not is_command(name)


def _refuse_program(task: str) -> None:
    """Raise UsageError for a task of one word that is a program here, or a shell's own command.

    Such a word is nearly always meant for ``--exec``.
    """
    from shutil import which  # noqa: PLC0415 - for tasks of one word only

    word = task.strip()
    if len(word.split()) == 1 and "/" not in word and (word in _BUILTINS or which(word)):
        message = f"{word} is a program, and a task is for the coding agent of a VM"
        remedy = f"run it with --exec {word}; if it is a task, say more, or name the --agent"
        raise UsageError(message, remedy)


def unquoted(command: str, left_over: Sequence[str]) -> UsageError:
    """Return the error for a command whose further words are not in the value of ``--exec``."""
    import shlex  # noqa: PLC0415 - for such calls only

    shown = list(map(_masked, left_over))
    rest = shlex.join(shown)
    whole = f"{redact(command)} {rest}"
    message = f"--exec takes the command as one word, and {rest} is left over"
    written = f"-- {whole}" if "'" in rest else shlex.quote(whole)
    return UsageError(message, f"quote the command: --exec {written}")


def _masked(word: str) -> str:
    """Return the word; of one that has a secret, whatever its quotes, at most the name."""
    if redact(word) == word:
        return word
    name, equals, _ = word.partition("=")
    return f"{name}{equals}***" if equals and redact(name) == name else "***"


def words_left_over(words: Sequence[str]) -> tuple[str, list[str]]:
    """Return the value of ``--exec`` and the words after it that are no options or target."""
    entries = [each for each in table().values() if each.kind is not Kind.ARGUMENT]
    valued = {name: each.kind.takes_value for each in entries for name in each.names}
    left, command, has_target = list(words), None, False
    found: list[str] = []
    while left:
        word = left.pop(0)
        name, equals, value = word.partition("=")
        if name in valued:
            if valued[name] and not equals and left:
                value = left.pop(0)
            command = value if name == "--exec" else command
        elif not word.startswith("-") and not has_target:
            has_target = True
        elif command:
            found.append(word)
    return command or "", found
