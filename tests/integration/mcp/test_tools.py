"""What the tools do for an agent, on real hosts: as the command line does, within their time."""

from __future__ import annotations

import json
import secrets
import subprocess
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tests.integration.mcp.agent import OLD, Agent, document, settled
from tests.integration.sessions.work import state_of
from tests.integration.vm_processes import wait_until, work_on

if TYPE_CHECKING:
    from pathlib import Path

    from mcp import Client

    from tests.integration.dispatcher import Dispatcher
    from tests.integration.sessions.work import Work
    from tests.lab import Lab, Vm

pytestmark = pytest.mark.resident

UNTIL_TOLD = "echo begun; while [ ! -e finish ]; do sleep 0.1; done; echo ended"
NEW = "auto"
"""The mode of a client that speaks the newest protocol it finds."""


@pytest.fixture
def run_id() -> str:
    return f"mcp_{secrets.token_hex(6)}"


async def _until_it_runs(vm: Vm) -> None:
    await anyio.to_thread.run_sync(lambda: wait_until(lambda: bool(work_on(vm)), 60, "runs"))


def test_a_command_gives_its_document_with_the_head_and_the_tail_of_its_output(
    user: Dispatcher, run_id: str
) -> None:
    ask = {"target": "epyc6", "command": "seq 1000; echo aside >&2; exit 3", "run_id": run_id}
    hosts, ran, rest, gone = Agent(user, mode=NEW).calls(
        ("hosts", {"target": "epyc6"}),
        ("exec", {**ask, "limit": 400}),
        ("logs", {"id": run_id, "offset": 200, "limit": 10_000}),
        ("exec", {"target": "nobody", "command": "true", "run_id": run_id}),
    )
    (result,) = ran["results"]
    whole = "".join(f"{number}\n" for number in range(1, 1001))

    assert [each["status"] for each in hosts["hosts"]] == ["OK"]
    assert (ran["outcome"], ran["exit_code"], ran["id"], ran["state"]) == (
        "FAILURE", 1, run_id, "ended"
    )  # fmt: skip
    assert (result["exit_code"], result["stderr"]) == (3, "aside\n")
    assert (result["stdout"], result["stdout_tail"]) == (whole[:200], whole[-200:])
    assert result["stdout_offsets"] == {
        "head": [0, 200], "tail": [len(whole) - 200, len(whole)], "total": len(whole)
    }  # fmt: skip
    assert rest["results"][0]["stdout"] == whole[200:]
    assert gone["results"][0]["reason"] == "USER_MAPPING_MISSING"


def test_a_call_returns_before_its_work_and_a_repeated_one_attaches(
    user: Dispatcher, until_told: Vm, run_id: str
) -> None:
    ask = {"target": "epyc6", "command": UNTIL_TOLD, "run_id": run_id}

    async def work(client: Client) -> None:
        first = document(await client.call_tool("exec", {**ask, "wait": 0}))
        assert (first["id"], first["state"], first["outcome"]) == (run_id, "unknown", None)
        await anyio.to_thread.run_sync(
            lambda: wait_until(lambda: bool(work_on(until_told)), 60, "runs")
        )
        seen = await settled(client, "logs", {"id": run_id})
        (result,) = seen["results"]
        assert (seen["state"], result["state"], result["host"]) == ("running", "running", "epyc6")
        assert result["stdout"] == "begun\n"

        (until_told.home / "finish").touch()
        again = await settled(client, "exec", ask)
        (result,) = again["results"]
        assert (again["state"], result["outcome"]) == ("ended", "SUCCESS")
        news = await settled(client, "logs", {"id": run_id, "offset": 6, "wait": 15})
        assert news["results"][0]["stdout"] == "ended\n"
        other = await settled(client, "exec", {**ask, "command": "touch other"})
        assert other["results"][0]["reason"] == "id_conflict"

    Agent(user).does(work)
    (result,) = Agent(user).call("exec", **ask)["results"]
    assert (result["outcome"], result["attached"]) == ("SUCCESS", True)
    assert not (until_told.home / "other").exists()


@pytest.mark.parametrize("mode", [OLD, NEW])
def test_neither_a_cancelled_call_nor_the_end_of_the_server_stops_the_work(
    user: Dispatcher, until_told: Vm, run_id: str, mode: str
) -> None:
    ask = {"target": "epyc6", "command": UNTIL_TOLD, "run_id": run_id}

    async def work(client: Client) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "exec", ask)
            await _until_it_runs(until_told)
            tasks.cancel_scope.cancel()
        seen = await settled(client, "logs", {"id": run_id})
        assert seen["state"] == "running"

    Agent(user, mode=mode).does(work)
    assert work_on(until_told)
    (until_told.home / "finish").touch()
    ended = Agent(user).call("logs", id=run_id, wait=15)
    assert (ended["outcome"], ended["results"][0]["stdout"]) == ("SUCCESS", "begun\nended\n")


@pytest.mark.parametrize("mode", [OLD, NEW])
def test_a_user_who_can_be_asked_is_asked_before_a_command_on_many_hosts(
    user: Dispatcher, lab: Lab, run_id: str, mode: str
) -> None:
    ask = {"target": "all", "command": f"touch {run_id}", "run_id": run_id}

    def touched() -> int:
        return sum((vm.home / run_id).exists() for vm in lab.vms.values())

    no = Agent(user, "--confirm-above", "2", says="decline", mode=mode)
    refused = no.call("exec", **ask)
    assert (refused["error"]["type"], refused["exit_code"], touched()) == ("Declined", 130, 0)
    (question,) = no.questions
    assert "3 hosts" in question
    assert f"touch {run_id}" in question

    yes = Agent(user, "--confirm-above", "2", says="accept", mode=mode)
    few, many = yes.calls(("exec", {**ask, "target": "epyc6"}), ("exec", ask))
    assert (few["outcome"], many["outcome"], touched()) == ("SUCCESS", "SUCCESS", 3)
    assert len(yes.questions) == 1


