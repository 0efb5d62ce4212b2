"""What is measured, in the order of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.rows import cold, fan_out, help_text, loop, one_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.bench import Bench
    from benchmarks.row import Row

__all__ = ["GROUPS"]

GROUPS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "warm": one_host.measure,
    "cold": cold.measure,
    "fan-out": fan_out.measure,
    "loop": loop.measure,
    "help": help_text.measure,
}
"""By the name that ``--only`` takes; each yields rows with that key."""
