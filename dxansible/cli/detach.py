"""``--detach``: a process of its own waits for the hosts that are off, and the call returns.

The words of the command line reach that process through a pipe, so that no process list shows the
command for as long as the wait lasts. It reports until each host runs the command, has ended or is
waited for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dxansible.cli import argv
from dxansible.errors import DxError, EngineError
from dxansible.ids import agent_run, new_run_id, new_token
from dxansible.record import FanoutOutcome
from dxansible.render.show import emit, show
from dxansible.results import code_of_ends
from dxansible.settings import log_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dxansible.cli.table import Options

    _Report = Mapping[str, Any]

__all__ = ["detach"]


def detach(options: Options) -> int:
    """Start the process that makes the call, and show what it reports until it waits."""
    of_task = options.command is None
    run_id = options.run_id or (new_token() if of_task else new_run_id())
    order = {"words": argv.complete(sys.argv[1:]), "run_id": run_id}
    reader, writer = os.pipe()
    with (
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("detached.py")), str(reader)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(reader,),
            start_new_session=True,
        ) as process,
        os.fdopen(writer, "w", errors="surrogateescape") as told,
    ):
        os.close(reader)
        json.dump(order, told)
        told.close()
        try:
            reports = [json.loads(line) for line in process.stdout or ()]
        except KeyboardInterrupt:
            process.terminate()
            raise
        process.returncode = 0  # Popen must not wait for it
    hosts = _hosts(reports)
    if not options.quiet:
        _show_states(hosts)
    if of_task:
        _show_sessions(options, agent_run(run_id), hosts)
    else:
        _show_run(options, run_id, hosts)
    return code_of_ends(
        [
            (FanoutOutcome(each["state"]), each["reason"]) if each["ended"] else (None, None)
            for each in hosts
        ]
    )


def _hosts(reports: Sequence[_Report]) -> list[_Report]:
    """Return the reports on hosts. Raises DxError if the call had no result."""
    hosts = [each for each in reports if "host" in each]
    for each in reports:
        if "error" in each and "host" not in each:
            raise _as_told(each)
    if not hosts:
        message = "the process that was to wait has ended"
        raise EngineError(message, f"see the log: {log_file()}")
    return hosts


def _show_states(hosts: Sequence[_Report]) -> None:
    width = max(len(each["host"]) for each in hosts)
    for each in hosts:
        show(f"{each['host']:<{width}}  {each['state']:<16}  {each['note']}".rstrip(), err=True)


def _show_run(options: Options, run_id: str, hosts: Sequence[_Report]) -> None:
    """Show the id of a command's run, and what to do with it."""
    emit(f"{run_id}\n")
    if not all(each["ended"] for each in hosts) and not options.quiet:
        back = f"dx-dispatch --logs {run_id}; stop it with: dx-dispatch --abort {run_id}"
        show(f"see: dx-dispatch --sessions, or {back}", err=True)


def _show_sessions(options: Options, run_id: str, hosts: Sequence[_Report]) -> None:
    """Show the ids of a task's sessions, as a call without ``--detach`` does."""
    left = [each for each in hosts if not each["ended"]]
    for each in left:
        emit(f"{each['session']}\n" if len(hosts) == 1 else f"{each['session']}  {each['host']}\n")
    awaited = [each["session"] for each in left if each["state"] == "waiting"]
    if awaited and not options.quiet:
        stop = awaited[0] if len(hosts) == 1 else run_id
        back = f"stop the wait with: dx-dispatch --abort {stop}"
        show(f"see: dx-dispatch --sessions; {back}", err=True)


def _as_told(report: _Report) -> DxError:
    error = DxError(report["error"], report["remedy"])
    error.exit_code = report["code"]  # type: ignore[misc] # that of its class, in the other process
    return error
