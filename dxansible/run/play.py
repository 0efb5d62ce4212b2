"""Runs a playbook: in an engine if one can be used, else with ansible-runner directly."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from dxansible.kept.calls import play_in_engine
from dxansible.kept.fingerprint import EngineUnusable
from dxansible.logs import event

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from dxansible.run.request import PlayEnd, PlayRequest

__all__ = ["play"]


def play(
    request: PlayRequest,
    on_event: Callable[[dict[str, Any]], None],
    cancelled: threading.Event,
) -> PlayEnd:
    """Run it; ``on_event`` gets ansible-runner's raw events, one at a time.

    Returns early once ``cancelled`` is set or an exception (KeyboardInterrupt) arrives; nothing on
    this machine works on the run then. Raises ContentError if ansible-playbook is missing,
    EngineError if it can't run.
    """
    if request.engine:
        try:
            return play_in_engine(request, on_event, cancelled)
        except EngineUnusable as reason:
            event("engine_unused", logging.DEBUG, reason=str(reason))
    from dxansible.run import backend  # noqa: PLC0415 - loads ansible-runner

    return backend.play(request, on_event, cancelled)
