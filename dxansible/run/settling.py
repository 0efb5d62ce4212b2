"""Settles how the earlier runs of a command ended, before the command runs again.

Each id whose end the records don't prove is asked for on its VM. Where the VM tells no proof
either, an abort ends what remains, and a start that is still on its way can't begin any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible import verdict
from dxansible.evidence import Evidence
from dxansible.ids import session_on
from dxansible.record import FanoutOutcome, Reason
from dxansible.results import FanoutResult
from dxansible.run.attach_commands import abort_commands, follow_commands
from dxansible.run.event_log import EventLog
from dxansible.run.events import HostEnded
from dxansible.run.history import NEVER_ARRIVED, HostEnd
from dxansible.value import Value, field

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from dxansible.run.history import History, RecordedRun
    from dxansible.run.rerun import Chain
    from dxansible.settings import Settings

__all__ = ["Settled", "settle"]

_NEVER_RAN = frozenset({Reason.NOT_STARTED, Reason.UNKNOWN_SESSION})
"""How an abort ends what had not arrived."""


class Settled(Value):
    """What is known of the earlier runs of a command once the VMs were asked."""

    chain: Chain
    """Has the ends that the VMs told; they are written down."""
    running: tuple[str, ...] = ()
    """The ids under which the command is running."""
    doubtful: Mapping[str, FanoutResult] = field(default_factory=dict)
    """The results of hosts where the command may be running."""

    def leave_out(self, hosts: Collection[str]) -> list[FanoutResult]:
        """Return the results of those of the hosts that are doubtful, and log them."""
        found = [result for host, result in self.doubtful.items() if host in hosts]
        for result in found:
            EventLog(command=result.command_summary).handle(HostEnded(result=result))
        return found


def settle(
    chain: Chain,
    open_ends: Mapping[str, Sequence[str]],
    history: History,
    settings: Settings,
    known: Collection[str],
) -> Settled:
    """Ask the VMs for ``open_ends``, which are `Chain.open_ends`.

    Only hosts in ``known``, those of the inventory, are asked. Raises DxError and OSError.
    """
    ends: dict[str, dict[str, HostEnd]] = {}
    running: list[str] = []
    doubtful: dict[str, FanoutResult] = {}
    for run in chain.runs:
        hosts = [host for host in open_ends.get(run.name, ()) if host in known]
        answers = _ask(run, hosts, settings)
        running += [session_on(run.run_id, host) for host in hosts if host not in answers]
        ends[run.name] = {host: end for host, end in answers.items() if end is not None}
        doubtful |= {host: _doubt(run, host) for host, end in answers.items() if end is None}
    return Settled(chain=chain.learn(ends, history), running=tuple(running), doubtful=doubtful)


def _ask(run: RecordedRun, hosts: Sequence[str], settings: Settings) -> dict[str, HostEnd | None]:
    """Return how the run has ended on each host; None if that can't be settled.

    Hosts on which it is running are left out.
    """
    ids = [session_on(run.run_id, host) for host in hosts]
    told = {each.host: each for each in follow_commands(ids, settings, wait=False)}
    found: dict[str, HostEnd | None] = {
        host: None if _is_silent(each) else HostEnd.of(each) for host, each in told.items()
    }
    unproven = [host for host, end in found.items() if end is not None and not end.known]
    stops = abort_commands([session_on(run.run_id, host) for host in unproven], settings)
    return found | {each.host: _settled(each) for each in stops}


def _is_silent(result: FanoutResult) -> bool:
    return result.evidence is not Evidence.TOLD


def _settled(stop: FanoutResult) -> HostEnd | None:
    """Return the end that an abort proves; None if it proves none."""
    if stop.outcome is FanoutOutcome.ABORTED and stop.reason in _NEVER_RAN:
        return NEVER_ARRIVED
    end = HostEnd.of(stop)
    return end if end.known and not _is_silent(stop) else None


def _doubt(run: RecordedRun, host: str) -> FanoutResult:
    session_id = session_on(run.run_id, host)
    error = (
        f"{host}: not run again: the VM did not confirm that the earlier command has ended, so it "
        f"may be running there; see: dx-dispatch --logs {session_id}; run it all the same: "
        "dx-dispatch --rerun --anyway"
    )
    return verdict.as_end(
        FanoutResult,
        verdict.lost_contact(error),
        host=host,
        command_summary=run.summary,
        session_id=session_id,
    )
