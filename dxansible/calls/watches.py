"""Listeners that pass everything on, and tell somebody else when the work has begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dxansible.outcome import FanoutResult
    from dxansible.runner.listener import Listener
    from dxansible.sessions import SessionListener, TurnResult

__all__ = ["CommandWatch", "TurnWatch"]


class CommandWatch:
    """Of a command: it begins when its hosts are known."""

    def __init__(self, inner: Listener, begun: Callable[[Sequence[str]], None]) -> None:
        """``begun`` gets the hosts."""
        self._inner, self._begun = inner, begun

    def hosts_known(self, hosts: Sequence[str]) -> None:
        """Begin."""
        self._inner.hosts_known(hosts)
        self._begun(hosts)

    def output(self, host: str, out: bytes, err: bytes) -> None:
        """Pass it on."""
        self._inner.output(host, out, err)

    def cut(self, host: str, stdout_bytes: int, stderr_bytes: int) -> None:
        """Pass it on."""
        self._inner.cut(host, stdout_bytes, stderr_bytes)

    def finished(self, result: FanoutResult) -> None:
        """Pass it on."""
        self._inner.finished(result)


class TurnWatch:
    """Of agents' turns: they have begun once each VM has the task, or has ended without it."""

    def __init__(self, inner: SessionListener, begun: Callable[[Mapping[str, str]], None]) -> None:
        """``begun`` gets the session of each host that has one."""
        self._inner, self._begun = inner, begun
        self._open: set[str] = set()
        self._ids: dict[str, str] = {}

    def hosts_known(self, hosts: Sequence[str]) -> None:
        """Know whom to wait for."""
        self._inner.hosts_known(hosts)
        self._open = set(hosts)

    def taken(self, host: str, session_id: str) -> None:
        """One more has it."""
        self._inner.taken(host, session_id)
        self._ids[host] = session_id
        self._settled(host)

    def queued(self, host: str, session_id: str) -> None:
        """Pass it on."""
        self._inner.queued(host, session_id)

    def cut(self, host: str, stdout_bytes: int, stderr_bytes: int) -> None:
        """Pass it on."""
        self._inner.cut(host, stdout_bytes, stderr_bytes)

    def text(self, host: str, out: str, err: str) -> None:
        """Pass it on."""
        self._inner.text(host, out, err)

    def turn_finished(self, result: TurnResult) -> None:
        """One more won't get it, if it has not got it."""
        self._inner.turn_finished(result)
        if result.session_id:
            self._ids.setdefault(result.host, result.session_id)
        self._settled(result.host)

    def _settled(self, host: str) -> None:
        if host in self._open:
            self._open.discard(host)
            if not self._open:
                self._begun(self._ids)
