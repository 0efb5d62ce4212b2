"""The two doors to one host: the command line and the Python interface, asked at the same time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dxansible.fleet import FanoutOutcome, fanout_ssh

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.dispatcher import Answer, Dispatcher
    from tests.lab import Vm

__all__ = ["Told", "command_line", "python", "told", "told_by_both", "work_until_told"]

Result = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the truth table of the design has a column for."""

    outcome: str
    reason: str
    exit_code: int | None = None
    attempts: int = 1


def told(result: Result) -> Told:
    """Only these columns of a result."""
    return Told(**{name: result[name] for name in Told.__dataclass_fields__})


def told_by_both(
    here: Dispatcher,
    host: str,
    command: str,
    *,
    timeout: float = 60.0,
    log: Callable[[str], None] | None = None,
) -> tuple[Result, Result]:
    """Run a command twice at once, through either door, and return what they say.

    The process exit code of the command line is checked here, as it follows from the outcome.
    """
    arguments = (host, "--exec", command, "--json", "--timeout", str(timeout))
    with here.start(*arguments) as process:
        by_python = python(host, command, timeout=timeout, log=log)
        out, _ = process.communicate(timeout=120)
    document = json.loads(out)
    assert document["exit_code"] == process.returncode
    return _only(document), by_python


def command_line(here: Dispatcher, host: str, command: str) -> Result:
    """Go through the first door alone."""
    answer: Answer = here.run(host, "--exec", command, "--json")
    assert answer.document["exit_code"] == answer.code
    return _only(answer.document)


def python(
    host: str,
    command: str,
    *,
    timeout: float = 60.0,
    log: Callable[[str], None] | None = None,
) -> Result:
    """Go through the second door alone."""
    return fanout_ssh(host, command, timeout_sec=timeout, log_callback=log).to_dict()


def _only(document: Result) -> Result:
    (result,) = document["results"]
    assert document["schema"] == 1
    assert document["outcome"] == result["outcome"]
    assert document["exit_code"] == FanoutOutcome(result["outcome"]).exit_code
    return dict(result)


def work_until_told(vm: Vm) -> str:
    """Return a command that says so when it runs, and ends when the test makes a file `finish`."""
    for old in (*vm.home.glob("run-*"), *vm.home.glob("finish")):
        old.unlink()
    return (
        "echo before; mktemp run-XXXXXX >/dev/null;"
        " while [ ! -e finish ]; do sleep 0.1; done; echo after"
    )
