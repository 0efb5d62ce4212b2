# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The clock for durations. Nobody can set it, and it counts the time that the machine sleeps."""

from __future__ import annotations

import time

__all__ = ["now"]

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""macOS has no other than the monotonic clock."""


def now() -> float:
    """Return the seconds since some moment, which is the same for all processes of a boot."""
    return time.clock_gettime(_CLOCK)
