"""The pairs of ansible-core and Python that are tested; ``make matrix`` runs with each."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CORES", "NEWEST_CORE", "PYTHONS", "untested_core"]

PYTHONS = ("3.11", "3.12", "3.13")
"""Oldest first."""
CORES: Mapping[str, tuple[str, ...]] = {
    "2.19": PYTHONS,
    "2.20": PYTHONS[1:],
    "2.21": PYTHONS[1:],
}
"""The Pythons of a controller, for each ansible-core; oldest first."""
NEWEST_CORE = [*CORES][-1]

_VERSION = re.compile(r"(?m)^__version__ = '((\d+)\.(\d+)[^']*)'$")


def untested_core() -> str | None:
    """Return the version of ansible-core, if it is newer than the newest that is tested.

    Reads its file, as importlib.metadata takes longer to load than a whole call to an engine has.
    """
    spec = importlib.util.find_spec("ansible")
    for directory in (spec and spec.submodule_search_locations) or ():
        try:
            found = _VERSION.search((Path(directory) / "release.py").read_text())
        except OSError:
            continue
        if found and (int(found[2]), int(found[3])) > tuple(map(int, NEWEST_CORE.split("."))):
            return found[1]
    return None
