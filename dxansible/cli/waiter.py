"""The process that waits for hosts after its call has returned (``--detach``)."""

from __future__ import annotations

import json
import os
from importlib import import_module
from typing import TYPE_CHECKING

from dxansible import logs
from dxansible.cli import execution, reading
from dxansible.cli.detach import FirstStates
from dxansible.cli.execute import prepare
from dxansible.cli.modes import mode_of, sort_out
from dxansible.errors import DxError
from dxansible.log_file import LogFile
from dxansible.settings import log_file
from dxansible.value import replace

if TYPE_CHECKING:
    from dxansible.cli.table import Options

__all__ = ["go_on"]


def go_on(order: int) -> None:
    """Make the call that the pipe ``order`` describes, as the process that was started for it."""
    with os.fdopen(order, errors="surrogateescape") as file:
        asked = json.load(file)
    report = os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)
    logs.configure(
        json=False, verbosity=0, stream=None, file=LogFile(log_file(), lambda _why: None)
    )
    teller = FirstStates(report, asked["run_id"])
    try:
        options = reading.parse(asked["words"])
        if options is not None:
            _call(replace(options, run_id=asked["run_id"]), teller)
    except DxError as error:
        teller.fail(error)
    finally:
        teller.close()


def _call(options: Options, teller: FirstStates) -> None:
    if options.command is None:
        start = import_module("dxansible.cli.start")  # for tasks alone, as in modes.py
        start.hand_over(sort_out(options, mode_of(options.values_given())), teller)
        return
    call, source = prepare(options)
    teller.leave_input()
    execution.follow_execution(options, call, source, teller)
