"""What a batch of scenarios is, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Batch", "Call", "Scenario", "faulty", "product"]

Kind = Literal[
    "run", "playbook", "turn", "check", "list", "follow", "look", "stop", "expire", "kill"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call on all hosts of a batch, or (``expire``, ``kill``) something that befalls them."""

    kind: Kind
    command: str = ". ~/ending"
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the function of the package that makes the call, beside those that every call has."""
    fault: str = "none"
    """Of all hosts, where it isn't the last call, which has the scenarios' own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One host. ``variables`` are further ones of the inventory; None leaves one out."""

    name: str
    ending: str = "ok"
    fault: str = "none"
    variables: Mapping[str, Any] = field(default_factory=dict)
    state: str = "ready"
    """Of the keeper's directory: ready, fresh, file, link, open or nohome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Scenarios that have their calls in common. The last call's results are the records."""

    name: str
    scenarios: tuple[Scenario, ...]
    calls: tuple[Call, ...]
    verb: str = "start"
    """The faults come with this one of the keeper's verbs, or with the ``install`` of it."""
    unsteady: tuple[str, ...] = ()
    """Fields that are left out, as they depend on the moment in these calls."""
    go: bool = True
    """What waits to be told is told, with the last fault or else at once."""
    sample: int = 0
    """How many of the scenarios are replayed with each `make test`."""


def product(endings: Iterable[str], faults: Iterable[str], **more: Any) -> tuple[Scenario, ...]:  # noqa: ANN401 - fields of a scenario
    """A scenario for each pair, named after both."""
    pairs = [(ending, fault) for ending in endings for fault in faults]
    return tuple(
        Scenario(name=f"{ending}-{fault}", ending=ending, fault=fault, **more)
        for ending, fault in pairs
    )


def faulty(endings: Sequence[str], faults: Iterable[str]) -> tuple[Scenario, ...]:
    """The first ending with each fault, and the others with none and with a cut answer.

    The simulation has each ending with each fault.
    """
    return product(endings[:1], faults) + product(endings[1:], ("none", "cut"))
