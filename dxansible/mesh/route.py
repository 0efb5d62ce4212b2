"""Where a part of a run goes: to a node, after its loss to another one, at last to this machine.

Decisions alone, without threads and connections, so that a simulation can make them too.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from dxansible.logs import event
from dxansible.value import Value, field

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

__all__ = ["Attempt", "Known", "Lost", "route"]


class Lost(Exception):  # noqa: N818 - not an error: the part goes elsewhere
    """A node has not done its part to the end; the text says why."""

    def __init__(self, why: str, *, started: bool) -> None:
        """``started``: it may have started something on its hosts."""
        super().__init__(why)
        self.started = started


class Attempt(Value):
    """One run of a part."""

    node: str | None
    """None is this machine."""
    hosts: Sequence[str]
    variables: Mapping[str, Any] = field(default_factory=dict)
    """More than those of the whole run."""


class Known(Protocol):
    """What is known of the run when a part has to go on."""

    def left(self, hosts: Sequence[str]) -> Sequence[str]:
        """Return those of the hosts that have not ended."""

    def next_page(self, hosts: Sequence[str]) -> Mapping[str, Any] | None:
        """Return variables for the next page of the hosts' output; None if that is not wanted."""

    def usable(self) -> Sequence[str]:
        """Return the names of the nodes that can have a part now."""

    def prepare(self, hosts: Sequence[str], why: str) -> Mapping[str, Any]:
        """Return variables for a run that attaches to what a lost one may have started."""


def route(node: str | None, hosts: Sequence[str], known: Known) -> Generator[Attempt, Lost | None]:
    """Yield the attempts of a part, the first at ``node``; get how each was lost, or None."""
    variables: Mapping[str, Any] = {}
    tried: set[str] = set()
    left = hosts
    while True:
        lost = yield Attempt(node=node, hosts=left, variables=variables)
        left = known.left(hosts)
        if node is None or not left:
            return
        tried.add(node)
        page = known.next_page(left)
        if page is not None:
            variables = page
            continue
        lost = lost or Lost("its run has ended without a result of each host", started=True)
        at, node = node, next((each for each in known.usable() if each not in tried), None)
        event(
            "node_lost", logging.WARNING, node=at, hosts=len(left), next=node or "local",
            reason=str(lost),
        )  # fmt: skip
        if lost.started:
            variables = known.prepare(left, f"the execution node {at} was lost: {lost}")
