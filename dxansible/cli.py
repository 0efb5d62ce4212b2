"""The command line: parses, calls one function, renders.

The only place that catches errors and exits.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dxansible import logs, render
from dxansible.errors import DxError, UsageError
from dxansible.live import LiveOutput, Screen
from dxansible.outcome import FanoutOutcome, worst
from dxansible.settings import Settings, colour_wanted, json_logs_wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dxansible.outcome import FanoutResult

__all__ = ["main"]

_EXAMPLES = """
\b
Examples:
  dx-dispatch --list                                  the VMs, with live health
  dx-dispatch epyc6 --exec "make test"                run a command, output live
  dx-dispatch gpu --exec "nvidia-smi" --gather        on a group, equal outputs once
  dx-dispatch 'all:!macmini' --exec "uptime" --json   on an Ansible pattern, for a program
  dx-dispatch epyc6 --file deploy.sh --timeout 600    the command from a file (- is stdin)
  dx-dispatch --status epyc6                          is it reachable?

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """What the command line said."""

    target: str | None
    task: str | None
    command: str | None
    file: str | None
    list_all: bool
    status: str | None
    logs: str | None
    abort: str | None
    run_id: str | None
    inventory: str | None
    timeout: float
    retries: int
    max_output: int | None
    forks: int | None
    gather: bool
    json: bool
    verbose: int
    quiet: bool


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EXAMPLES,
)
@click.argument("target", required=False)
@click.argument("task", required=False)
@click.option(
    "--exec", "command", metavar="COMMAND", help="Run a shell command on TARGET, output live."
)
@click.option("--file", metavar="PATH", help="Take the command from a file; - is standard input.")
@click.option("--list", "list_all", is_flag=True, help="Show the VMs with live health.")
@click.option("--status", metavar="TARGET", help="Show the health of one VM, group or pattern.")
@click.option(
    "--logs", metavar="SES", help="Show a command by its id, from its first byte to its end."
)
@click.option("--abort", metavar="SES", help="Stop a command by its id, and see that it is gone.")
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
    default=60,
    show_default=True,
    help="Time limit for the command, enforced on the VM.",
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
def command(**values: Any) -> int:  # noqa: ANN401 - _Options has the types
    """Run commands on a fleet of machines and tell the truth about what became of them.

    TARGET is a host of the inventory, an alias, a group or any Ansible pattern.
    """
    options = _Options(**values)
    logs.configure(
        json=json_logs_wanted(),
        verbosity=-1 if options.quiet else options.verbose,
        stream=_SCREEN,  # type: ignore[arg-type] # write and flush are all that logging uses
    )
    return _mode(options)(options)


_SCREEN = Screen()


def _mode(options: _Options) -> Callable[[_Options], int]:
    """The one thing to do. Raises UsageError when there are several, or none."""
    asked = {
        "--exec": options.command is not None,
        "--list": options.list_all,
        "--status": options.status is not None,
        "--logs": options.logs is not None,
        "--abort": options.abort is not None,
    }
    chosen = [name for name, given in asked.items() if given]
    if len(chosen) > 1:
        message = f"{' and '.join(chosen)} can't be used together"
        raise UsageError(message, "choose one of them")
    if chosen and chosen != ["--exec"]:
        if options.target is not None:
            message = f"{chosen[0]} takes no further argument ({options.target})"
            raise UsageError(message, "leave it out, or use --status TARGET")
        return {"--logs": _follow, "--abort": _abort}.get(chosen[0], _show_health)
    if options.target is None:
        message = "nothing to do"
        raise UsageError(message, 'try: dx-dispatch --list, or dx-dispatch HOST --exec "COMMAND"')
    if options.task is not None:
        message = "this version runs commands and has no agent sessions yet"
        raise UsageError(message, 'run a command with: dx-dispatch HOST --exec "COMMAND"')
    return _execute


def _load_settings(options: _Options) -> Settings:
    return Settings.load(options.inventory)


def _show_health(options: _Options) -> int:
    from dxansible.fleet import check_hosts  # noqa: PLC0415 - keeps --help fast

    results = check_hosts(options.status or "all", settings=_load_settings(options))
    text = render.health_document(results) if options.json else render.health_table(results)
    click.echo(text, nl=False, color=colour_wanted())
    return 0 if all(result.ok for result in results) else FanoutOutcome.PREFLIGHT_FAILED.exit_code


def _execute(options: _Options) -> int:
    from dxansible.fleet import FanoutOptions, fanout  # noqa: PLC0415 - keeps --help fast

    cancelled = _cancel_on_signals()
    chosen = FanoutOptions(
        timeout_sec=options.timeout,
        max_retries=options.retries,
        output_limit=options.max_output,
        forks=options.forks,
        run_id=options.run_id,
        settings=_load_settings(options),
    )
    show = not (options.json or options.gather)
    listener = LiveOutput(_SCREEN, show=show, on_closed=cancelled.set)
    results = fanout(
        options.target or "", _text(options), chosen, listener=listener, cancelled=cancelled
    )
    return _report(options, results)


def _report(options: _Options, results: Sequence[FanoutResult]) -> int:
    if options.json:
        for piece in render.fanout_document(results):
            click.echo(piece, nl=False)
    elif options.gather:
        for chunk in render.gathered(results):
            click.echo(chunk, nl=False)
    if not options.quiet and not options.json:
        width = max(len(result.host) for result in results)
        for result in results:
            click.echo(render.summary_line(result, width), err=True, color=colour_wanted())
    return worst(result.outcome for result in results).exit_code


def _follow(options: _Options) -> int:
    from dxansible.fleet import follow_command  # noqa: PLC0415 - keeps --help fast

    cancelled = _cancel_on_signals("no longer watching; the command goes on")
    listener = LiveOutput(_SCREEN, show=not options.json, on_closed=cancelled.set)
    result = follow_command(
        options.logs or "", _load_settings(options), listener=listener, cancelled=cancelled
    )
    return FanoutOutcome.ABORTED.exit_code if result is None else _report(options, [result])


def _abort(options: _Options) -> int:
    from dxansible.fleet import abort_command  # noqa: PLC0415 - keeps --help fast

    result = abort_command(options.abort or "", _load_settings(options))
    _report(options, [result])
    return 0 if result.stop_verified else FanoutOutcome.FAILURE.exit_code


def _text(options: _Options) -> str | bytes:
    if options.file is None:
        if options.command is None:
            message = "there is no command"
            raise UsageError(message, 'give one: --exec "COMMAND", or --file PATH')
        return options.command
    if options.command is not None:
        message = "--exec and --file can't be used together"
        raise UsageError(message, "give the command once")
    if options.file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(options.file).read_bytes()
    except OSError as error:
        message = f"{options.file} can't be read: {error.strerror}"
        raise UsageError(message, "give a readable file, or - for standard input") from error


_STOPPING = "stopping the command on the VMs (Ctrl-C again: don't wait for that)"


def _cancel_on_signals(notice: str = _STOPPING) -> threading.Event:
    """Make the first Ctrl-C end the work in good order, and the second end this process at once."""
    cancelled = threading.Event()

    def handle(_number: int, _frame: object) -> None:
        if cancelled.is_set():
            os.write(2, b"\ngave up waiting; the command may still be running on the VM\n")
            os._exit(FanoutOutcome.ABORTED.exit_code)
        os.write(2, f"\n{notice}\n".encode())
        cancelled.set()

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, handle)
    return cancelled


def main() -> None:
    """Entry point of ``dx-dispatch``."""
    as_json = "--json" in sys.argv[1:]
    try:
        code = command.main(standalone_mode=False)
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
