"""The file of the log: whole lines of several processes, in a few files of limited size."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["LogFile"]

_LIMIT = 1024 * 1024
_KEPT = 3


class LogFile:
    """A text stream that appends to a file; several processes may write to one file at once.

    A line is one write with O_APPEND, so lines never mix. A full file becomes ``NAME.1``, that one
    ``NAME.2``, under a lock; a line that another process writes meanwhile is in one of the two.
    """

    def __init__(
        self,
        path: Path,
        on_failure: Callable[[str], None],
        *,
        limit: int = _LIMIT,
        kept: int = _KEPT,
    ) -> None:
        """``limit`` is in bytes, for each of the ``kept`` files.

        ``on_failure`` gets the reason if the file can't be written, once. Nothing is written then.
        """
        self._path, self._on_failure, self._limit, self._kept = path, on_failure, limit, kept
        self._descriptor: int | None = None
        self._failed = False

    def write(self, text: str) -> int:
        """Append whole lines."""
        if not self._failed:
            try:
                self._append(text.encode(errors="replace"))
            except OSError as error:
                self._failed = True
                self._on_failure(error.strerror or str(error))
        return len(text)

    def flush(self) -> None:
        """Part of the text stream interface; nothing is buffered."""

    def _append(self, data: bytes) -> None:
        descriptor = self._open()
        size = os.fstat(descriptor).st_size
        if size and size + len(data) > self._limit:
            self._rotate(descriptor)
            descriptor = self._open()
        while data:
            data = data[os.write(descriptor, data) :]

    def _open(self) -> int:
        """Return the file's descriptor, opened anew if another process has renamed the file."""
        if self._descriptor is not None:
            if self._is_current(self._descriptor):
                return self._descriptor
            os.close(self._descriptor)
            self._descriptor = None
        for directory in (self._path.parent.parent, self._path.parent):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # without waiting: a FIFO has perhaps no reader
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        self._descriptor = descriptor = os.open(self._path, flags, 0o600)
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            os.write(descriptor, b"\n")  # a full disk has cut the last line
        return descriptor

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def _rotate(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return  # another process renames the files
        try:
            if self._is_current(descriptor):
                for number in range(self._kept - 1, 0, -1):
                    newer = self._numbered(number - 1)
                    if newer.exists():
                        newer.rename(self._numbered(number))
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
