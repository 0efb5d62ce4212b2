"""The tools about what there is: hosts, sessions and commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dxansible.cli.noted import note_listed
from dxansible.fleet import FanoutOutcome, check_hosts
from dxansible.mcp.sight import Sight
from dxansible.mcp.tools import MOST_SESSIONS
from dxansible.mcp.work import Work
from dxansible.render import commands as commands_render
from dxansible.render import sessions as sessions_render
from dxansible.render.documents import SCHEMA
from dxansible.run.events import HostsKnown, PreflightDone
from dxansible.seen import names_of
from dxansible.sessions import list_sessions
from dxansible.slack.turn_ends import telling_ends

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dxansible.cli.table import Options
    from dxansible.mcp.work import Answer, Document
    from dxansible.results import PreflightResult
    from dxansible.run.events import Event

__all__ = ["list_hosts", "list_work"]


def list_hosts(options: Options, given: Mapping[str, Any]) -> Work:
    """Check the hosts, as ``--list`` does."""
    settings, pattern = options.settings(), given.get("target", "all")
    sight = _Checks(names_of(settings.inventory_name).hosts if pattern == "all" else ())

    def run(answer: Answer) -> None:
        results = check_hosts(pattern, settings=settings, survey=True, observers=[sight])
        answer(json.loads(commands_render.health_document(results)))

    return Work(run, sight)


class _Checks(Sight):
    """Keeps the checks of hosts for a call that has to return before the last one."""

    def __init__(self, hosts: Sequence[str]) -> None:
        """``hosts`` are the inventory's when it was last read."""
        super().__init__()
        self._checks: dict[str, PreflightResult | None] = dict.fromkeys(hosts)

    def handle(self, news: Event) -> None:
        """Take one event; the dict is replaced, as another thread may be reading it."""
        match news:
            case HostsKnown():
                self._checks = {host: self._checks.get(host) for host in news.hosts}
            case PreflightDone():
                self._checks = {**self._checks, news.result.host: news.result}
            case _:
                pass

    def unfinished(self) -> Document:
        """Return the document of the hosts so far; the ``status`` of a silent one is null."""
        hosts = [
            {"host": host, "status": None} if check is None else check.to_dict()
            for host, check in self._checks.items()
        ]
        return {"schema": SCHEMA, "outcome": None, "exit_code": 0, "hosts": hosts}


def list_work(options: Options, given: Mapping[str, Any]) -> Work:
    """List sessions and commands, as ``--sessions`` does, up to a number."""
    settings, most = options.settings(), given.get("limit", MOST_SESSIONS)

    def run(answer: Answer) -> None:
        with telling_ends() as tellers:
            found = list_sessions(
                given.get("target", "all"), settings, only=given.get("kind"),
                observers=tellers, claim_ends=bool(tellers),
            )  # fmt: skip
            note_listed(found.sessions)
            left_out = max(0, len(found.sessions) - most)
            del found.sessions[most:]
            code = FanoutOutcome.PREFLIGHT_FAILED.exit_code if found.errors else 0
            document = json.loads(sessions_render.sessions_document(found, code))
            answer({**document, "left_out": left_out})

    return Work(run, Sight())
