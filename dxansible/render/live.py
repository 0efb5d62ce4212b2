"""Shows the output of a fan-out as it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.redact import printable
from dxansible.render.screen import Outlet
from dxansible.run.events import Event, HostEnded, HostMoved, HostsKnown, OutputReceived
from dxansible.run.turn_events import TurnUpdate
from dxansible.states import HostState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dxansible.record import HostRecord
    from dxansible.render.screen import Screen

__all__ = ["LiveOutput"]

_LONGEST_LINE = 256 * 1024
"""Limit in bytes for an unfinished line, held back so that lines of several hosts stay whole."""


class LiveOutput:
    """Observer that shows output as it arrives, of commands and of agents.

    Output of a single host passes byte for byte. Output of several hosts passes in whole lines,
    each with the host's name in front.
    """

    def __init__(
        self,
        screen: Screen,
        *,
        show: bool,
        on_closed: Callable[[], None],
        announce: bool = False,
        quiet: bool = False,
    ) -> None:
        """Show output as it arrives unless ``show`` is False: then the caller shows it at the end.

        ``on_closed`` is called once our reader is gone. ``announce`` prints the ids of sessions to
        standard output as soon as the VMs have the task. ``quiet`` leaves out mere information.
        """
        self._screen, self._show = screen, show
        self._outlet = Outlet(screen, on_closed)
        self._announce, self._quiet = announce, quiet
        self._hosts: Sequence[str] = ()
        self._lines: dict[tuple[str, bool], bytearray] = {}

    def handle(self, news: Event) -> None:
        """Show the event."""
        match news:
            case HostsKnown():
                self._hosts = news.hosts  # prefixes depend on the number of hosts
            case OutputReceived():
                if not news.expired:
                    self._cut(news.host, news.out_skipped + news.err_skipped)
                self._output(news.host, news.out, news.err)
            case TurnUpdate():
                self._turn(news)
            case HostMoved(state=HostState.WAITING, is_first=True):
                self._waits(news)
            case HostEnded():
                self._ended(news.result)
            case _:
                pass

    def _waits(self, news: HostMoved) -> None:
        """Say that a host is waited for, and how long, if no log line on the screen does."""
        if self._screen.readable and not self._quiet:
            why = printable((news.error or "").removeprefix(f"{news.host}: "))
            self._screen.write(f"{news.host}: waited for until {news.clock_time}: {why}\n")

    def _turn(self, news: TurnUpdate) -> None:
        """Show the agent's text, and the id of the session once it has started."""
        if news.queued and self._show and not self._quiet:
            waits = f"waiting for the turn of {news.session_id} that is running"
            self._screen.write(f"{news.host}: {waits}\n")
        if news.started and self._announce:
            alone = len(self._hosts) <= 1
            line = f"{news.session_id}\n" if alone else f"{news.session_id}  {news.host}\n"
            self._outlet.write(line.encode())
        self._cut(news.host, sum(news.cut))
        self._output(news.host, *(each.encode(errors="replace") for each in (news.out, news.err)))

    def _output(self, host: str, out: bytes, err: bytes) -> None:
        for data, is_error in ((out, False), (err, True)):
            if data and self._show:
                shown = self._whole_lines(host, data, is_error=is_error)
                self._outlet.write(shown, is_error=is_error)

    def _cut(self, host: str, lost: int) -> None:
        """Say where output is missing."""
        if lost and self._show:
            self._screen.write(f"{host}: {lost} bytes of output came too fast and were cut here\n")

    def _ended(self, result: HostRecord) -> None:
        """Write the rest of the host's last line, and say if output was lost uncounted."""
        for is_error in (False, True):
            rest = self._lines.pop((result.host, is_error), None)
            if rest:
                self._outlet.write(self._prefix(result.host) + rest + b"\n", is_error=is_error)
        if self._show and result.truncation.disk_full:
            text = "the VM's disk was full, so output is missing that nobody counted"
            self._screen.write(f"{result.host}: {text}; what follows here is missing\n")
        if self._show and result.truncation.uncounted:
            text = "a process that copied output was killed on the VM; some may be missing here"
            self._screen.write(f"{result.host}: {text}\n")

    def _whole_lines(self, host: str, data: bytes, *, is_error: bool) -> bytes:
        if len(self._hosts) <= 1:
            return data
        held = self._lines.setdefault((host, is_error), bytearray())
        held += data
        end = held.rfind(b"\n") + 1
        if not end and len(held) < _LONGEST_LINE:
            return b""
        ready = bytes(held[:end]) if end else bytes(held) + b"\n"
        del held[: end or len(held)]
        prefix = self._prefix(host)
        return b"".join(prefix + line + b"\n" for line in ready.split(b"\n")[:-1])

    def _prefix(self, host: str) -> bytes:
        width = max(map(len, self._hosts), default=0)
        return f"{printable(host):{width}} | ".encode()
