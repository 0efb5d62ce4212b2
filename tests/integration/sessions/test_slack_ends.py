"""The end of a session that nobody waits for is told once, whoever sees it, and whoever dies."""

from __future__ import annotations

import secrets
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.conftest import resident
from tests.integration.sessions.work import await_end, begin, turn_directory
from tests.integration.traces import files_with
from tests.integration.vm_processes import wait_until
from tests.lab import processes
from tests.services import SlackServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.integration.sessions.work import Work
    from tests.lab import Vm


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """A Slack, whose token is one that can be looked for everywhere."""
    with SlackServer() as server:
        server.token = f"xoxb-canary{secrets.token_hex(12)}"
        yield server


@pytest.fixture
def people(
    inventory: Path, slack: SlackServer, residents: dict[tuple[Path, str], Dispatcher]
) -> Iterator[list[Dispatcher]]:
    """Three on machines of their own, with that token."""
    found = [resident(residents, inventory, name) for name in ("user", "other", "third")]
    for each in found:
        each.environment |= {"SLACK_BOT_TOKEN": slack.token, "DX_SLACK_URL": slack.url}
        each.environment.pop("XDG_STATE_HOME", None)
    yield found
    for each in found:
        each.start_over()


def _ends(slack: SlackServer) -> list[str]:
    return [text for text in slack.texts if text.startswith("SUCCESS: epyc6")]


def test_of_all_who_see_it_one_tells_it_and_the_token_is_nowhere(
    slack: SlackServer, people: list[Dispatcher], epyc6: Vm
) -> None:
    user, other, third = people
    since, looked = time.time() - 1, list[set[int]]()

    def look(_phase: str) -> None:
        looked.append(processes.running(slack.token))

    slack.hook = look
    session = begin(user, "env >seen-by-the-agent; echo done", "-v")
    await_end(epyc6, session)
    calls = [("--sessions", "epyc6", "-v"), ("--logs", session, "--follow", "-v", "--json")]
    clients = [each.start(*call) for each, call in zip((other, third), calls, strict=True)]
    texts = [text.decode() for each in clients for text in each.communicate(timeout=60)]
    texts += [answer.err.decode() for answer in (user.run("--status", session, "-v"),)]

    (end,) = _ends(slack)
    first, told = slack.messages
    assert end.startswith("SUCCESS: epyc6 | epyc6: SUCCESS · ok")
    assert told["thread_ts"] == first["ts"]
    assert "slack_posted" in "".join(texts)
    assert looked
    assert set().union(*looked) == set()
    for text in (*texts, str([body for _, body in slack.requests])):
        assert slack.token not in text
    assert (epyc6.home / "seen-by-the-agent").exists()
    assert files_with(slack.token, since=since) == []


def test_a_lost_connection_is_told_while_it_is_tried_again(
    slack: SlackServer, people: list[Dispatcher], epyc6: Vm, work: Work
) -> None:
    with people[0].start("epyc6", work.task, "--wait", "--retries", "9") as client:
        work.runs()
        wait_until(lambda: len(slack.messages) == 1, 30, "it is told that it has begun")
        for _ in range(9):  # a cut between two questions costs nothing, and is no news
            time.sleep(1)
            if len(slack.messages) > 1:
                break
            epyc6.cut_now()
        work.end()
        client.communicate(timeout=60)
    begin, *others = slack.messages
    assert client.returncode == 0
    assert others[0]["text"].startswith("trying again (attempt 2): epyc6 | epyc6: ")
    assert others[-1]["text"].startswith("SUCCESS: epyc6")
    assert {each["thread_ts"] for each in others} == {begin["ts"]}


@pytest.mark.parametrize("phase", ["before", "after"])
def test_clients_killed_between_any_two_steps_tell_it_at_most_once(
    slack: SlackServer, people: list[Dispatcher], epyc6: Vm, work: Work, phase: str
) -> None:
    user, other, third = people
    _kill_at(slack, "after", user, "epyc6", work.task)
    work.runs()
    session = work.turns[0].rpartition(".")[0]
    assert not list(turn_directory(epyc6, session).glob("note.*"))
    work.end()
    await_end(epyc6, session)
    _kill_at(slack, phase, other, "--logs", session)
    assert (turn_directory(epyc6, session) / "note.slack-end").exists()
    for each in (third, other):  # who was killed, too
        assert each.run("--sessions", "epyc6").code == 0

    assert len(_ends(slack)) == (0 if phase == "before" else 1)
    assert all("thread_ts" not in each for each in slack.messages)


def _kill_at(slack: SlackServer, phase: str, user: Dispatcher, *words: str) -> None:
    """Start a client, and kill it around what its first post does."""
    clients: list[subprocess.Popen[bytes]] = []
    begun = threading.Event()

    def kill(now: str) -> str | None:
        if now == phase:
            begun.wait(30)
            clients[0].kill()
            clients[0].wait()
            if phase == "before":
                return "drop"
        return None

    slack.hook = kill
    clients.append(user.start(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    begun.set()
    assert clients[0].wait(timeout=60) == -9
    slack.hook = lambda _phase: None
