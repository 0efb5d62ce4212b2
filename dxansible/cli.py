"""The command line: parses, calls one function, renders.

The only place that catches errors and exits.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import click

from dxansible import logs, render
from dxansible.calls.options import Options
from dxansible.calls.terminal import SCREEN
from dxansible.errors import DxError, UsageError
from dxansible.ids import is_agent_session, is_command
from dxansible.outcome import FanoutOutcome
from dxansible.settings import json_logs_wanted

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["main"]

_EXAMPLES = """
\b
Examples:
  dx-dispatch --list                                  the VMs, with live health
  dx-dispatch epyc6 "Run make test in ~/affordabot"   a task for the VM's coding agent
  dx-dispatch epyc6 "Fix the tests" --repo ~/app --wait --timeout 600
  dx-dispatch --session ses_abc123 "Continue"         a further prompt, from any machine
  dx-dispatch any:gpu "Train the model"               on the least loaded VM that is free
  dx-dispatch --sessions                              all sessions of all VMs
  dx-dispatch --logs ses_abc123 --follow              what the agent says, from the first byte
  dx-dispatch --abort ses_abc123                      stop it, verified
  dx-dispatch epyc6 --exec "make test"                run a command, output live
  dx-dispatch gpu --exec "nvidia-smi" --gather        on a group, equal outputs once
  dx-dispatch 'all:!macmini' --exec "uptime" --json   on an Ansible pattern, for a program
  dx-dispatch epyc6 --exec --file deploy.sh           the command from a file (- is stdin)

