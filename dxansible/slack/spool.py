"""Messages that Slack doesn't have yet, as files: written before they are sent, claimed by rename.

TIME-ID.json      to be sent, in the order of the names
TIME-ID.sending   being sent; of a process that is gone, nobody knows whether Slack has it
TRAIL.thread      where the follow-ups of a dispatch go
"""

from __future__ import annotations

import fcntl
import json
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dxansible.private_file import replace_file
from dxansible.slack.text import Thread
from dxansible.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Entry", "Spool"]

_MOST = 200
"""Maximum number of messages; beyond it the oldest are dropped."""
_THREAD_SECONDS = 30 * 86400


class Entry(Value):
    """One message. ``first`` begins the thread of its trail, ``last`` ends it."""

    id: str
    trail: str
    first: bool
    last: bool
    payload: dict[str, Any]
    channel: str = ""
    """The channel if there is no thread; empty, as in older entries, means the settings' one."""


@dataclass(frozen=True, slots=True)
class Spool:
    """The directory; all methods raise OSError."""

    directory: Path

    def put(self, entry: Entry) -> None:
        """Keep a message until it is sent."""
        names = [path.name for path in self.pending()]
        for extra in names[: max(len(names) + 1 - _MOST, 0)]:
            (self.directory / extra).unlink(missing_ok=True)
        # a clock set back must not change the order
        latest = int(names[-1].partition("-")[0]) if names else 0
        name = f"{max(time.time_ns(), latest + 1):020d}-{entry.id}.json"
        self._write(name, json.dumps(asdict(entry)))

    def pending(self) -> list[Path]:
        """Return the messages to send, oldest first."""
        return sorted(path for path in self.directory.glob("*-*.json") if path.name[:20].isdigit())

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Take the lock for sending; yield whether it was free. It ends with the process."""
        with (self.directory / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def abandoned(self) -> int:
        """Remove the messages that a dead process was sending, and return how many."""
        found = list(self.directory.glob("*.sending"))
        for path in found:
            path.unlink(missing_ok=True)
        # hidden files come from processes that were killed while they wrote
        for path in [*self.directory.glob("*.thread"), *self.directory.glob(".*.*")]:
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _THREAD_SECONDS:
                    path.unlink()
        return len(found)

    def claim(self, path: Path) -> tuple[Path, Entry] | None:
        """Take a message to send it; None if it is gone or unreadable."""
        claimed = path.with_suffix(".sending")
        try:
            path.rename(claimed)
            return claimed, Entry(**json.loads(claimed.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            claimed.unlink(missing_ok=True)
            return None

    def give_back(self, claimed: Path) -> None:
        """Put a message back that was certainly not sent."""
        claimed.rename(claimed.with_suffix(".json"))

    def done(self, claimed: Path, entry: Entry) -> None:
        """Remove a message that was sent, or never will be."""
        claimed.unlink(missing_ok=True)
        if entry.last:
            self.forget(entry.trail)

    def remember(self, trail: str, thread: Thread) -> None:
        """Keep the thread of a trail's follow-ups."""
        self._write(self._thread(trail).name, json.dumps(thread._asdict()))

    def forget(self, trail: str) -> None:
        """Forget the thread: the follow-ups stand alone."""
        self._thread(trail).unlink(missing_ok=True)

    def thread(self, trail: str) -> Thread | None:
        """Return the thread of a trail's follow-ups; None if it is unknown."""
        try:
            return Thread(**json.loads(self._thread(trail).read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _thread(self, trail: str) -> Path:
        return self.directory / f"{trail}.thread"

    def _write(self, name: str, text: str) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(self.directory / name, text.encode())
