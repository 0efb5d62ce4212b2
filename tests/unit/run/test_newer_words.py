"""Words of a newer release read as themselves, and are neither a success nor a crash."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dxansible.mcp.sight import Sight
from dxansible.record import FanoutOutcome
from dxansible.render.board import sessions_board
from dxansible.render.commands import fanout_document, health_table, summary_line
from dxansible.render.event_lines import EventLines
from dxansible.render.live import LiveOutput
from dxansible.render.metrics import MetricsFile
from dxansible.render.progress import Progress
from dxansible.render.runs import runs_document, runs_table
from dxansible.render.screen import Screen
from dxansible.render.sessions import (
    sessions_document,
    sessions_table,
    status_text,
    turn_line,
    turns_document,
)
from dxansible.results import FanoutResult, SessionInfo, TurnResult, exit_code
from dxansible.run.event_log import EventLog
from dxansible.run.events import HostsKnown, parse
from dxansible.run.gather import ResultCollector
from dxansible.run.history import History, HostEnd, RecordedRun
from dxansible.run.listing import SessionList
from dxansible.run.rerun import Which
from dxansible.run.turn_events import SessionsSeen
from dxansible.run.watching import Seen
from tests.unit.run import records

if TYPE_CHECKING:
    from pathlib import Path

    from dxansible.run.events import Observer

NEWER = {"outcome": "MELTED", "reason": "too_hot", "error": "epyc6: it melted"}
TURN = {
    **records.VERDICT,
    **NEWER,
    "kind": "turn", "id": "ses_1", "turn": 1, "agent": "opencode", "started": True, "done": True,
}  # fmt: skip


def gathered(kind: type[FanoutResult | TurnResult], record: dict[str, Any]) -> Any:  # noqa: ANN401 - either kind
    """The result of a host, told to every observer that shows something."""
    screen, written, sight = Screen(), list[bytes](), Sight()
    lines = EventLines(written.append, "cmd_1")
    observers: list[Observer] = [
        EventLog(command="true"),
        lines,
        LiveOutput(screen, show=True, on_closed=lambda: None),
        Progress(screen),
        sight,
    ]
    collector = ResultCollector(kind, observers)
    collector.handle(HostsKnown(hosts=("epyc6",)))
    for news in parse(records.raw("runner_on_ok", record)):
        collector.handle(news)
    (ended,) = [json.loads(line) for line in written if b'"ended"' in line]
    assert (ended["result"]["outcome"], ended["result"]["reason"]) == ("MELTED", "too_hot")
    result: Any
    (result,) = collector.ordered()
    lines.finish([result], 1)
    assert json.loads(written[-1])["outcomes"]["MELTED"] == 1
    assert sight.unfinished()["results"][0]["outcome"] == "MELTED"
    return result


def test_a_command_s_end() -> None:
    result = gathered(FanoutResult, records.COMMAND | records.VERDICT | NEWER | {"done": True})

    assert (result.outcome, result.reason) == ("MELTED", "too_hot")
    assert exit_code([result]) == 1
    assert summary_line(result).split()[1] == "MELTED"
    document = json.loads("".join(fanout_document([result], 1)))
    assert (document["outcome"], document["results"][0]["reason"]) == ("MELTED", "too_hot")


def test_a_turn_s_end() -> None:
    result = gathered(TurnResult, TURN)

    assert exit_code([result]) == 1
    assert "MELTED" in turn_line(result)
    assert json.loads(turns_document([result], 1))["results"][0]["reason"] == "too_hot"


def test_the_status_of_a_check() -> None:
    (done,) = parse(records.preflight(status="MELTED", error="epyc6: it melted"))

    assert (done.result.status, done.result.ok) == ("MELTED", False)  # type: ignore[union-attr]
    assert "MELTED" in health_table([done.result])  # type: ignore[union-attr, list-item]


def test_the_record_of_a_run(tmp_path: Path) -> None:
    history = History(tmp_path)
    newer = HostEnd(outcome=FanoutOutcome("MELTED"), reason="ok", stop_verified=True)
    run = RecordedRun(
        name=RecordedRun.new_name("cmd_1", 1.0), run_id="cmd_1", began=1.0, pattern="web",
        inventory="/i", summary="true", timeout_sec=60.0, max_retries=1, hosts={"a": newer},
    )  # fmt: skip
    history.write(run)

    (found,) = history.runs()
    assert found == run
    assert not found.hosts["a"].known
    assert Which.FAILED.includes(found.hosts["a"])
    assert "1 MELTED" in runs_table([found])
    assert json.loads(runs_document([found]))["runs"][0]["hosts"][0]["outcome"] == "MELTED"


@pytest.mark.parametrize(("outcome", "kind"), [("MELTED", "failed"), (None, "running")])
def test_a_listing(outcome: str | None, kind: str) -> None:
    told = {"session": "ses_1", "state": "melting", "outcome": outcome, "reason": "too_hot"}
    info = SessionInfo.of("epyc6", told)
    found = SessionList(sessions=[info])

    assert (info.state, info.outcome, info.ended) == ("melting", outcome, outcome is not None)
    assert "melting" in sessions_table(found)
    assert json.loads(sessions_document(found, 0))["sessions"][0]["state"] == "melting"
    result = TurnResult(host="epyc6", session_id="ses_1", outcome=info.outcome)
    assert "melting" in status_text(info, result)
    seen = Seen(host="epyc6", found=SessionsSeen(host="epyc6", sessions=(info,)))
    assert f"1 {kind}" in sessions_board([seen], 1.0).title


def test_the_metrics(tmp_path: Path) -> None:
    path = tmp_path / "a.prom"
    MetricsFile(str(path)).write([FanoutResult(host="a", outcome=FanoutOutcome("MELTED"))], 1)

    assert 'outcome="MELTED"} 1' in path.read_text()
