"""Rules of settling how an earlier run has ended, with the real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dxansible.ids import session_on
from dxansible.record import Reason
from dxansible.run.history import NEVER_ARRIVED, UNKNOWN, History, HostEnd
from dxansible.run.rerun import Which, find_chain
from dxansible.run.settling import Settled, settle
from dxansible.settings import Settings
from tests.unit.run import records
from tests.unit.run.test_listing import said
from tests.unit.run.test_rerun import write

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.resident

HOST = "here"


def told(kind: str, outcome: str, reason: str, *, verified: bool | None = None) -> dict[str, Any]:
    """A record of the VM's answer."""
    evidence = {"lost_contact": "lost", "auth_failed": "refused"}.get(reason, "told")
    found = records.VERDICT | {"outcome": outcome, "reason": reason, "evidence": evidence}
    found |= {"stop_verified": verified}
    own = {"kind": kind, "id": session_on("once", HOST), "done": True, "error": f"{HOST}: so"}
    return {**found, **own, "totals": None}


LOST = told("command", "FAILURE", "lost")
UNVERIFIED = told("command", "TIMEOUT", "deadline", verified=False)


def settled(playbooks: Path, tmp_path: Path, *answers: dict[str, Any]) -> Settled:
    """Ask a VM that answers so, first to the question, then to the stop."""
    history = History(tmp_path / "runs")
    write(history, 1, {HOST: (None, None), "gone": (None, None)}, run_id="once")
    for name, answer in zip(("follow-command.yml", "stop-command.yml"), answers, strict=False):
        said(playbooks, name, {HOST: records.PREFLIGHT}, {HOST: answer})
    chain = find_chain(history.runs(), None)
    found = settle(chain, chain.open_ends(Which.FAILED), history, Settings.load(), [HOST])
    assert found.chain.ends["gone"] == UNKNOWN
    return found


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([told("command", "FAILURE", "exit_nonzero")], "exit_nonzero"),
        ([told("command", "TIMEOUT", "deadline", verified=True)], "deadline"),
        ([LOST, told("stop", "FAILURE", "lost", verified=True)], "lost"),
        ([LOST, told("stop", "SUCCESS", "ok", verified=True)], "ok"),
    ],
)
def test_an_end_that_the_vm_proves_is_learned(
    playbooks: Path, tmp_path: Path, answers: list[dict[str, Any]], reason: str
) -> None:
    found = settled(playbooks, tmp_path, *answers)

    assert (found.running, found.doubtful) == ((), {})
    assert found.chain.ends[HOST].reason == reason
    assert found.chain.ends[HOST].known


@pytest.mark.parametrize("reason", ["not_started", "unknown_session"])
def test_what_had_not_arrived_counts_as_not_reached(
    playbooks: Path, tmp_path: Path, reason: str
) -> None:
    found = settled(playbooks, tmp_path, LOST, told("stop", "ABORTED", reason, verified=True))

    assert found.chain.ends[HOST] == NEVER_ARRIVED
    assert Which.UNREACHABLE.includes(NEVER_ARRIVED)


@pytest.mark.parametrize(
    "answers",
    [
        [told("command", "FAILURE", "lost_contact")],
        [told("command", "FAILURE", "auth_failed")],
        [LOST, told("stop", "FAILURE", "lost_contact", verified=False)],
        [LOST, told("stop", "FAILURE", "lost", verified=False)],
        [UNVERIFIED, told("stop", "ABORTED", "aborted", verified=False)],
    ],
)
def test_a_host_that_proves_no_end_is_left_out(
    playbooks: Path, tmp_path: Path, answers: list[dict[str, Any]]
) -> None:
    found = settled(playbooks, tmp_path, *answers)

    assert found.chain.ends[HOST] == HostEnd()
    (result,) = found.leave_out([HOST])
    assert (result.reason, result.session_id) == (Reason.LOST_CONTACT, session_on("once", HOST))
    assert "run it all the same: dx-dispatch --rerun --anyway" in str(result.error)
    assert found.leave_out(["other"]) == []
