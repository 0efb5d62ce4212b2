# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads the files on the controller that a playbook sends to an agent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .session import CommandError

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_BYTES = 10 * 2**20
"""Of all files that go with one task."""


def read_files(paths: Sequence[str]) -> list[tuple[str, bytes]]:
    """Return names and contents. Raises CommandError if a file can't be read, or they are too big.

    A pipe counts as no file, because nobody may be writing to it.
    """
    found: list[tuple[str, bytes]] = []
    left = MOST_BYTES
    for path in map(Path, paths):
        try:
            if path.exists() and not path.is_file():
                raise CommandError(f"dx_attach: {path} is no file")
            with path.open("rb") as file:
                data = file.read(left + 1)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise CommandError(
                f"dx_attach: {path} can't be read on the controller: {why}"
            ) from error
        left -= len(data)
        if left < 0:
            most = MOST_BYTES >> 20
            raise CommandError(f"dx_attach: the files have more than {most} MiB; attach less")
        found.append((path.name, data))
    return found
