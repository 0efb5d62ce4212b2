# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Checks a host and does nothing else: the preflight and, if asked for, a real connection."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from . import agents, checks, link, verdict
from .host_run import CHECK_SECONDS, WATCH, HostRun, ask
from .keeper_reply import CallError, CutShortError
from .preflight import OPTIONS
from .record import PreflightStatus
from .ssh_errors import SshFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from .host_door import HostDoor
    from .host_run import Steps
    from .keeper_listing import Ping
    from .preflight import Preflight


class CheckRun(HostRun):
    """Checks one host. The first check that fails decides."""

    kind: ClassVar = "preflight"
    spec: ClassVar = {
        **OPTIONS,
        **WATCH,
        "timeout": {
            "type": "float",
            "default": 5.0,
            "aliases": ["connect_timeout"],
            "variable": "dx_preflight_timeout",
        },
        "connect": {"type": "bool", "default": False},
        "check_reachable": {"type": "bool", "default": True, "variable": "dx_check_reachable"},
        "batch_mode": {"type": "bool", "default": True, "variable": "dx_batch_mode"},
        "survey": {"type": "bool", "default": True, "variable": "dx_survey"},
        "version": {"type": "bool", "default": True, "variable": "dx_survey_version"},
        "agent": {"type": "str", "default": "", "variable": "dx_agent"},
        "agents": {"type": "dict", "default": {}, "variable": "dx_agents"},
        "path": {"type": "list", "elements": "str", "default": [], "variable": "dx_path"},
    }

    of_fan: ClassVar = frozenset(WATCH)

    def check_options(self) -> None:
        """Raise ValueError for an invalid option."""
        wanted = self.options
        self._wait, self._stamp = 0, ""
        self._connect = wanted["connect"] and wanted["check_reachable"]
        self._agent: agents.Agent | None = None
        if self._connect and wanted["survey"]:
            known = agents.load_agents(wanted["agents"])
            self._agent = agents.choose(known, wanted["agent"] or "opencode")

    def steps(self) -> Steps[dict[str, Any]]:
        """Run the checks, once or as often as something changes. The record has the findings."""
        return self.watched(self._checks)

    def _checks(self, wait: int) -> Steps[dict[str, Any]]:
        self._wait = wait
        wanted, timeout = self.options, self.options["timeout"]
        preflight = yield from ask(CHECK_SECONDS, lambda door: door.check(wanted, timeout))
        preflight.record |= {"connect": self._connect, "agent": self._agent and self._agent.name}
        if self._connect and preflight.failure is None:
            try:
                yield from self._connect_for_real(preflight)
            except checks.CheckFailure as error:
                preflight.fail(error)
            preflight.measure()
        failure = preflight.failure
        return {
            "failed": failure is not None,
            "msg": failure.text if failure else f"{self.host}: preflight passed",
            "changed": False,
            "dx": preflight.record | {"done": True},
        }

    def work(self) -> Steps[dict[str, Any]]:
        """Run the checks: nothing follows them."""
        return self.steps()

    def _connect_for_real(self, preflight: Preflight) -> Steps[None]:
        """Ping the host and survey it in one round trip. Raises CheckFailure.

        The latency excludes the time that the agent takes to print its version. If the host can't
        measure that time, a second ping without the agent gives the latency.
        """
        timeout, record = self.options["timeout"], preflight.record
        self._door.open(
            record["ssh"], connect_timeout=timeout, batch_mode=self.options["batch_mode"]
        )
        record["attempts"] = 1
        try:
            record |= yield from ask(timeout * 3 + 15 + self._wait, self._look)
        except CallError as error:
            text = link.explain(self.host, error)
            raise checks.CheckFailure(_status_of(error), text) from error

    def _look(self, door: HostDoor) -> dict[str, Any]:
        if self._agent is None:
            return {"latency_ms": _timed(door.keeper.ping)[0]}
        version = self._agent.version
        wanted = self.options["version"] and len(version) > 1 and not self._stamp
        latency, survey = _timed(
            partial(
                door.keeper.ping,
                self._agent.program,
                ":".join(self.options["path"]),
                version[1] if wanted else None,
                wait=self._wait,
                stamp=self._stamp,
            )
        )
        self._stamp = survey.stamp or ""
        if survey.spent_ms is None:
            latency, _reply = _timed(door.keeper.ping)
        else:
            latency = max(0, latency - survey.spent_ms)
        return {
            "latency_ms": latency,
            "load": survey.load,
            "running": survey.running,
            "agent_found": survey.found,
            "agent_version": survey.version,
        }


def _status_of(error: CallError) -> PreflightStatus:
    match error:
        case link.LinkError():
            return verdict.STATUS[error.failure]
        case link.CallTimeoutError():
            return PreflightStatus.TIMEOUT
        case CutShortError():  # nobody knows how far the connection came
            return verdict.STATUS[SshFailure.LOST]
        case _:
            return PreflightStatus.AUTH_MODE_INVALID


def _timed(ping: Callable[[], Ping]) -> tuple[int, Ping]:
    """The round-trip time in milliseconds, and the answer."""
    began = time.monotonic()
    answer = ping()
    return round((time.monotonic() - began) * 1000), answer
