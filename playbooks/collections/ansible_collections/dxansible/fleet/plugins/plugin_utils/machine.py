# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The clocks, the boot and the random numbers that runs use. A simulation hands in its own.

The Python package has this same file.
"""

from __future__ import annotations

import time
from pathlib import Path

from .elapsed import now

__all__ = ["THIS_MACHINE", "Machine"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Machine:
    """The machine on which the runs are."""

    def now(self) -> float:
        """Return the seconds since some moment, by the clock of `elapsed`."""
        return now()

    def wall(self) -> float:
        """Return the seconds since 1970, by a clock that anybody may set."""
        return time.time()

    def boot(self) -> str:
        """Return the id of this boot, empty if it has none."""
        try:
            return _BOOT_ID.read_text(encoding="ascii").strip()
        except OSError:
            return ""

    def token(self, size: int) -> str:
        """Return ``size`` random bytes in hexadecimal, which nobody can guess."""
        import secrets  # noqa: PLC0415 - slow to load, and the package needs no tokens from here

        return secrets.token_hex(size)

    def spread(self, low: float, high: float) -> float:
        """Return a random number between two. It is no secret."""
        import random  # noqa: PLC0415 - slow to load, too

        return random.uniform(low, high)  # noqa: S311 - no secret


THIS_MACHINE = Machine()