def test_a_client_that_cannot_ask_is_not_held_up(user: Dispatcher, run_id: str) -> None:
    ask = {"target": "all", "command": "true", "run_id": run_id}
    ran = Agent(user, "--confirm-above", "0").call("exec", **ask)

    assert (ran["outcome"], len(ran["results"])) == ("SUCCESS", 3)


def test_a_task_is_handed_over_once_answered_and_stopped_after_a_question(
    user: Dispatcher, work: Work, run_id: str
) -> None:
    ask = {"target": "any:epyc6", "task": work.task, "run_id": run_id}
    first, again, other = Agent(user).calls(
        ("dispatch", ask), ("dispatch", ask), ("dispatch", {**ask, "task": "touch other"})
    )
    session = first["id"]
    assert session.startswith(f"ses_{run_id}-")
    assert (first["state"], again["id"], again["state"]) == ("running", session, "running")
    assert "id of another task" in other["error"]["message"]
    work.runs()
    assert work.turns == [f"{session}.1"]

    short = f"ses_{run_id}"
    no = Agent(user, says="decline")
    kept, unknown = no.calls(("stop", {"id": short}), ("stop", {"id": "el"}))
    assert (kept["error"]["type"], state_of(user, session)) == ("Declined", "running")
    assert unknown["error"]["type"] == "UnknownSessionError"
    assert no.questions == [f"Stop {session}?"]
    yes = Agent(user, says="accept", mode=NEW)
    logs, listed, stopped = yes.calls(
        ("logs", {"id": session}),
        ("sessions", {"target": "epyc6", "kind": "agents", "limit": 1}),
        ("stop", {"id": short}),
    )
    assert (logs["state"], logs["results"][0]["text"]) == ("running", "begun\n")
    assert [each["session_id"] for each in listed["sessions"]] == [session]
    assert (stopped["outcome"], stopped["results"][0]["stop_verified"]) == ("ABORTED", True)
    assert (stopped["id"], yes.questions) == (session, [f"Stop {session}?"])

    more = {"session": session, "task": "echo answered >>answers", "run_id": run_id}
    turns = Agent(user).calls(
        ("reply", more), ("reply", more), ("logs", {"id": session, "wait": 15})
    )
    assert [each["results"][0]["turn"] for each in turns] == [2, 2, 2]
    assert turns[2]["outcome"] == "SUCCESS"
    assert (work.vms[0].home / "answers").read_text() == "answered\n"


def _call(number: int, name: str, **arguments: object) -> dict[str, object]:
    return {
        "id": number, "method": "tools/call", "params": {"name": name, "arguments": arguments}
    }  # fmt: skip


def _say(server: subprocess.Popen[bytes], *words: dict[str, object]) -> None:
    assert server.stdin
    for each in words:
        server.stdin.write(json.dumps({"jsonrpc": "2.0", **each}).encode() + b"\n")
    server.stdin.flush()


def _hear(server: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert server.stdout
    found: dict[str, Any] = json.loads(server.stdout.readline())
    return found


_HELLO: tuple[dict[str, object], ...] = (
    {
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "raw", "version": "1"},
        },
    },
    {"method": "notifications/initialized"},
)


def test_work_is_handed_over_though_the_client_leaves_at_once(
    user: Dispatcher, epyc6: Vm, run_id: str
) -> None:
    exec_ = {"target": "epyc6", "command": f"touch {run_id}", "run_id": run_id, "wait": 0}
    with user.start("--mcp", stdin=subprocess.PIPE) as server:
        _say(server, *_HELLO, _call(2, "exec", **exec_))
        _, answer = _hear(server), _hear(server)
        server.communicate()

    assert answer["result"]["structuredContent"]["state"] == "unknown"
    wait_until((epyc6.home / run_id).exists, 60, "the command has run")


def test_standard_output_has_the_protocol_and_nothing_else(user: Dispatcher) -> None:
    with user.start("--mcp", "-v", stdin=subprocess.PIPE) as server:
        _say(server, *_HELLO, _call(2, "none"))
        lines = [_hear(server), _hear(server)]
        _say(server, _call(3, "exec", target="epyc6", command="echo out"))
        lines.append(_hear(server))
        rest, errors = server.communicate()

    assert [(each["jsonrpc"], each["id"]) for each in lines] == [("2.0", 1), ("2.0", 2), ("2.0", 3)]
    assert lines[0]["result"]["serverInfo"]["name"] == "dx-dispatch"
    assert lines[1]["result"]["structuredContent"]["error"]["type"] == "UsageError"
    assert lines[2]["result"]["structuredContent"]["results"][0]["stdout"] == "out\n"
    assert (rest, server.returncode) == (b"", 0)
    assert b"success host=epyc6" in errors


def test_an_inventory_that_cannot_be_used_is_told_before_the_client_waits(
    user: Dispatcher, tmp_path: Path
) -> None:
    answer = user.run("--mcp", "-i", str(tmp_path / "none"))

    assert (answer.code, answer.out) == (2, b"")
    assert b"there is no inventory at" in answer.err
