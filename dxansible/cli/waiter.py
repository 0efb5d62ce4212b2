"""The process that waits for hosts after its call has returned (``--detach``)."""

from __future__ import annotations

import json
import os
from importlib import import_module

from dxansible import logs
from dxansible.cli import reading
from dxansible.cli.detach import FirstStates
from dxansible.cli.modes import mode_of, sort_out
from dxansible.errors import DxError
from dxansible.log_file import LogFile
from dxansible.settings import log_file
from dxansible.value import replace

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
            options = sort_out(options, mode_of(options.values_given()))
            module = "start" if options.command is None else "execute"
            call = import_module(f"dxansible.cli.{module}")  # only what the work needs
            call.hand_over(replace(options, run_id=asked["run_id"]), teller)
    except DxError as error:
        teller.fail(error)
    finally:
        teller.close()
