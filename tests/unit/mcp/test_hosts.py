"""The list of hosts for an agent whose call has to return before the last check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dxansible.cli.table import Options
from dxansible.mcp.tools import TOOLS
from dxansible.run.events import HostMoved
from dxansible.seen import Names, keep_names
from tests.unit.local_vm import write_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from dxansible.run.events import Event

pytestmark = pytest.mark.resident


def test_a_call_that_returns_early_has_all_hosts_with_what_is_known_of_them(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(inventory=(str(write_inventory(home / "inventory.yml")),))
    keep_names(options.settings().inventory_name, Names(hosts=("here", "former")))
    work = TOOLS["hosts"].begin(options, {}, agreed=True)
    early: list[list[tuple[str, str | None]]] = []

    def look() -> None:
        so_far = work.so_far()
        assert (so_far["state"], so_far["outcome"]) == ("unknown", None)
        early.append([(each["host"], each["status"]) for each in so_far["hosts"]])

    def handle(news: Event, take=work.sight.handle) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
        take(news)
        if not isinstance(news, HostMoved):
            look()

    monkeypatch.setattr(work.sight, "handle", handle)
    look()
    work.start()
    ended = work.answer.result(180)

    assert early[:2] == [[("here", None), ("former", None)], [("here", None), ("twin", None)]]
    assert sorted(map(str, dict(early[2]).values())) == ["None", "OK"]
    assert [(each["host"], each["status"]) for each in ended["hosts"]] == early[-1]
