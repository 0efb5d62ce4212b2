"""A directory that all users of all machines share: what has run where, and what is to fail.

A command can't know the host that it runs on, but its session's id ends with a hash of it.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.ids import session_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Notes", "take_notes"]


@dataclass(frozen=True, slots=True)
class Notes:
    """The directory."""

    directory: Path

    @property
    def command(self) -> str:
        """Notes that it runs, waits while held, then is slow or fails where that is wanted."""
        return (
            f"cd {self.directory}; host=${{DX_SESSION##*-}}; mktemp ran-$host-XXXXXX >/dev/null; "
            "while [ -e hold-$host ]; do sleep 0.1; done; "
            "[ ! -e slow-$host ] || sleep 600; [ ! -e fail-$host ]"
        )

    def let(self, what: str, hosts: Iterable[str]) -> None:
        """Let the command fail, hold or be slow on exactly these hosts."""
        for path in self.directory.glob(f"{what}-*"):
            path.unlink()
        for host in hosts:
            (self.directory / f"{what}{session_on('', host)}").touch()

    def ran(self, hosts: Iterable[str]) -> Counter[str]:
        """How often it has run on each of the hosts since the last call."""
        found: Counter[str] = Counter()
        for host in hosts:
            for path in self.directory.glob(f"ran{session_on('', host)}-*"):
                path.unlink()
                found[host] += 1
        return found


@contextmanager
def take_notes() -> Iterator[Notes]:
    """Make the directory, for the block."""
    with tempfile.TemporaryDirectory(prefix="dxnotes-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o777)
        notes = Notes(Path(name))
        yield notes
        notes.let("hold", ())
