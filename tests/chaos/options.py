"""The options of rounds by hand, and the numbers of the rounds that they choose."""

from __future__ import annotations

import argparse
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["options_of"]


def options_of(
    package: str, description: str | None, *, rounds: int, **counts: int
) -> argparse.Namespace:
    """Return the options; ``numbers`` are those of the rounds. ``counts`` have further defaults.

    Prints the seed, with which the same rounds can be played again.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {package}", description=description)
    parser.add_argument("--rounds", type=int, default=rounds)
    for name, count in counts.items():
        parser.add_argument(f"--{name}", type=int, default=count)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument(
        "--first", type=int, default=1, help="the round to go on with, of a run that was ended"
    )
    parser.add_argument("--only", type=int, action="append", help="play just this round")
    options = parser.parse_args()
    numbers: Sequence[int] = options.only or range(options.first, options.rounds + 1)
    options.numbers = numbers
    print(f"seed {options.seed}", flush=True)  # noqa: T201 - this is its purpose
    return options
