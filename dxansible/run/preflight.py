"""Checks hosts without running a user's command on them, and chooses a free one for a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.errors import NoFreeHost, NoMatchError
from dxansible.parameters import AGENT, PREFLIGHT_TIMEOUT
from dxansible.record import HostRecord, PreflightStatus
from dxansible.results import PreflightResult
from dxansible.run.event_log import EventLog
from dxansible.run.gather import ResultCollector
from dxansible.run.hosts import explain_no_match
from dxansible.run.options import check_seconds
from dxansible.run.plays import Play
from dxansible.settings import Settings
from dxansible.value import Value

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from dxansible.run.events import Observer
    from dxansible.run.request import PlayEnd

__all__ = ["Choice", "check_hosts", "choose_host", "run_preflight_checks"]


def run_preflight_checks(
    host: str,
    check_reachable: bool = True,  # noqa: FBT001, FBT002 - the specification's signature
    timeout_sec: float = PREFLIGHT_TIMEOUT.default,
) -> PreflightResult:
    """Check host mapping, DNS, TCP and login method of one host, in that order.

    The first failure is the status. ``check_reachable`` makes a real SSH connection, which the next
    command reuses. ``timeout_sec`` applies to each check. A host that is not in the inventory gives
    USER_MAPPING_MISSING. Raises DxError for a broken tool.
    """
    try:
        results = check_hosts(host, check_reachable=check_reachable, timeout_sec=timeout_sec)
    except NoMatchError as error:
        return _unmapped(host, str(error))
    if len(results) != 1:
        return _unmapped(host, f"{host} matches {len(results)} hosts; name one")
    return results[0]


def check_hosts(  # noqa: PLR0913 - all but the pattern are options by name
    pattern: str,
    *,
    check_reachable: bool = True,
    timeout_sec: float = PREFLIGHT_TIMEOUT.default,
    settings: Settings | None = None,
    survey: bool = False,
    version: bool = True,
    watch: tuple[float, int] = (0, 0),
    agent: str | None = None,
    forks: int | None = None,
    log_callback: Callable[[str], None] | None = None,
    cancelled: threading.Event | None = None,
    observers: Sequence[Observer] = (),
) -> list[PreflightResult]:
    """Check every host of an Ansible pattern at once. Raises NoMatchError if there is none.

    ``survey`` also asks for the load, the running sessions and the agent, and with ``version`` the
    agent for its own. ``agent`` replaces the host's own agent in the check. ``watch`` is as for
    `list_sessions`. Each of ``observers`` gets every event. If ``cancelled`` is set, hosts without
    an answer count as silent.
    """
    check_seconds("timeout", timeout_sec)
    found = settings or Settings.load()
    collector = ResultCollector(HostRecord, [EventLog(log=log_callback), *observers])
    end = Play(
        found,
        "check-hosts.yml",
        limit=pattern,
        variables={
            PREFLIGHT_TIMEOUT.variable: timeout_sec,
            "dx_check_reachable": check_reachable,
            "dx_survey": survey,
            "dx_survey_version": version,
            "dx_watch": watch[0],
            "dx_longest_wait": watch[1],
            **({} if agent is None else {AGENT.variable: agent}),
        },
        forks=forks,
        cancelled=cancelled,
    ).follow(collector.handle, collector.ask_again(pattern, collector.preflights))
    if not collector.known:
        if cancelled is not None and cancelled.is_set():
            return []
        raise explain_no_match(pattern, found, end)
    hosts = collector.hosts or collector.preflights | collector.results
    return [collector.preflights.get(host) or _silent(host, collector, end) for host in hosts]


def _silent(host: str, collector: ResultCollector[HostRecord], end: PlayEnd) -> PreflightResult:
    broken = collector.results.get(host)
    error = f"{host}: Ansible ended ({end.status}) without a result for this host"
    return PreflightResult(
        status=PreflightStatus.HOST_UNREACHABLE, host=host, error=broken.error if broken else error
    )


def _unmapped(host: str, error: str) -> PreflightResult:
    return PreflightResult(status=PreflightStatus.USER_MAPPING_MISSING, host=host, error=error)


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
