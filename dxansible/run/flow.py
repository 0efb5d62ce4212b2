"""Flow control: tells a run's Ansible how much of each host's output its reader has taken.

Ansible fetches a host's output only up to a window ahead of the reader, and the command waits on
the VM. A slow reader therefore costs no memory, and loses no output.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

__all__ = ["Flow"]

_LONGEST_REQUEST = 4096


class Flow:
    """Counts the output bytes of each host that the reader has taken, and wakes waiting threads."""

    def __init__(self) -> None:
        """Begin with nothing taken."""
        self._taken: defaultdict[str, int] = defaultdict(int)
        self._changed = threading.Condition()
        self._listener: Callable[[str, int], None] = lambda _host, _count: None

    def tell(self, listener: Callable[[str, int], None]) -> None:
        """Call a listener with the bytes taken of each host: now, and after each change."""
        with self._changed:
            self._listener = listener
            for host, count in self._taken.items():
                listener(host, count)

    def take(self, host: str, count: int) -> None:
        """Count bytes of the host as taken; bytes that will never arrive count too."""
        with self._changed:
            self._taken[host] += count
            self._changed.notify_all()
            self._listener(host, self._taken[host])

    def wait(self, host: str, wanted: int, seconds: float) -> int:
        """Return the bytes taken once they reach ``wanted``, or ``seconds`` have passed."""
        with self._changed:
            self._changed.wait_for(lambda: self._taken[host] >= wanted, seconds)
            return self._taken[host]

    def answer(self, peer: socket.socket) -> None:
        """Answer a request of the form ``WANTED SECONDS HOST``."""
        request = b""
        while not request.endswith(b"\n") and len(request) < _LONGEST_REQUEST:
            piece = peer.recv(_LONGEST_REQUEST)
            if not piece:
                return
            request += piece
        wanted, seconds, host = request.decode().rstrip("\n").split(" ", 2)
        peer.sendall(str(self.wait(host, int(wanted), float(seconds))).encode())
