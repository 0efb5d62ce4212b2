# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The file in which a call's runs note which hosts they wait for, and to which they send work.

Once the caller has closed the file, no run sends anything more. A host that was waited for until
then proves that nothing was sent to it, whatever the caller has not heard from its runs.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SentFile"]

_SENT, _WAITS = "+", "-"


class SentFile:
    """The notes of one call, which several processes of this machine may share."""

    def __init__(self, path: str) -> None:
        """Use the file at ``path``, which the caller has made."""
        self._path = path

    def note_wait(self, host: str) -> None:
        """Note that the host is waited for, and that nothing has reached it."""
        with suppress(OSError):  # without the note it proves nothing
            self._add(_WAITS, host)

    def note_start(self, host: str) -> bool:
        """Note that work is about to be sent. False if the file is closed: send nothing.

        Raises OSError if no note can be written.
        """
        try:
            self._add(_SENT, host)
        except FileNotFoundError:
            return False
        return True

    def waits_for(self, host: str) -> bool:
        """Whether the last note on the host proves that nothing has been sent to it so far."""
        try:
            with self._locked() as file:
                return _last_notes(file).get(host) == _WAITS
        except FileNotFoundError:
            return False

    def close(self) -> frozenset[str]:
        """Let no run send anything from now on. Returns the hosts that were waited for until now.

        Returns none if the file is gone.
        """
        try:
            with self._locked() as file:
                notes = _last_notes(file)
                Path(self._path).unlink()
        except FileNotFoundError:
            return frozenset()
        return frozenset(host for host, note in notes.items() if note == _WAITS)

    def _add(self, note: str, host: str) -> None:
        with self._locked() as file:
            os.write(file, f"{note}{host}\n".encode(errors="surrogateescape"))

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not os.fstat(file).st_nlink:  # it was closed meanwhile
                raise FileNotFoundError(self._path)
            yield file
        finally:
            os.close(file)


def _last_notes(file: int) -> dict[str, str]:
    notes = os.pread(file, os.fstat(file).st_size, 0).decode(errors="surrogateescape")
    return {line[1:]: line[0] for line in notes.splitlines()}
