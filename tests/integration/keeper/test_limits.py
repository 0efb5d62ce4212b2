"""A turn that waits for a usage limit: what counts as its time, and how it ends."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.agents import load_agents
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn import Turn, script

from tests.integration.keeper.machine import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.integration.keeper.machine import Machine

SESSION, TURN = "ses_0123456789abcdef-01234567", "ses_0123456789abcdef-01234567.1"
AGENT = """\
prompt=$(cat)
echo "$prompt" >>"$HOME/prompts"
echo '{"id": "c-1", "kind": "begin"}'
case $prompt in
    "limit "*)
        echo '{"kind": "step", "n": {"in": 4}}'
        at=$(($(date +%s) + ${prompt#limit }))
        printf '{"kind": "end", "ok": false, "at": %s}\\n' "$at"
        exit 1
        ;;
esac
sleep "${1-0}"
echo '{"kind": "step", "n": {"in": 3, "usd": 0.25}}'
echo '{"kind": "end", "ok": true}'
"""
RECORD: dict[str, Any] = {
    "start": ["sh", "-c", AGENT],
    "resume": ["sh", "-c", AGENT, "sh", "{native_id}"],
    "events": "json",
    "native_id": "id",
    "usage_limit": {"when": {"kind": "end", "ok": False}, "resets_at": "at"},
    "usage": {"when": {"kind": "step"}, "input": "n.in", "cost": "n.usd"},
}


def _turn(
    prompt: str,
    on_limit: str = "wait",
    resume: tuple[str, ...] | None = None,
    record: Mapping[str, Any] = RECORD,
) -> bytes:
    agent = load_agents({"robot": record})["robot"]
    return script(
        Turn(
            session=SESSION,
            arguments=agent.start,
            resume=resume or ("sh", "-c", AGENT.replace("${1-0}", "0"), "sh", "{native_id}"),
            rules=agent.usage_rules,
            on_limit=on_limit,
            agent="robot",
            prompt=prompt.encode(),
        )
    )


def _start(machine: Machine, text: bytes, **options: object) -> None:
    machine.start(TURN, text, **({"meta": "yes", "deadline": 60, "wait": 0} | options))


def _prompts(machine: Machine) -> list[str]:
    return (machine.home / "prompts").read_text().splitlines()


def _await_wait(machine: Machine) -> None:
    wait_until((machine.session(TURN) / "waits").exists)


def test_it_goes_on_once_and_the_wait_counts_against_neither_limit(machine: Machine) -> None:
    _start(machine, _turn("limit 8"), deadline=5, idle=2)
    ended = machine.wait_for_end(TURN)

    assert (ended.state, ended.code) == ("exited", 0), machine.poll(TURN).out
    assert _prompts(machine) == ["limit 8", "Continue."]
    assert (ended.limited, ended.input, ended.cost, ended.usage_of) == (None, 7, 0.25, "turn")
    assert not (machine.session(TURN) / "waits").exists()


@pytest.mark.parametrize("told", [False, True], ids=["nothing", "untold"])
def test_what_was_told_at_an_earlier_limit_is_over(machine: Machine, *, told: bool) -> None:
    record = RECORD if told else {key: each for key, each in RECORD.items() if key != "usage"}
    _start(machine, _turn("limit 2", record=record))
    _await_wait(machine)
    if told:
        (machine.session(TURN) / ".usage").mkdir()  # nothing can be written there any more
    ended = machine.wait_for_end(TURN)

    assert (ended.code, ended.limited) == (0, None)


def test_until_then_it_is_running_and_says_when_it_goes_on(machine: Machine) -> None:
    _start(machine, _turn("limit 3600"))
    _await_wait(machine)
    reply = machine.poll(TURN)
    assert reply.state == "running"
    assert reply.resumes is not None
    assert 3000 < reply.resumes <= 3600
    assert b" resumes=3" in machine.ask("list", id=SESSION)
    assert b"robot has reached its usage limit; the turn goes on at " in machine.poll(TURN).out

    reply = machine.abort(TURN)
    assert (reply.state, reply.verified, reply.resumes) == ("aborted", True, None)
    assert _prompts(machine) == ["limit 3600"]
    wait_until(lambda: not machine.processes())


def test_its_deadline_counts_on_after_the_wait(machine: Machine) -> None:
    slow = ("sh", "-c", AGENT.replace("${1-0}", "600"), "sh", "{native_id}")
    _start(machine, _turn("limit 4", resume=slow), deadline=6)
    ended = machine.wait_for_end(TURN)
    assert (ended.state, ended.verified) == ("timeout", True)
    assert _prompts(machine) == ["limit 4", "Continue."]


def test_without_its_keeper_it_is_lost_and_never_goes_on(machine: Machine) -> None:
    _start(machine, _turn("limit 3"))
    _await_wait(machine)
    os.kill(int((machine.session(TURN) / "supervisor").read_text().split()[0]), signal.SIGKILL)
    leader = (machine.session(TURN) / "leader").read_text().split()[0]
    wait_until(lambda: not Path(f"/proc/{leader}").exists())
    assert machine.poll(TURN).state == "lost"
    assert _prompts(machine) == ["limit 3"]


def test_without_wait_it_ends_and_says_when_the_limit_resets(machine: Machine) -> None:
    _start(machine, _turn("limit 3600", on_limit=""))
    ended = machine.wait_for_end(TURN)
    assert (ended.state, ended.code) == ("exited", 1)
    assert ended.limited is not None
    assert f" limited={ended.limited} ".encode() in machine.ask("list", id=SESSION)


def test_a_limit_that_resets_too_late_ends_it(machine: Machine) -> None:
    _start(machine, _turn(f"limit {9 * 86400}"))
    ended = machine.wait_for_end(TURN)
    assert (ended.state, ended.code, ended.resumes) == ("exited", 1, None)
    assert ended.limited is not None


def test_an_agent_that_kept_nothing_gets_its_first_prompt_again(machine: Machine) -> None:
    agent = load_agents({"robot": RECORD})["robot"]
    again = AGENT.replace('"limit "*', '"never "*').replace(
        'echo "$prompt"', 'echo "again $prompt"'
    )
    text = script(
        Turn(
            session=SESSION,
            arguments=agent.start,
            resume=("sh", "-c", "cat >/dev/null; echo no such conversation >&2; exit 42"),
            restart=("sh", "-c", again),
            rules=agent.usage_rules,
            on_limit="wait",
            prompt=b"limit 1",
        )
    )
    _start(machine, text)
    assert machine.wait_for_end(TURN).code == 0
    assert _prompts(machine) == ["limit 1", "again limit 1"]
