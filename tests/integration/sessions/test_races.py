"""Several clients that prompt one session at the same moment: its turns never meet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import await_end, begin, on_vm, turn_directory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

pytestmark = pytest.mark.resident

ROUNDS = 5


def _both(
    users: Iterable[Dispatcher], session: str, task: str, *more: str
) -> list[tuple[int, bytes]]:
    clients = [user.start("epyc6", "--session", session, task, "--json", *more) for user in users]
    return [(client.wait(120), client.communicate()[0]) for client in clients]


def test_of_two_prompts_at_once_one_wins_and_the_other_is_told(
    user: Dispatcher, other: Dispatcher, epyc6: Vm
) -> None:
    session = begin(user, "exit 0")
    task = (
        'echo "$DX_SESSION" >>"$HOME/raced";'
        ' while [ ! -e "$HOME/$DX_SESSION.end" ]; do sleep 0.05; done'
    )
    on_vm(epyc6, "rm -f raced")
    for number in range(2, ROUNDS + 2):
        await_end(epyc6, session, number - 1)
        results = []
        for code, out in _both((user, other), session, task):
            document = json.loads(out)
            assert document["exit_code"] == code
            results += document["results"]
        winner, loser = sorted(results, key=lambda result: result["state"], reverse=True)
        assert (winner["state"], winner["turn"], winner["outcome"]) == ("running", number, None)
        assert (loser["outcome"], loser["reason"]) == ("FAILURE", "session_busy"), loser
        on_vm(epyc6, f"touch {session}.{number}.end")
    await_end(epyc6, session, ROUNDS + 1)
    ran = (epyc6.home / "raced").read_text().splitlines()
    assert ran == [f"{session}.{number}" for number in range(2, ROUNDS + 2)]
    assert not turn_directory(epyc6, session, ROUNDS + 2).exists()


def test_prompts_that_queue_run_one_after_the_other(
    user: Dispatcher, other: Dispatcher, epyc6: Vm
) -> None:
    session = begin(user, "sleep 1")
    task = 'echo in >>"$HOME/queued"; sleep 0.5; echo "$DX_SESSION" >>"$HOME/queued"'
    on_vm(epyc6, "rm -f queued")
    codes = [code for code, _ in _both((user, other), session, task, "--queue", "--wait")]
    assert codes == [0, 0]
    lines = (epyc6.home / "queued").read_text().splitlines()
    assert lines == ["in", f"{session}.2", "in", f"{session}.3"]


def test_prompts_that_are_short_may_both_run_but_never_twice(
    user: Dispatcher, other: Dispatcher, epyc6: Vm
) -> None:
    session = begin(user, "exit 0")
    await_end(epyc6, session)
    on_vm(epyc6, "rm -f short")
    answers = _both((user, other), session, 'echo "$DX_SESSION" >>"$HOME/short"', "--wait")
    won = [json.loads(out)["results"][0] for code, out in answers if code == 0]
    ran = (epyc6.home / "short").read_text().splitlines()
    assert sorted(ran) == sorted(f"{session}.{result['turn']}" for result in won)
    assert len(set(ran)) == len(ran) >= 1
