"""Sequences of calls about turns that the model answers as the real keeper does."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from ansible_collections.dxansible.fleet.plugins.plugin_utils.agents import load_agents
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import (
    Entry,
    read_listing,
    read_notes,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import Reply, read_reply
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn import Turn, script

from tests.simulation import sequences
from tests.simulation.robot import AGENTS, ENDINGS, printed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import Session

    from tests.simulation.sequences import Step

__all__ = ["ROBOT", "TURNS", "TurnModel", "facts_of_turn", "make_turn_sequence", "options_of_turn",
           "payload_of_turn"]  # fmt: skip

_LATER, _PAST, _LONG = 4_000_000_000, 1, 600.0
TURNS: tuple[Mapping[str, Any], ...] = (
    {"ending": "done", "seconds": 0.02},
    {"ending": "done", "seconds": 0.02, "verify": 1},
    {"ending": "question", "seconds": 0.02, "verify": 0},
    {"ending": "fails_at_last", "seconds": 0.02},
    {"ending": "refused", "seconds": 0.02},
    {"ending": "broken", "seconds": 0.02},
    {"ending": "early", "seconds": _LONG},
    {"ending": "early", "seconds": _LONG, "idle": 1},
    {"ending": "limit", "seconds": 0.02, "resets_at": _LATER},
    {"ending": "limit", "seconds": 0.02, "resets_at": _LATER, "waits": True},
    {"ending": "limit", "seconds": 0.02, "waits": True},
    {"ending": "limit", "seconds": 0.02, "resets_at": _PAST, "waits": True,
     "then": {"ending": "third", "seconds": 0.02}},
    {"ending": "limit", "seconds": 0.02, "resets_at": _PAST, "waits": True,
     "then": {"ending": "done", "seconds": 0.02}},
)  # fmt: skip
"""How the robot acts on each prompt, and what its start has asked for."""
_CONVERSATION = "n1"
_CALLS = ("start", "start", "start", "poll", "abort", "abort", "settle", "kill", "list", "note")


def _case(pattern: str, behaviour: Mapping[str, Any]) -> str:
    events, code = ENDINGS[behaviour["ending"]]
    lines = [f"{pattern})"]
    for event in events:
        stream, data = printed("robot", event, _CONVERSATION, behaviour.get("resets_at", 0))
        text = data.decode().replace("\\", "\\\\").replace("\n", "\\n").replace("%", "%%")
        lines.append(f"printf '{text}'{' >&2' if stream == 'err' else ''}")
    if behaviour["seconds"] == _LONG:
        lines.append("sleep 600")
    return "\n".join([*lines, f"exit {code} ;;"])


def _robot() -> str:
    cases = [_case(f"{number}.run", each) for number, each in enumerate(TURNS)]
    cases += [
        _case(f"{n}.Continue.", each["then"]) for n, each in enumerate(TURNS) if "then" in each
    ]
    return "\n".join([
        "#!/bin/sh", "word='' number=''", "read -r word number || :", "file=$HOME/.$DX_SESSION",
        '[ -z "$number" ] || echo "$number" >"$file"', 'read -r number <"$file"',
        "case $number.$word in", *cases, "esac", "",
    ])  # fmt: skip


ROBOT = _robot()
"""The program of the agent."""


def make_turn_sequence(seed: int) -> list[Step]:
    """Return the calls of a seed."""
    random = Random(seed)  # noqa: S311 - a seed is the point
    return [_step(random) for _ in range(random.randrange(3, 7))]


def _step(random: Random) -> Step:
    step: Step = {"verb": random.choice(_CALLS), "id": random.choice(("a.1", "a.2"))}
    if step["verb"] == "start":
        step["prompt"] = random.randrange(len(TURNS))
        step["token"] = random.choice(("T1", "T2"))
    if step["verb"] == "abort" and random.random() < 0.5:
        step["remnants"] = "yes"
    if step["verb"] == "note":
        step |= {"name": random.choice(("slack", "slack-end")), "text": random.choice(("x", "y"))}
    return step


def options_of_turn(step: Step) -> dict[str, object]:
    """Return the keeper's options of a call."""
    names = ("token", "remnants", "name")
    options: dict[str, object] = {name: step[name] for name in names if name in step}
    if step["verb"] == "start":
        progress = AGENTS["robot"]["progress"]
        options |= {"meta": "yes", "need": "robot", "progress": progress}
        options["idle"] = TURNS[step["prompt"]].get("idle", 0)
    more: dict[str, dict[str, object]] = {"abort": {"wait": 60}, "settle": {"settle": "yes"}}
    return options | more.get(step["verb"], {})


def payload_of_turn(step: Step) -> bytes:
    """Return the text that goes with a call."""
    if step["verb"] == "note":
        return str(step["text"]).encode()
    if step["verb"] != "start":
        return b""
    behaviour = TURNS[step["prompt"]]
    words = ("robot", _CONVERSATION)
    return script(
        Turn(
            session="a",
            arguments=words,
            resume=words,
            rules=load_agents({"robot": AGENTS["robot"]})["robot"].usage_rules,
            on_limit="wait" if behaviour.get("waits") else "",
            prompt=b"run %d" % step["prompt"],
            verify=b"exit %d" % behaviour["verify"] if "verify" in behaviour else b"",
            native_id=_CONVERSATION,
            agent="robot",
            meta={"agent": "robot"},
        )
    )


def facts_of_turn(found: Session) -> dict[str, Any]:
    """Return what has to be the same: of a command, and what only turns have."""
    known = sequences.facts(found)
    names = ("limited", "input", "output", "cached", "cost", "usage_of")
    known |= {name: getattr(found, name) for name in names}
    known["waits"] = found.resumes is not None
    if isinstance(found, Reply):
        told = b"the turn goes on at" in found.out  # with a time
        known |= {"out": b"" if told else found.out, "err": found.err}
    if isinstance(found, Entry):
        told = b"the turn goes on at" in found.last
        known |= {"notes": found.notes, "meta": found.meta, "last": b"" if told else found.last}
    return known


class TurnModel(sequences.Model):
    """Answers the calls of a sequence of turns."""

    def __init__(self, home: str) -> None:
        """Begin with an empty VM."""
        super().__init__({"turns": TURNS, "home": home})

    def answer(self, step: Step) -> Any:  # noqa: ANN401 - facts, or those of a list
        """Make a call."""
        options = {"id": step["id"]}
        options |= {name: str(each) for name, each in options_of_turn(step).items()}
        match step["verb"]:
            case "kill":
                return self._kill(step["id"])
            case "list":
                listing = read_listing(self._call("list", {}, b""))
                return {each.name: facts_of_turn(each) for each in listing.sessions}
            case "note":
                if step["id"] not in self._vm.sessions:
                    return None
                options["length"] = "1"
                return read_notes(self._call("note", options, payload_of_turn(step)))
            case "start":
                found = facts_of_turn(
                    read_reply(self._call("start", options, payload_of_turn(step)))
                )
                told = self.answer({"verb": "poll", "id": step["id"]})
                return told | sequences.at_once(found)
            case verb:
                return facts_of_turn(read_reply(self._call(verb, options, payload_of_turn(step))))
