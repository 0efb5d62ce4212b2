"""A turn on the model of the VM: our script, and the agent that it gives the prompt to.

As in files/turn.sh and files/usage.sh. A turn works in the home directory.
"""

from __future__ import annotations

import json
import re
import shlex
import time
from typing import TYPE_CHECKING, Any

from tests.simulation.process import Process, Work
from tests.simulation.robot import ENDINGS, printed

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from tests.simulation.session import Session
    from tests.simulation.vm import Vm

__all__ = ["TurnWork", "run_turn", "turn_files"]

_VALUE = re.compile(rb"^([a-z_]+)=(.*)$", re.MULTILINE)
_AGENT = re.compile(rb"^__dx_agent\(\) \{ (.*); \}$", re.MULTILINE)
_BACKOFF = 60


def turn_files(text: bytes) -> dict[str, Any]:
    """Return what a session's directory gets from a turn's script."""
    meta = text.partition(b"\n")[0].decode()
    head = text.partition(b"\nself=$0")[0]
    values = {
        name.decode(): (shlex.split(word.decode()) or [""])[0]
        for name, word in _VALUE.findall(head[: head.find(b"\nrules=")] + _tail(head))
    }
    begin, size = int(values["prompt_at"]), int(values["prompt_size"])
    prompt = text[begin - 1 : begin - 1 + size]
    found = _AGENT.search(text)
    words = shlex.split(found[1].decode()) if found else []
    return {
        "meta": meta,
        "command": {
            "prompt": int(prompt.rpartition(b" ")[2]),
            "agent": json.loads(meta.removeprefix("#dx ")).get("agent"),
            "native": words[1] if len(words) > 1 else "",
            "reads": b"\nrules=''" not in text,
            "waits": values["on_limit"] == "wait",
            "longest_wait": int(values["longest_wait"]),
            "verifies": int(values["verify_size"]) > 0,
        },
    }


def _tail(head: bytes) -> bytes:
    return head[head.rfind(b"\nprompt_at=") :]


class TurnWork(Work):
    """What really ran of a turn. ``behaviour`` is one of the plan's ``turns``."""

    __slots__ = ("agent", "attempts", "conversation", "incomplete", "limited", "prompt", "resumed",
                 "said", "stirred", "verify", "waits_until")  # fmt: skip

    def __init__(self, vm: Vm, session: Session) -> None:
        """Begin now."""
        given = session.files["command"]
        behaviour = vm.turns[given["prompt"]]
        super().__init__(vm, session.name, behaviour, "", session.files.get("token", ""))
        self.prompt: int = given["prompt"]
        self.agent: str = given["agent"]
        self.resumed: str = given["native"] if self.agent == "robot" else ""
        self.conversation = given["native"] or f"n-{session.name}"
        self.attempts = 0
        self.said: list[tuple[str, bytes]] = []
        self.incomplete = False
        """Some of what it has printed was not kept."""
        self.limited: int | None = None
        """When the limit resets at which its last attempt has ended."""
        self.verify: int | None = None
        self.stirred = self.began
        """When it made progress last, as its agent's record counts it."""
        self.waits_until: float | None = None


def run_turn(vm: Vm, session: Session) -> TurnWork:
    """Begin a turn's script."""
    work = TurnWork(vm, session)
    steps = _script(vm, session, work, session.files["command"])

    def go_on() -> None:
        if not work.running:
            return
        try:
            seconds = next(steps)
        except StopIteration as end:
            vm.end_work(session, work, end.value)
        else:
            vm.loop.after(seconds, go_on)

    vm.loop.after(0.0, go_on)
    return work


def _say(vm: Vm, session: Session, work: TurnWork, name: str, data: bytes) -> None:
    work.said.append((name, data))
    if vm.disk_full:
        work.incomplete = True
        if "full" not in session.files:
            session.files["full"] = True
        return
    getattr(session, name).write_text(data)
    progress = session.files.get("progress", "")
    if not progress or (name == "out" and re.search(progress, data.decode())):
        work.stirred = vm.loop.now
    vm.notify(session)


