"""Forwarding the bytes of one TCP connection, with the means to hold and to cut it."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_CHUNK = 65536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Cut:
    """After how many bytes a connection breaks: `up` from the client, `down` from the server."""

    up: int | None = None
    down: int | None = None


NO_CUT = Cut()


@contextmanager
def closing(sock: socket.socket) -> Iterator[socket.socket]:
    """Close `sock` at the end: with a reset unless the end is a normal one."""
    try:
        yield sock
    except BaseException:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        raise
    finally:
        sock.close()


async def hang_up(client: socket.socket) -> None:
    """Send the end of the stream, then wait for the client's own.

    Closing at once would answer the client's banner with a reset, which may overtake the end.
    """
    client.shutdown(socket.SHUT_WR)
    while await asyncio.get_running_loop().sock_recv(client, _CHUNK):
        pass


@dataclass(frozen=True, slots=True)
class Flow:
    """Whether bytes move: `up` from the client, `down` from the server."""

    up: asyncio.Event
    down: asyncio.Event


async def relay(client: socket.socket, upstream: Address, cut: Cut, flow: Flow) -> None:
    """Forward both directions to their ends; bytes move only while `flow` says so.

    Raises `OSError`, alone or in a group, when either side or `cut` breaks the connection.
    """
    if 0 in (cut.up, cut.down):
        raise ConnectionResetError
    with closing(socket.socket()) as server:
        server.settimeout(0)
        await asyncio.get_running_loop().sock_connect(server, upstream)
        async with asyncio.TaskGroup() as directions:
            directions.create_task(_pump(client, server, cut.up, flow.up))
            directions.create_task(_pump(server, client, cut.down, flow.down))


async def _pump(
    source: socket.socket, sink: socket.socket, allowance: int | None, flow: asyncio.Event
) -> None:
    loop = asyncio.get_running_loop()
    limit = _CHUNK if allowance is None else allowance
    while data := await loop.sock_recv(source, min(_CHUNK, limit)):
        await flow.wait()
        await loop.sock_sendall(sink, data)
        if allowance is not None:
            limit -= len(data)
            if limit == 0:
                raise ConnectionResetError
    await flow.wait()
    sink.shutdown(socket.SHUT_WR)
