"""Chooses a free host for a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.errors import NoFreeHost
from dxansible.run.preflight import check_hosts
from dxansible.value import Value

if TYPE_CHECKING:
    from dxansible.results import PreflightResult
    from dxansible.settings import Settings

__all__ = ["Choice", "choose_host"]


class Choice(Value):
    """The chosen host of a pattern, and the reason; ``host`` is None if none can be used."""

    pattern: str
    host: str | None
    why: str

    @property
    def problem(self) -> NoFreeHost:
        """What to report where no host can be used."""
        return NoFreeHost(self.pattern, self.why)


def choose_host(
    pattern: str, settings: Settings | None = None, *, agent: str | None = None
) -> Choice:
    """Return the least loaded host of a pattern that answers, has its agent, and runs no session.

    ``agent`` is the agent to look for; None is the host's own. Raises NoMatchError if the pattern
    has no host.
    """
    results = check_hosts(pattern, settings=settings, survey=True, agent=agent)
    free = [each for each in results if each.ok and each.agent_found and not each.running]
    if not free:
        return Choice(pattern=pattern, host=None, why="; ".join(map(_obstacle, results)))
    best = min(free, key=lambda each: (each.load if each.load is not None else 1e9, each.host))
    load = "unknown load" if best.load is None else f"load {best.load:.2f}"
    others = f", the least of {len(free)} free hosts" if len(free) > 1 else ", the only free host"
    return Choice(pattern=pattern, host=best.host, why=f"{load}{others} of {len(results)}")


def _obstacle(result: PreflightResult) -> str:
    if not result.ok:
        return result.error or f"{result.host}: {result.status}"
    if not result.agent_found:
        return f"{result.host}: its agent {result.agent} is not installed"
    return f"{result.host}: {result.running} session(s) running"
