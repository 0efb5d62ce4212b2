"""The two doors to a host: the command line and the Python interface, asked at the same time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dxansible.fleet import FanoutOutcome, fanout_ssh

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher

__all__ = ["DONE", "Result", "Told", "only_result", "told", "told_by_both"]

Result = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the truth table of the design has a column for."""

    outcome: str
    reason: str
    exit_code: int | None = None
    attempts: int = 1


DONE = Told(outcome="SUCCESS", reason="ok", exit_code=0)


def told(result: Result) -> Told:
    """Only these columns of a result."""
    return Told(**{name: result[name] for name in Told.__dataclass_fields__})


def told_by_both(
    here: Dispatcher,
    command: str,
    *,
    hosts: tuple[str, str] = ("epyc6", "epyc6"),
    timeout: float = 60.0,
) -> tuple[Result, Result]:
    """Run a command on two hosts at once, or twice on one: by command line, and by Python."""
    arguments = ("--exec", command, "--json", "--timeout", str(timeout))
    with here.start(hosts[0], *arguments) as process:
        by_python = fanout_ssh(hosts[1], command, timeout_sec=timeout)
        out, _ = process.communicate(timeout=120)
    return only_result(json.loads(out), process.returncode), by_python.to_dict()


def only_result(document: Result, code: int) -> Result:
    """The one result of a JSON document, which has to agree with it and the process exit code."""
    (result,) = document["results"]
    assert document["schema"] == 1
    assert document["outcome"] == result["outcome"]
    assert document["exit_code"] == FanoutOutcome(result["outcome"]).exit_code == code
    return dict(result)
