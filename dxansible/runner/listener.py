"""What is told of a run while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.outcome import FanoutResult

__all__ = ["Listener", "Quiet"]


class Listener(Protocol):
    """Is told what happens while a run goes on, from one thread at a time."""

    def hosts_known(self, hosts: Sequence[str]) -> None:
        """The pattern has been resolved."""

    def output(self, host: str, out: bytes, err: bytes) -> None:
        """New bytes of both streams of a host."""

    def cut(self, host: str, stdout_bytes: int, stderr_bytes: int) -> None:
        """That many bytes were written too fast to be kept, and are missing at this point."""

    def finished(self, result: FanoutResult) -> None:
        """A host has its outcome."""


class Quiet:
    """A listener that does nothing."""

    def hosts_known(self, hosts: Sequence[str]) -> None:
        """Ignore it."""

    def output(self, host: str, out: bytes, err: bytes) -> None:
        """Ignore it."""

    def cut(self, host: str, stdout_bytes: int, stderr_bytes: int) -> None:
        """Ignore it."""

    def finished(self, result: FanoutResult) -> None:
        """Ignore it."""
