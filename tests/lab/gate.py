"""A public TCP address that leads to an sshd, and misbehaves when told to."""

import asyncio
import socket
from collections import deque
from typing import ClassVar

from tests.lab.background import Background
from tests.lab.faults import Fault
from tests.lab.relay import NO_CUT, Address, Cut, Flow, closing, hang_up, relay


class Gate:
    """A listener that relays each connection to `upstream`.

    Its port stays the same, and stays taken, from creation to `close`.
    """

    FAULTS: ClassVar = frozenset(
        {Fault.REFUSE, Fault.SILENT, Fault.CLOSE_EARLY, Fault.STALL, Fault.MUTE}
    )

    def __init__(self, background: Background, address: str, upstream: Address) -> None:
        """Listen on a free port of `address`."""
        self.address = address
        self.port = 0
        self.connections = 0
        self.faults: frozenset[Fault] = frozenset()
        self._background = background
        self._upstream = upstream
        self._socket = self._bind()
        self.port = self._socket.getsockname()[1]
        self._acceptor: asyncio.Task[None] | None = None
        self._links: dict[asyncio.Task[None], socket.socket] = {}
        self._cuts: deque[Cut] = deque()
        self._answer = asyncio.Event()
        self._flow = Flow(up=asyncio.Event(), down=asyncio.Event())
        self._background.run(self._become(frozenset()))

    def fault(self, fault: Fault) -> None:
        """Misbehave in one more way of `FAULTS`."""
        self._background.run(self._become(self.faults | {fault}))

    def heal(self) -> None:
        """Behave again: held connections resume, and cuts not used up are forgotten."""
        self._cuts.clear()
        self._background.run(self._become(frozenset()))

    def cut_after(self, up: int | None = None, down: int | None = None, times: int = 1) -> None:
        """Reset the next `times` connections once that many bytes have passed one way."""
        self._cuts.extend([Cut(up, down)] * times)

    def cut_now(self) -> None:
        """Reset all live connections."""
        self._background.run(self._reset_links())

    def close(self) -> None:
        """Stop listening and reset all connections."""
        self._background.run(self._close())

    def _bind(self) -> socket.socket:
        bound = socket.socket()
        bound.settimeout(0)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((self.address, self.port))
        return bound

    async def _become(self, faults: frozenset[Fault]) -> None:
        self.faults = faults
        for event, blockers in (
            (self._answer, {Fault.SILENT}),
            (self._flow.up, {Fault.STALL}),
            (self._flow.down, {Fault.STALL, Fault.MUTE}),
        ):
            if blockers & faults:
                event.clear()
            else:
                event.set()
        if Fault.REFUSE not in faults:
            self._listen()
        elif self._acceptor:
            await self._stop_listening()
            self._socket = self._bind()  # bound and not listening: refuses, and keeps the port

    def _listen(self) -> None:
        if self._acceptor is None:
            self._socket.listen(socket.SOMAXCONN)
            self._acceptor = asyncio.create_task(self._accept())

    async def _stop_listening(self) -> None:
        if self._acceptor:
            await _cancel({self._acceptor})
            self._acceptor = None
        self._socket.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(self._socket)
            self.connections += 1
            cut = self._cuts.popleft() if self._cuts else NO_CUT
            link = asyncio.create_task(self._serve(client, cut))
            self._links[link] = client
            link.add_done_callback(self._end)

    def _end(self, link: asyncio.Task[None]) -> None:
        self._links.pop(link).close()  # a link cancelled before it began has not done so

    async def _serve(self, client: socket.socket, cut: Cut) -> None:
        try:
            with closing(client):
                if Fault.CLOSE_EARLY in self.faults:
                    await hang_up(client)
                else:
                    await self._answer.wait()
                    await relay(client, self._upstream, cut, self._flow)
        except* OSError:
            pass  # one side has broken the connection, and `closing` broke the other

    async def _reset_links(self) -> None:
        await _cancel(set(self._links))

    async def _close(self) -> None:
        await self._stop_listening()
        await self._reset_links()


async def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
