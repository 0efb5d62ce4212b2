"""The command line: parses, calls one function, renders.

The only place that catches errors and exits.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from dxansible import logs
from dxansible.cli import refusals
from dxansible.cli.flags import (
    GroupedCommand,
    complete,
    declare_flags,
    given_options,
    json_wanted,
)
from dxansible.cli.modes import choose_call, mode_of, sort_out
from dxansible.cli.terminal import SCREEN
from dxansible.errors import DxError, EngineError, UsageError
from dxansible.render.show import show
from dxansible.settings import json_logs_wanted, mask_secrets

__all__ = ["main"]

_EXAMPLES = """
\b
Examples:
  dx-dispatch --list                                  the VMs, with live health
  dx-dispatch epyc6 "Run make test in ~/affordabot"   a task for the VM's coding agent
  dx-dispatch epyc6 "Fix it" --repo '~/app' --wait    in a worktree and branch of its own
  dx-dispatch --session ses_abc123 "Continue"         a further prompt, from any machine
  dx-dispatch any:gpu "Train the model"               on the least loaded VM that is free
  dx-dispatch --sessions                              all sessions of all VMs
  dx-dispatch --logs ses_abc123 --follow              what the agent says, from the first byte
  dx-dispatch --abort ses_abc123                      stop it, verified
  dx-dispatch --finalize-pr ses_abc123 --beads bd-123   the pull request of what it has done
  dx-dispatch --jules --issue bd-123 --wait           an issue of Beads for Jules, to its end
  dx-dispatch epyc6 --issue bd-123 --claim            the same issue for a VM's agent
  dx-dispatch epyc6 --exec "make test"                run a command, output live
  dx-dispatch gpu --exec "nvidia-smi" --gather        on a group, equal outputs once
  dx-dispatch 'all:!macmini' --exec "uptime" --json   on an Ansible pattern, for a program
  dx-dispatch epyc6 --exec --file deploy.sh           the command from a file (- is stdin)

\b
Exit codes: SUCCESS 0, FAILURE 1, usage 2, PREFLIGHT_FAILED 3,
SUCCESS with output missing 4, TIMEOUT 124, ABORTED 130.
Of several hosts the worst counts; --json has each host's own.
"""


@click.command(
    cls=GroupedCommand,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EXAMPLES,
)
@declare_flags
@click.version_option(package_name="dxansible", prog_name="dx-dispatch")
def command(**_values: Any) -> int:  # noqa: ANN401 - Options has the types
    """Hand tasks and commands to a fleet of machines, and tell the truth about what became of them.

    TARGET is a host of the inventory, an alias, a group or any Ansible pattern; any:PATTERN is the
    least loaded free host of one. TASK is for the coding agent there.
    """
    context = click.get_current_context()
    options = given_options(context)
    mode = mode_of(options.values_given())
    options = sort_out(options, mode)
    logs.configure(
        json=json_logs_wanted(),
        verbosity=-1 if options.quiet else options.verbose,
        stream=SCREEN,  # type: ignore[arg-type] # write and flush are all that logging uses
    )
    refusals.check(options, mode)
    return choose_call(mode, options)(options)


def main() -> None:
    """Entry point of ``dx-dispatch``."""
    mask_secrets()
    words = complete(sys.argv[1:])
    try:
        code = command.main(words, standalone_mode=False)
    except click.ClickException as error:
        code = _complain(UsageError(error.format_message(), "see dx-dispatch --help"), words)
    except DxError as error:
        code = _complain(error, words)
    except (KeyboardInterrupt, click.Abort):
        code = _exit_code("ABORTED")
        if json_wanted(command, words):
            from dxansible.render import commands as render  # noqa: PLC0415 - keeps --help fast

            click.echo(render.interrupted_document(code), nl=False)
    except BrokenPipeError:
        code = _exit_code("FAILURE")
    except OSError as error:
        code = _complain(
            EngineError(f"this machine refuses: {error}", "see docs/troubleshooting.md"), words
        )
    _leave(code if isinstance(code, int) else 0)


def _exit_code(outcome: str) -> int:
    from dxansible.record import FanoutOutcome  # noqa: PLC0415 - keeps --help fast

    return FanoutOutcome(outcome).exit_code


def _complain(error: DxError, words: list[str]) -> int:
    tail = getattr(error, "output_tail", "")
    if tail:
        show(tail, err=True)
    if json_wanted(command, words):
        from dxansible.render import commands as render  # noqa: PLC0415 - keeps --help fast

        click.echo(render.error_document(error), nl=False)
    else:
        show(f"dx-dispatch: {error}", err=True)
    return error.exit_code


def _leave(code: int) -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