\b
Exit codes: SUCCESS 0, FAILURE 1, usage 2, PREFLIGHT_FAILED 3, TIMEOUT 124, ABORTED 130.
Of several hosts the worst counts; --json has each host's own.
"""


def _seconds(value: str | float) -> float:
    try:
        seconds = float(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a number of seconds") from None
    if not 0 < seconds < float("inf"):
        raise click.BadParameter(f"{value} is not a number of seconds above 0")
    return seconds


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EXAMPLES,
)
@click.argument("target", required=False)
@click.argument("task", required=False)
@click.option(
    "--exec",
    "command",
    metavar="COMMAND",
    help="Run a shell command on TARGET, output live. Without a value before --file.",
)
@click.option(
    "--file",
    metavar="PATH",
    help="Take the task, or the command of --exec, from a file; - is standard input.",
)
@click.option("--list", "list_all", is_flag=True, help="Show the VMs with live health.")
@click.option("--sessions", is_flag=True, help="Show the agents' sessions of TARGET, or of all.")
@click.option(
    "--status", metavar="TARGET|SES", help="Show a VM, group or pattern; or all of one session."
)
@click.option("--logs", metavar="SES", help="Show what a session or a command has printed.")
@click.option("--follow", is_flag=True, help="With --logs: go on until it has ended.")
@click.option(
    "--abort", metavar="SES", help="Stop a session or a command, and see that it is gone."
)
@click.option("--clean", is_flag=True, help="Remove ended sessions of TARGET, or of all.")
@click.option(
    "--age",
    type=click.IntRange(min=0),
    metavar="DAYS",
    help="With --clean: how long ago they ended.  [default: 30]",
)
@click.option("--session", metavar="SES", help="Continue this session with TASK.")
@click.option("--agent", metavar="NAME", help="Another agent than the VM's own, for this call.")
@click.option(
    "--repo", metavar="PATH", help="Work in a git worktree of its own of this repository on the VM."
)
@click.option("--beads", metavar="ID", help="The issue it belongs to; also names the branch.")
@click.option(
    "--verify", metavar="COMMAND", help="A check after the turn; SUCCESS then needs its exit 0."
)
@click.option("--queue", is_flag=True, help="Wait for a turn that is running, then start.")
@click.option("--wait", is_flag=True, help="Follow the turn; its outcome sets the exit code.")
@click.option(
    "--idle-timeout",
    type=_seconds,
    metavar="SECONDS",
    help="End a turn that prints nothing for so long.  [default: dx_idle_timeout, or 1200]",
)
@click.option(
    "--run-id",
    metavar="ID",
    help="An id of your own: commands sent again with it never run twice.",
)
@click.option(
    "-i",
    "--inventory",
    metavar="PATH",
    help="Ansible inventory: file, directory, script or plugin file.  [env: DX_INVENTORY]",
)
@click.option(
    "--timeout",
    type=_seconds,
    metavar="SECONDS",
    help="Time limit, enforced on the VM.  [default: 60 for a command; for a turn "
    "dx_session_timeout, or 7200]",
)
@click.option(
    "--retries",
    type=click.IntRange(0, 10),
    default=1,
    show_default=True,
    help="Further connection attempts; a command that ran is never run again.",
)
@click.option("--gather", is_flag=True, help="Show equal outputs once, at the end.")
@click.option(
    "--max-output",
    type=click.IntRange(min=0),
    metavar="BYTES",
    help="Bytes of each stream kept of a host.  [default: 4 MiB; 32 MiB over all hosts]",
)
@click.option(
    "--forks", type=click.IntRange(min=1), help="Hosts at a time.  [default: all, up to 200]"
)
@click.option("--json", is_flag=True, help="Print one JSON document on standard output.")
@click.option("-v", "--verbose", count=True, help="More in the log on standard error.")
@click.option("-q", "--quiet", is_flag=True, help="No summary, and only failures in the log.")
@click.version_option(version("dxansible"), prog_name="dx-dispatch")
def command(**values: Any) -> int:  # noqa: ANN401 - Options has the types
    """Hand tasks and commands to a fleet of machines, and tell the truth about what became of them.

    TARGET is a host of the inventory, an alias, a group or any Ansible pattern; any:PATTERN is the
    least loaded free host of one. TASK is for the coding agent there.
    """
    options = _sorted_out(Options(**values))
    logs.configure(
        json=json_logs_wanted(),
        verbosity=-1 if options.quiet else options.verbose,
        stream=SCREEN,  # type: ignore[arg-type] # write and flush are all that logging uses
    )
    return _mode(options)(options)


def _sorted_out(options: Options) -> Options:
    """With --session the VM may be left out, and then the first word is the task."""
    if options.session is None or options.task is not None or options.file is not None:
        return options
    return replace(options, task=options.target, target=None)


def _mode(options: Options) -> Callable[[Options], int]:
    """The one thing to do. Raises UsageError when there are several, or none."""
    asked = {
        "--exec": options.command is not None,
        "--list": options.list_all,
        "--sessions": options.sessions,
        "--status": options.status is not None,
        "--logs": options.logs is not None,
        "--abort": options.abort is not None,
        "--clean": options.clean,
    }
    chosen = [name for name, given in asked.items() if given]
    if len(chosen) > 1:
        message = f"{' and '.join(chosen)} can't be used together"
        raise UsageError(message, "choose one of them")
    mode = chosen[0] if chosen else None
    _check_words(options, mode)
    from dxansible.calls import commands, sessions  # noqa: PLC0415 - keeps --help fast

    of_command = is_command(options.logs or options.abort or "")
    calls = {
        "--exec": commands.execute,
        "--list": commands.show_health,
        "--sessions": sessions.show_sessions,
        "--clean": sessions.clean,
        "--status": sessions.show_status if _is_session(options.status) else commands.show_health,
        "--logs": commands.follow if of_command else sessions.follow,
        "--abort": commands.abort if of_command else sessions.abort,
    }
    return calls[mode] if mode else sessions.start


_TAKE_NO_TARGET = frozenset({"--list", "--status", "--logs", "--abort"})


def _check_words(options: Options, mode: str | None) -> None:
    """Raise UsageError for words and options that have no meaning there."""
    if mode is None:
        _check_task_words(options)
    elif mode == "--exec" and options.target is None:
        message = "there is no target"
        raise UsageError(message, 'name a host: dx-dispatch HOST --exec "COMMAND"')
    else:
        extra = options.target if mode in _TAKE_NO_TARGET else options.task
        if extra is not None:
            message = f"{mode} takes no further argument ({extra})"
            raise UsageError(message, "leave it out, or use --status TARGET")
    if mode != "--logs":
        options.refuse(mode or "a task for an agent", ("follow",))
    if mode != "--clean" and options.age is not None:
        message = "--age is of no use without --clean"
        raise UsageError(message, "leave it out")
    for name in (options.logs, options.abort, options.session):
        if name is not None and not (is_command(name) or is_agent_session(name)):
            message = f"{name!r} is not a session id"
            raise UsageError(message, "see: dx-dispatch --sessions")


def _check_task_words(options: Options) -> None:
    if options.target is None and options.session is None:
        message = "nothing to do"
        raise UsageError(message, 'try: dx-dispatch --list, or dx-dispatch HOST "TASK"')
    if options.task is None and options.file is None:
        message = "there is no task"
        raise UsageError(message, 'give one: dx-dispatch HOST "TASK", or --exec "COMMAND"')


def _is_session(name: str | None) -> bool:
    return name is not None and is_agent_session(name)


def main() -> None:
    """Entry point of ``dx-dispatch``."""
    as_json = "--json" in sys.argv[1:]
    try:
        code = command.main(_arguments(sys.argv[1:]), standalone_mode=False)
    except click.ClickException as error:
        code = _complain(
            UsageError(error.format_message(), "see dx-dispatch --help"), as_json=as_json
        )
    except DxError as error:
        code = _complain(error, as_json=as_json)
    except (KeyboardInterrupt, click.Abort):
        code = FanoutOutcome.ABORTED.exit_code
        if as_json:
            click.echo(render.interrupted_document(code), nl=False)
    except BrokenPipeError:
        code = FanoutOutcome.FAILURE.exit_code
    _leave(code if isinstance(code, int) else 0)


def _arguments(given: list[str]) -> list[str]:
    """The words of the command line: ``--exec`` before ``--file`` has no value of its own."""
    words = []
    for place, word in enumerate(given):
        words.append(word)
        following = "".join(given[place + 1 : place + 2])
        if word == "--exec" and following.partition("=")[0] == "--file":
            words.append("")
    return words


def _complain(error: DxError, *, as_json: bool) -> int:
    tail = getattr(error, "output_tail", "")
    if tail:
        click.echo(tail, err=True)
    if as_json:
        click.echo(render.error_document(error), nl=False)
    else:
        click.echo(f"dx-dispatch: {error}", err=True)
    return error.exit_code


def _leave(code: int) -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
