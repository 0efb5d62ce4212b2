"""Sequences of calls that the model answers as the real keeper does.

One call follows another, so that their answers don't depend on time.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import read_listing
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import (
    Reply,
    Session,
    read_answer,
    read_reply,
)

from tests.simulation.loop import Chance, Loop
from tests.simulation.verbs import Call, serve
from tests.simulation.vm import Vm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import Answer

__all__ = ["COMMANDS", "Model", "at_once", "facts", "make_sequence", "options_of"]

MARK = "dx-mark"
COMMANDS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("printf abc", {"seconds": 0.02, "code": 0, "out": [[0.5, 3]]}),
    ("exit 3", {"seconds": 0.02, "code": 3}),
    ("sleep 600", {"seconds": 600.0, "code": 0}),
    (
        "sleep 600 </dev/null >/dev/null 2>&1 &",
        {"seconds": 0.02, "code": 0, "left": 600.0},
    ),
    ("printf hello >&2; exit 250", {"seconds": 0.02, "code": 250, "err": [[0.5, 5]]}),
)
"""Texts, and how they behave."""
_LONG = 2
Step = dict[str, Any]


def make_sequence(seed: int) -> list[Step]:
    """Return the calls of a seed; the last one lists what has become of all."""
    random = Random(seed)  # noqa: S311 - a seed is the point
    first = random.choice(("start", "start", "start", "abort", "settle", "poll"))
    more = [_step(random) for _ in range(random.randrange(3, 7))]
    return [_step(random, first), *more, {"verb": "list", "id": "a"}]


def _step(random: Random, verb: str = "") -> Step:
    verb = verb or random.choice(
        ("start", "start", "start", "poll", "abort", "settle", "kill", "kill", "list")
    )
    step: Step = {"verb": verb, "id": random.choice("aaab")}
    if verb == "start":
        step["command"] = random.choice((*range(len(COMMANDS)), _LONG, _LONG, _LONG))
        step["token"] = random.choice(("T1", "T2"))
        if random.random() < 0.2:
            step["delay"] = 600
        if random.random() < 0.15:
            step["since"] = 10**9
        if step["command"] == _LONG and random.random() < 0.3:
            step["deadline"] = 1
    if verb in {"start", "abort", "settle"} and random.random() < 0.4:
        step["digest"] = random.choice(("0a", "0b"))
    if verb in {"abort", "settle"} and random.random() < 0.15:
        step["since"] = 10**9
    if verb == "abort" and random.random() < 0.6:
        step["remnants"] = "yes"
    return step


def options_of(step: Step) -> dict[str, object]:
    """Return the keeper's options of a call."""
    names = ("token", "delay", "since", "deadline", "remnants")
    options = {name: step[name] for name in names if name in step}
    if "digest" in step:
        options["about"] = "yes"
    more: dict[str, dict[str, object]] = {"abort": {"wait": 60}, "settle": {"settle": "yes"}}
    return options | more.get(step["verb"], {})


def facts(found: Session) -> dict[str, Any]:
    """Return what has to be the same. Starting or running is a matter of time."""
    state = "running" if found.state == "starting" else found.state
    names = ("code", "verified", "left", "never", "tombstone", "token", "out_total", "err_total")
    known = {"state": state, "starts": found.starts is not None}
    known |= {name: getattr(found, name) for name in names}
    if isinstance(found, Reply):
        more = ("attached", "restarted", "stopped", "expired")
        known |= {name: getattr(found, name) for name in more}
    return known


def at_once(found: dict[str, Any]) -> dict[str, Any]:
    """Return the facts that only the answer to a start has; all, if it is no session's."""
    if found["state"] == "conflict" or found["restarted"]:
        return found
    return {"attached": found["attached"]}


class Model:
    """Answers the calls of a sequence."""

    def __init__(self, more: Mapping[str, Any] | None = None) -> None:
        """Begin with an empty VM, which has been up for an hour. ``more`` is of its plan."""
        plan = {"commands": [each for _text, each in COMMANDS], "faults": [], "uptime": 3600.0}
        plan |= more or {}
        self._loop = Loop()
        self._vm = Vm(plan, self._loop, Chance(1))

    def answer(self, step: Step) -> Any:  # noqa: ANN401 - facts, or those of a list
        """Make a call."""
        match step["verb"]:
            case "kill":
                return self._kill(step["id"])
            case "list":
                listing = read_listing(self._call("list", {}, b""))
                return {each.name: facts(each) for each in listing.sessions}
            case "start":
                found = facts(read_reply(self._call("start", self._options(step), payload(step))))
                return self.answer({"verb": "poll", "id": step["id"]}) | at_once(found)
            case verb:
                return facts(read_reply(self._call(verb, self._options(step), payload(step))))

    def times_run(self, name: str) -> int:
        """Return how often the command of an id has run."""
        return len(self._vm.truth[name])

    def _options(self, step: Step) -> dict[str, str]:
        return {"id": step["id"]} | {name: str(each) for name, each in options_of(step).items()}

    def _kill(self, name: str) -> bool:
        session = self._vm.sessions.get(name)
        found = session and session.supervisor
        if not found or getattr(found, "alive", None) is not True or "end" in session.files:  # type: ignore[union-attr] # there is one
            return False
        self._vm.kill(found)
        return True

    def _call(self, verb: str, options: dict[str, str], text: bytes) -> Answer:
        call = Call("abort" if verb == "settle" else verb, {**options, "mark": MARK}, text)
        if verb == "start":
            size = len(text if options.get("meta") else text.rpartition(b"\n")[2])
            call.options = {**call.options, "length": str(size)}
        serve(self._vm, call)
        while not call.ended:
            self._loop.run(self._loop.now + 0.05)
            self._loop.now += 0.05
        self._loop.run(self._loop.now + 3.0)  # what goes on by itself comes to its end
        self._loop.now += 3.0
        return read_answer(MARK, call.code, call.printed, b"")


def payload(step: Step) -> bytes:
    """Return what a call sends to the model: the number of the command is its text."""
    about = f"{step['digest']} {{}}\n".encode() if "digest" in step else b""
    return about + (b"run %d" % step["command"] if step["verb"] == "start" else b"")
