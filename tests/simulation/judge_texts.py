"""Judges the text of turns: what the clients have shown is what a turn has printed, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.dxansible.fleet.plugins.plugin_utils.agents import load_agents
from ansible_collections.dxansible.fleet.plugins.plugin_utils.stream_reader import StreamReader

from tests.simulation.robot import AGENTS
from tests.simulation.turn_client import TurnClient
from tests.simulation.turn_truth import ENDED_BY_OTHERS, NOT_GIVEN, finished

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.history import History
    from tests.simulation.turn_script import TurnWork

__all__ = ["of_text"]


def of_text(history: History, client: TurnClient) -> Iterator[str]:
    """Compare the text of the turn that a client has followed to its end."""
    record = client.record
    if client.plan["kind"] == "stop_turn":
        return
    works = history.vm.truth.get(f"{record['id']}.{record.get('turn')}", [])
    work: TurnWork | None = works[-1] if works else None  # type: ignore[assignment] # a turn
    if work is None or not finished(work):
        return
    reason = record["reason"]
    if reason in ENDED_BY_OTHERS | NOT_GIVEN | {"lost_contact"} or len(works) > 1:
        return
    if not client.plan.get("wait", True):
        return
    shown = "".join(
        text
        for each in (*_before(history, client), *client.news, record)
        if each.get("turn") == record["turn"]
        for stream, text in each.get("text", ())
        if stream == "out"
    )
    reader = StreamReader(load_agents(dict(AGENTS))[work.agent])
    whole = reader.feed(b"".join(data for name, data in work.said if name == "out"))
    if shown != whole + reader.close():
        yield f"it has shown {shown!r}, not {whole!r}"


def _before(history: History, client: TurnClient) -> list[dict[str, object]]:
    again = client.plan.get("again")
    if not again:
        return []
    before = history.clients[again - 1]
    assert isinstance(before, TurnClient)
    return [*_before(history, before), *before.news]
