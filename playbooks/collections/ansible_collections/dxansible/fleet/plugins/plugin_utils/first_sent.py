# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The moment at which work may first have been sent to a host.

A VM that has restarted since then may have run the work, and have lost all record of it. So each
repeated start tells the VM how long ago that moment is, and so does the stop of a call by itself. A
run that follows a killed one, or stops it, gets the moment in the variable ``dx_first_sent``, as a
stamp. The Python package has this same file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .machine import THIS_MACHINE, Machine

__all__ = ["read_stamp", "seconds_since", "stamp"]

_ELSEWHERE = 150.0
"""Seconds that a stamp may be on its way to another machine, whose clock is another one.

An execution node that is silent for 120 s counts as lost.
"""
_UNKNOWN = -math.inf
_LONGEST = 10**9
"""Seconds; no machine is up for so long."""


def seconds_since(moment: float, slack: float, machine: Machine = THIS_MACHINE) -> int:
    """Return the whole seconds since a moment, at least; a call takes up to ``slack`` to arrive."""
    return math.ceil(min(machine.now() - moment + slack, _LONGEST))


def stamp(moment: float, machine: Machine = THIS_MACHINE) -> dict[str, Any]:
    """Return the moment for a run on any machine."""
    return {"at": moment, "ago": machine.now() - moment, "boot": machine.boot()}


def read_stamp(given: object, machine: Machine = THIS_MACHINE) -> float:
    """Return the moment from a stamp, or from a number of seconds.

    Anything else is an unknown moment, long ago.
    """
    if not isinstance(given, Mapping):
        return _UNKNOWN if (ago := _number(given)) is None else machine.now() - ago
    at, ago = _number(given.get("at")), _number(given.get("ago"))
    if at is None or ago is None:
        return _UNKNOWN
    here = given.get("boot") and given["boot"] == machine.boot()
    return at if here else machine.now() - ago - _ELSEWHERE


def _number(given: object) -> float | None:
    try:
        found = float(given)  # type: ignore[arg-type] # a wrong type is an answer, too
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None
