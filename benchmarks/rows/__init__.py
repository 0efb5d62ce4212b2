"""What is measured, in the order of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.rows import (
    board,
    clients,
    cold,
    controller,
    fan_out,
    help_text,
    inventory,
    latency,
    listing,
    loop,
    one_host,
    task,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.bench import Bench
    from benchmarks.row import Row

__all__ = ["GROUPS"]

GROUPS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "warm": one_host.measure,
    "cold": cold.measure,
    "fan-out": fan_out.measure,
    "clients": clients.measure,
    "loop": loop.measure,
    "task": task.measure,
    "list": listing.measure,
    "board": board.measure,
    "inventory": inventory.measure,
    "controller": controller.measure,
    "help": help_text.measure,
    "latency": latency.measure,
}
"""By the name that ``--only`` takes; each yields rows with that key."""