def _script(
    vm: Vm, session: Session, work: TurnWork, given: dict[str, Any]
) -> Generator[float, None, int]:
    behaviour, where = work.behaviour, f"branch=- directory={vm.home}"
    yield 0.01
    waited, backoff, again = 0, _BACKOFF, behaviour
    while True:
        again = behaviour if work.attempts == 0 else again.get("then", {})
        work.attempts += 1
        said = f"\x1edx-turn attempt={work.attempts} {where}\n"
        _say(vm, session, work, "out", said.encode())
        at, code = yield from _agent(vm, session, work, again)
        work.limited = None
        if given["reads"]:
            said = f"\n\x1edx-turn ended={work.attempts} {where}\n"
            _say(vm, session, work, "out", said.encode())
            yield 0.01
            if "full" not in session.files and any(b'"type":"limit"' in each for each in at):
                work.limited = _resets_at(vm, again)
        if work.limited is None or code == 0 or not given["waits"]:
            break
        _note_usage(vm, session, work, code)
        now, resets = int(vm.wall()), work.limited
        if resets <= now and (resets == 0 or work.attempts > 1):
            resets, backoff = now + backoff, min(backoff * 2, 3600) if backoff < 3600 else backoff
        if waited + resets - now > given["longest_wait"] or vm.disk_full:
            break
        waited += yield from _await_reset(vm, session, work, resets)
        if not _watched(session):
            return 1
    _note_usage(vm, session, work, code)
    if code == 0 and given["verifies"]:
        yield 0.02
        work.verify = behaviour.get("verify", 0)
    verify = "-" if work.verify is None else work.verify
    said = f"\n\x1edx-turn code={code} verify={verify}  {where}\n"
    _say(vm, session, work, "out", said.encode())
    return code or work.verify or 0


def _resets_at(vm: Vm, behaviour: Mapping[str, Any]) -> int:
    """Return when the limit of a behaviour resets: at a time of the clock, or unknown."""
    if "resets_at" in behaviour:
        return int(behaviour["resets_at"])
    return int(vm.epoch + behaviour["resets"]) if behaviour.get("resets") else 0


def _agent(
    vm: Vm,
    session: Session,
    work: TurnWork,
    behaviour: Any,  # noqa: ANN401 - of the plan
) -> Generator[float, None, tuple[list[bytes], int]]:
    events, code = ENDINGS[behaviour.get("ending", "done")]
    seconds = behaviour.get("seconds", 0.1)
    lines = []
    for event in events:
        yield seconds / (len(events) + 1)
        resets = _resets_at(vm, behaviour)
        name, data = printed(work.agent, event, work.conversation, resets)
        lines.append(data)
        if data:
            _say(vm, session, work, name, data)
    yield seconds / (len(events) + 1)
    return lines, code


def _note_usage(vm: Vm, session: Session, work: TurnWork, code: int) -> None:
    limit = work.limited if code else None
    events = [each for name, each in work.said if name == "out" and b'"type":"end","id"' in each]
    costs = [json.loads(each)["cost"] for each in events if each.endswith(b"}\n")]
    words = [] if limit is None else [f"limited={limit}"]
    if costs and "full" not in session.files and work.agent != "plain":
        words += [f"input={7 * len(costs)}", f"cost={sum(costs)}", "usage_of=turn"]
    if words and not vm.disk_full:
        vm.write(session, "usage", " ".join(words))
    else:
        vm.remove(session, "usage")


def _await_reset(
    vm: Vm, session: Session, work: TurnWork, resets: int
) -> Generator[float, None, int]:
    since = int(vm.wall())
    vm.write(session, "waits", resets)
    when = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(resets))
    said = f"! {work.agent} has reached its usage limit; the turn goes on at {when}\n"
    _say(vm, session, work, "out", said.encode())
    while int(vm.wall()) < resets and _watched(session):
        yield max(min(resets - vm.wall(), 20.0), 0.01)
    seconds = int(vm.wall()) - since
    if not _watched(session):
        return seconds
    vm.write(session, "waited", session.files.get("waited", 0) + seconds)
    vm.remove(session, "waits")
    work.stirred = vm.loop.now
    return seconds


def _watched(session: Session) -> bool:
    found = session.files.get("supervisor")
    return isinstance(found, Process) and found.alive
