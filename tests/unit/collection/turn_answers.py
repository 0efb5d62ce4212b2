"""Turns of a made-up agent, and what a VM answers about them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import Entry, Listing
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import Reply
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn_run import TurnRun

from tests.unit.collection.answers import Played, make_run, play

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_run import Crowd

__all__ = ["END", "SAID", "SES", "ended", "entry", "listing", "mine", "reply", "resume", "turn"]

SES = "ses_1-0a1b2c3d"
TASK = {"dx_task": "{{ do }} it\n", "dx_verify": "make test"}
ROBOT = {
    "robot": {
        "start": ["robot"],
        "resume": ["robot", "--id", "{native_id}"],
        "events": "json",
        "native_id": "id",
        "text": [{"when": {"type": ["end", "say"]}, "show": "text", "message": True}],
        "finished": {"type": "end"},
    }
}
SAID = b'{"type":"say","text":"Well.","id":"n1"}\n'
END = b'{"type":"end","text":"Done?"}\n\n\x1edx-turn code=0 verify=0 branch=dx/b directory=/h\n'


def turn(answers: list[Any], crowd: Crowd | None = None, **options: Any) -> Played:  # noqa: ANN401 - any option
    """A turn of the robot, in a session that has a name, whose calls have these answers."""
    given = {"session": SES, "mode": "start", "agent": "robot", "agents": ROBOT} | options
    return play(make_run(TurnRun, given, TASK, crowd), *answers)


def reply(out: bytes = b"", at: int = 0, **fields: Any) -> Reply:  # noqa: ANN401 - any field
    """An answer about a turn that another run has started."""
    known = {"state": "running", "out_from": at, "out_total": at + len(out), "token": "other"}
    return Reply(out=out, **{**known, **fields})


def ended(out: bytes = END, at: int = 0, **fields: Any) -> Reply:  # noqa: ANN401 - any field
    return reply(out, at, **{"state": "exited", "code": 0, **fields})


def mine(answer: Reply) -> Callable[..., Reply]:
    """The same about the turn that this run starts."""

    def to_start(_key: str, _script: bytes, options: dict[str, str]) -> Reply:
        return replace(answer, token=options["token"])

    return to_start


def listing(*turns: Entry) -> Listing:
    return Listing(now=2000, load=0.1, sessions=list(turns))


def entry(number: int, state: str = "exited", meta: object = None, **fields: Any) -> Entry:  # noqa: ANN401 - any field
    kept = {"agent": "robot", "native_id": "n1"} if meta is None else meta
    known = {"code": 0, "began": 100, "at": 107} | fields
    return Entry(name=f"{SES}.{number}", state=state, meta="#dx " + json.dumps(kept), **known)


def resume(answers: list[Any], **options: Any) -> Played:  # noqa: ANN401 - any option
    return turn(answers, **{"mode": "resume", **options})
