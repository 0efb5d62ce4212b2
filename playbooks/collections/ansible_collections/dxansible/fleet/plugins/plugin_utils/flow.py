# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Flow control: how much of a command's output to fetch while its reader is slow.

The caller says on a socket how many bytes of a host its reader has taken. No more than a window
goes beyond that, so the whole way has bounded memory, and no call blocks: while the window
is full, calls that fetch nothing tell the keeper that the command is to wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .attempts import Progress
    from .inputs import Reader

__all__ = ["follow", "lease"]

_ALL_HOSTS, _LARGEST, _SMALLEST = 32 * 2**20, 4 * 2**20, 32 * 2**10
_LEASE, _LONGEST_LEASE = 20, 600


def follow(reader: Reader, host: str, hosts: int, progress: Progress, patience: int) -> int:
    """Bytes of each stream to fetch next; 0 if too little is taken within ``patience`` seconds."""
    window = max(_SMALLEST, min(_LARGEST, _ALL_HOSTS // max(1, hosts)))
    fetched = progress.out_next + progress.err_next
    if fetched - progress.taken > window // 2:
        progress.taken = reader.taken(host, fetched - window // 2, patience)
    room = window - (fetched - progress.taken)
    return room // 2 if room >= window // 4 else 0


def lease(hosts: int, width: int) -> int:
    """Seconds for which the command waits for the next call.

    With more hosts than calls at a time each of them waits for its turn.
    """
    return min(_LONGEST_LEASE, _LEASE + 10 * (hosts // max(1, width)))
