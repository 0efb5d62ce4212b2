"""Hands a playbook's operation to an engine, which reports the same records as the playbook."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from dxansible.kept.client import Line, check_refusal
from dxansible.kept.fingerprint import (
    EngineNotRunning,
    EngineUnusable,
    check_directory,
    socket_path,
)
from dxansible.run.request import CANCELLED, PlayEnd

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from dxansible.run.request import PlayRequest

__all__ = ["follow", "hand_over"]

_STARTING = 10.0
"""Seconds for a new engine to open its socket."""
_MOST_STARTS = 3
"""Starts by one call; an engine may be ended while it loads."""
_LOOK = 0.005


class _Place:
    """The engine that fits a call."""

    def __init__(
        self, inventory: Sequence[Path], playbooks: Path, environment: Mapping[str, str]
    ) -> None:
        """Raises EngineUnusable."""
        check_directory()
        self._environment = {**os.environ, **environment}
        self.sources = [os.path.abspath(source) for source in inventory]  # noqa: PTH100 - a link stays one
        self._playbooks = str(playbooks)
        self.path = socket_path(self.sources, self._playbooks, self._environment)

    def start(self, runtime_dir: str) -> bool:
        """Start it; False if it runs or is just starting."""
        from dxansible.kept.running import start  # noqa: PLC0415 - for a first call only

        return start(self.path, self.sources, self._playbooks, self._environment, runtime_dir)


def hand_over(request: PlayRequest, cancelled: threading.Event) -> Line:
    """Hand the run to an engine that takes it.

    Raises EngineUnusable if there is none; nothing has begun then.
    """
    began = time.monotonic()
    place = _Place(request.inventory, request.playbook.parent, request.environment)
    payload = request.secret_text or b""
    head = {
        "began": began,
        "limit": request.limit,
        "operation": request.playbook.stem.replace("-", "_"),
        "variables": dict(request.variables),
        "forks": request.forks,
        "flow": request.flow is not None,
        "payload": len(payload),
    }
    line, starts = None, 0
    while line is None:
        try:
            line = Line(place.path, head, payload, cancelled.is_set)
        except EngineNotRunning as absent:
            check_refusal(place.path, place.sources)
            if time.monotonic() > began + _STARTING or starts > _MOST_STARTS:
                raise EngineUnusable(f"none starts: {absent}") from absent
            starts += place.start(str(request.runtime_dir))
            time.sleep(_LOOK)
    if request.flow is not None:
        request.flow.tell(line.taken)
    return line


def follow(
    line: Line, on_event: Callable[[dict[str, Any]], None], cancelled: threading.Event
) -> PlayEnd:
    """Follow it as `dxansible.run.backend.play` does.

    Raises EngineUnusable if the engine refuses it after all; nothing has begun then.
    """
    try:
        for record in line.news():
            match record["kind"]:
                case "end":
                    return PlayEnd(status="successful", exit_code=0)
                case "refused":
                    raise EngineUnusable(record["error"])
                case _:
                    result = {"dx": {"kind": "fleet", "news": [record]}}
                    data = {"host": "", "res": result}
                    on_event({"event": "runner_retry", "event_data": data})
    finally:
        line.close()
    return CANCELLED if cancelled.is_set() else PlayEnd(status="failed", engine_lost=True)
