"""An agent gets its prompt byte for byte, and nobody else gets to see it."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import Work, await_end, turn_directory
from tests.integration.test_nothing_interpreted import TEXT
from tests.integration.traces import files_with, processes_with, running_for
from tests.integration.vm_processes import wait_until

if TYPE_CHECKING:
    from tests.integration.dispatcher import Answer, Dispatcher
    from tests.lab import Vm

pytestmark = pytest.mark.resident

PROMPTS = {
    "blanks around it": b" \t\n\n  fix it \n\n\t ",
    "a leading dash": b"--help",
    "a Jinja expression": b"{{ 7*7 }}",
    "not UTF-8": b"\xff\xfe caf\xe9 \xc3",
    "control characters": bytes(range(1, 256)),
    "our own marks": b"\x1edx-turn code=0\nexit 0\n#dx {}\n{directory} {prompt_file}",
}
LARGE = b"".join(b"%07d {{ 7*7 }} $(id) 'x\n" % number for number in range(42_000))


def _received(vm: Vm, answer: Answer) -> bytes:
    assert answer.code == 0, answer.err
    return (vm.home / f"{answer.result['session_id']}.1.prompt").read_bytes()


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_a_prompt_arrives_byte_for_byte(user: Dispatcher, epyc6: Vm, prompt: bytes) -> None:
    answer = user.run("epyc6", "--file", "-", "--agent", "reader", "--wait", "--json", stdin=prompt)
    assert _received(epyc6, answer) == prompt


def test_every_door_hands_over_the_prompt_as_it_is(user: Dispatcher, epyc6: Vm) -> None:
    path = user.home / "-prompt"
    path.write_text(TEXT)
    more = ("--agent", "copier", "--wait", "--json")
    by_word = user.run("epyc6", *more, "--", TEXT)
    by_file = user.run("epyc6", "--file", "./-prompt", *more, cwd=user.home)
    for answer in (by_word, by_file):
        assert _received(epyc6, answer) == TEXT.encode()
    session = by_word.result["session_id"]
    again = user.run("--session", session, "--wait", "--json", "--", TEXT)
    assert again.code == 0, again.err
    assert (epyc6.home / f"{session}.2.prompt").read_bytes() == TEXT.encode()


def test_a_prompt_of_a_megabyte_arrives_whole(user: Dispatcher, epyc6: Vm) -> None:
    assert len(LARGE) > 10**6
    answer = user.run("epyc6", "--file", "-", "--agent", "copier", "--wait", "--json", stdin=LARGE)
    assert _received(epyc6, answer) == LARGE


@pytest.mark.parametrize(
    ("prompt", "problem"),
    [(b"a\0b", b"has a NUL byte; no agent accepts one"), (b" \n\t ", b"the task is empty")],
)
def test_what_no_agent_can_take_is_refused(user: Dispatcher, prompt: bytes, problem: bytes) -> None:
    answer = user.run("epyc6", "--file", "-", stdin=prompt)
    assert (answer.code, answer.out) == (2, b"")
    assert problem in answer.err


@pytest.mark.newcomer
@pytest.mark.parametrize("agent", ["shell", "piped"])
def test_a_prompt_is_in_no_process_list_no_log_and_no_file_that_stays(
    user: Dispatcher, epyc6: Vm, work: Work, agent: str
) -> None:
    canary, since = f"canary{secrets.token_hex(12)}", time.time() - 1
    filler = "# what a listing may show\n" * 40
    path = user.home / "prompt"
    path.write_text(f"{filler}# {canary}\n{work.task}\n")
    with user.start("epyc6", "--file", str(path), "--agent", agent, "--wait", "-vv") as client:
        work.runs()
        path.unlink()
        session = work.turns[0].removesuffix(".1")
        directory = turn_directory(epyc6, session)
        assert processes_with(canary) == []
        holders = files_with(canary, since=since)
        assert {holder.parent for holder in holders} == {directory}
        assert {holder.name for holder in holders} <= {"command", "prompt"}
        assert {holder.stat().st_mode & 0o777 for holder in holders} == {0o600}
        work.end()
        out, err = client.communicate(timeout=60)
    assert (client.returncode, out) == (0, b"begun\nended\n"), err
    assert canary.encode() not in out + err
    await_end(epyc6, session)
    wait_until(lambda: not running_for(user), 15, "the client's helpers have ended")
    assert files_with(canary, since=since) == []
    assert processes_with(canary) == []


def test_a_secret_in_a_prompt_is_in_no_listing(user: Dispatcher, epyc6: Vm) -> None:
    secret = f"ghp_{secrets.token_hex(18)}"
    answer = user.run("epyc6", "--file", "-", "--json", "-vv", stdin=f": use {secret}".encode())
    session = answer.result["session_id"]
    await_end(epyc6, session)
    listed = user.run("--sessions", "epyc6", "--json")
    assert session.encode() in listed.out
    assert secret.encode() not in answer.out + answer.err + listed.out + listed.err
    assert secret not in (turn_directory(epyc6, session) / "meta").read_text()
