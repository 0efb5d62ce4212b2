"""The private directory of a run, removed when the run or its process ends.

A small shell waits on a pipe from this process and removes the directory when the pipe closes, so
nothing is left behind even after ``kill -9``. It also kills what is left of the run's Ansible: a
process that has lost its caller, and workers of a cancelled one, which lead sessions of their own
and would wait for ever to hand over their results.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["private_directory", "serve", "serve_on_socket"]

_JANITOR = r"""
end_all() {
    pkill -KILL -f -- "$(printf '%s' "$1/env/" | sed 's/[][\\.*^$+?(){}|]/\\&/g')"
}
if read -r word; then
    if [ "$word" = stop ]; then
        end_all "$1"
    fi
    rm -rf -- "$1"
    exit
fi
for round in 1 2 3 4 5; do
    end_all "$1"
    rm -rf -- "$1"
    sleep 0.5
done
"""
"""Escapes the path: as a pattern it could match the path of another run."""


@contextmanager
def private_directory(parent: Path) -> Iterator[Path]:
    """Make a new directory, mode 0700; it is removed in every case.

    If the run has removed it itself, no process of the run is searched for. Raises EngineError.
    """
    try:
        directory = Path(tempfile.mkdtemp(prefix="dx-", dir=parent))
    except OSError as error:
        message = f"no directory for the run can be made in {parent}: {error.strerror}"
        raise EngineError(message, "free some space, or set XDG_RUNTIME_DIR or TMPDIR") from error
    janitor = _janitor(directory)
    try:
        yield directory
    finally:
        janitor.communicate(b"stop\n" if directory.exists() else b"done\n")
        if directory.exists():  # the janitor was killed
            _janitor(directory).communicate(b"stop\n")


def _janitor(directory: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["sh", "-c", _JANITOR, "dx-janitor", str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@contextmanager
def serve_on_socket(text: bytes, path: Path) -> Iterator[None]:
    """Send ``text`` to each connection to the socket at ``path``, while the block runs."""
    with serve(lambda peer: peer.sendall(text), path):
        yield


@contextmanager
def serve(answer: Callable[[socket.socket], None], path: Path) -> Iterator[None]:
    """Answer each connection to the socket at ``path`` in a thread, while the block runs."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(128)

        def accept() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=_attend, args=(peer, answer), daemon=True).start()

        server = threading.Thread(target=accept, daemon=True)
        server.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            server.join()


def _attend(peer: socket.socket, answer: Callable[[socket.socket], None]) -> None:
    with peer:
        try:
            answer(peer)
        except OSError:
            return  # the reader has gone; it got nothing, so it starts nothing
