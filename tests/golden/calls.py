"""Makes the calls of a batch, through the package and by ansible-playbook, and records the last."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dxansible.fleet import (
    FanoutOptions,
    abort_commands,
    check_hosts,
    fanout,
    follow_commands,
    list_hosts,
)
from dxansible.ids import session_on
from dxansible.sessions import SessionOptions, list_sessions, start_session
from dxansible.settings import Settings, content_dir
from tests.golden.records import of_check, of_listing, of_result, of_turn

if TYPE_CHECKING:
    from tests.golden.batch import Call
    from tests.golden.records import Record
    from tests.golden.stage import Stage

__all__ = ["play"]

_FORKS = 16
_LIMIT = 2**18
"""Bytes; by default it depends on the number of hosts, which is another one in a sample."""
_TIMEOUT = 180.0
"""Seconds; no scenario may take so long, however busy the machine is."""
_RECAP = re.compile(r"^(\S+) +: .* unreachable=(\d+) +failed=(\d+) ", re.MULTILINE)


def play(stage: Stage) -> dict[str, Record]:
    """Make all calls of the stage's batch and return the last one's record of each host.

    It is empty for a host without a result, as of a command that a look finds running.
    """
    *earlier, last = stage.batch.calls
    for call in earlier:
        _befall(stage, call)
    stage.arm(None)
    found, left_out = _make(stage, last), stage.batch.unsteady
    return {
        host: {name: each for name, each in found.get(host, {}).items() if name not in left_out}
        for host in (scenario.name for scenario in stage.scenarios)
    }


def _befall(stage: Stage, call: Call) -> None:
    match call.kind:
        case "expire":
            stage.expire()
        case "kill":
            stage.kill_keepers()
        case _:
            stage.arm(call.fault)
            _make(stage, call)


def _make(stage: Stage, call: Call) -> dict[str, Record]:
    settings = Settings.load(stage.inventory)
    run_id = "golden_" + re.sub(r"\W", "_", stage.batch.name)
    ids = [session_on(run_id, scenario.name) for scenario in stage.scenarios]
    match call.kind:
        case "run":
            return _run(call, settings, run_id)
        case "playbook":
            return _playbook(call, settings)
        case "turn":
            options = SessionOptions(settings=settings, forks=_FORKS, **call.options)
            turns = start_session("all", ". ~/ending", options)
            return {result.host: of_turn(result) for result in turns}
        case "check":
            checked = check_hosts("all", settings=settings, forks=_FORKS, **call.options)
            return {result.host: of_check(result) for result in checked}
        case "list":
            return of_listing(list_sessions("all", settings, **call.options))
        case "follow" | "look":
            results = follow_commands(ids, settings, wait=call.kind == "follow")
        case "stop":
            results = abort_commands(ids, settings)
        case _:
            raise AssertionError(call.kind)
    return {result.host: of_result(result, []) for result in results}


def _run(call: Call, settings: Settings, run_id: str) -> dict[str, Record]:
    lines: dict[str, list[str]] = defaultdict(list)

    def log(line: str) -> None:
        if found := re.search(r" host=(\S+)", line):
            lines[found[1]].append(line)

    usual = {"forks": _FORKS, "output_limit": _LIMIT, "timeout_sec": _TIMEOUT}
    given: dict[str, Any] = usual | dict(call.options)
    options = FanoutOptions(settings=settings, run_id=run_id, log_callback=log, **given)
    results = fanout("all", call.command, options)
    return {result.host: of_result(result, lines[result.host]) for result in results}


def _playbook(call: Call, settings: Settings) -> dict[str, Record]:
    """What people see who run the playbook themselves: each host's line of the recap.

    A host that succeeded may have none.
    """
    variables = {"dx_command": call.command, "dx_run_id": "golden_playbook", **call.options}
    arguments = [f"-e{key}={value!r}" for key, value in variables.items()]
    done = subprocess.run(
        [
            Path(sys.executable).parent / "ansible-playbook", f"-f{_FORKS}",
            *(f"-i{source}" for source in settings.inventory), *arguments,
            content_dir("playbooks") / "run-command.yml",
        ],
        env=os.environ | settings.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    recap = done.stdout.rpartition("PLAY RECAP")[2]
    return {each.host: {"unreachable": False, "failed": False} for each in list_hosts(settings)} | {
        host: {"unreachable": unreachable != "0", "failed": failed != "0"}
        for host, unreachable, failed in _RECAP.findall(recap)
    }
