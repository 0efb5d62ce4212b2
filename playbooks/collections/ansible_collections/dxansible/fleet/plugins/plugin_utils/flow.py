# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Flow control: how much of a command's output to fetch while its reader is slow.

The caller says on a socket how many bytes of a host its reader has taken. No more than a window
goes beyond that, so the whole way has bounded memory, and no try of a task blocks: while the window
is full, calls that fetch nothing tell the keeper that the command is to wait.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .session import Progress

__all__ = ["follow", "lease"]

_ALL_HOSTS, _LARGEST, _SMALLEST = 32 * 2**20, 4 * 2**20, 32 * 2**10
_LEASE, _LONGEST_LEASE = 20, 600


def follow(source: str, host: str, hosts: int, progress: Progress, patience: int) -> int:
    """Bytes of each stream to fetch next; 0 if the reader has taken too little for ``patience`` s.

    ``source`` is the caller's socket.
    """
    window = max(_SMALLEST, min(_LARGEST, _ALL_HOSTS // max(1, hosts)))
    fetched = progress.out_next + progress.err_next
    if fetched - progress.taken > window // 2:
        progress.taken = _taken(source, host, fetched - window // 2, patience)
    room = window - (fetched - progress.taken)
    return room // 2 if room >= window // 4 else 0


def _taken(source: str, host: str, wanted: int, patience: int) -> int:
    """Bytes that the reader has taken; waits until they are ``wanted``, up to ``patience`` s."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.connect(source)
        caller.sendall(f"{wanted} {patience} {host}\n".encode())
        return int(b"".join(iter(lambda: caller.recv(64), b"")))


def lease(hosts: int, forks: int, turn: float) -> int:
    """Seconds for which the command waits for the next call.

    With more hosts than forks each of them waits for its turn.
    """
    rounds = hosts // max(1, forks)
    return round(min(_LONGEST_LEASE, _LEASE + 2 * turn * rounds))
