# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waits for a host that can't be reached, before anything is sent to it.

While it waits, a run only asks the host whether it answers. So a run that ends meanwhile has
started nothing, and no thread is held between two attempts.
"""

from __future__ import annotations

from typing import Any

from .machine import THIS_MACHINE, Machine
from .record import PreflightStatus
from .ssh_errors import SshFailure

LONGEST_WAIT = 6 * 86400
"""Seconds. A VM knows an ended command for seven days; after that it could start it again."""
MAY_COME_BACK = frozenset(
    {
        SshFailure.UNRESOLVABLE,
        SshFailure.UNREACHABLE,
        SshFailure.CONNECT_TIMEOUT,
        SshFailure.LOST,
        PreflightStatus.HOST_UNRESOLVABLE,
        PreflightStatus.HOST_UNREACHABLE,
        PreflightStatus.TIMEOUT,
    }
)
"""Failures of a host that is off; a refused login or another host key needs a person."""
_GROWS, _LONGEST_PAUSE = 1.5, 60.0
_SHORTEST_PAUSE = 0.1


class Waiting:
    """How long to wait for one host, and what the caller has been told about that."""

    def __init__(self, seconds: float, first_pause: float, machine: Machine = THIS_MACHINE) -> None:
        """Wait up to ``seconds`` from now on; 0 is not at all."""
        self.seconds, self._machine = seconds, machine
        self._until = machine.wall() + seconds if seconds else 0.0
        self._pause = max(first_pause, _SHORTEST_PAUSE)
        self._told = ""

    def awaits(self, failure: SshFailure | PreflightStatus) -> bool:
        """Whether to wait for a host that has failed like this."""
        return failure in MAY_COME_BACK and self._machine.wall() < self._until

    def absent(self, failure: str, text: str) -> dict[str, Any] | None:
        """Return what to tell the caller; None if it knows of a failure of this kind."""
        if failure == self._told:
            return None
        self._told = failure
        return {"until": self._until, "error": text}

    def answers(self) -> dict[str, Any] | None:
        """Return what to tell the caller of a host that answers; None if it was not away."""
        known, self._told = self._told, ""
        return {"until": None, "error": None} if known else None

    def pause(self) -> float:
        """Return the seconds to the next attempt.

        They grow up to a minute. A random part keeps many hosts from being asked at one moment.
        """
        chosen = self._pause * self._machine.spread(0.75, 1.25)
        self._pause = min(self._pause * _GROWS, _LONGEST_PAUSE)
        return max(min(chosen, self._until - self._machine.wall()), _SHORTEST_PAUSE)
