"""One issue, one worker, one pull request: several dispatchers, a remote over SSH, and zombies."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import on_vm, processes_of
from tests.services.github import GitHubServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.dispatcher import Answer, Dispatcher
    from tests.lab import Lab, Vm

pytestmark = pytest.mark.resident

LEASE = 2
WORK = (
    'git switch -q -c "${DX_SESSION%.*}"; echo "$DX_SESSION" >>file; git commit -qam work;'
    " while [ -e ~/frozen ]; do sleep 0.1; done"
)
"""Each session names a branch of its own: two workers would be two pull requests."""


def signal_all(session: str, number: int) -> None:
    for pid in processes_of(session):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@pytest.fixture
def task(project: Path) -> tuple[str, ...]:
    return ("epyc6", WORK, "--repo", str(project), "--claim", "--json", "--beads")


@pytest.fixture
def github() -> Iterator[GitHubServer]:
    with GitHubServer() as server:
        yield server


def finalize(user: Dispatcher, session: str, github: GitHubServer) -> Answer:
    environment = {"GITHUB_TOKEN": github.token, "GITHUB_API_URL": github.url}
    return user.run("--finalize-pr", session, "--json", env=environment)


def branches(lab: Lab) -> list[str]:
    said = on_vm(lab.vms["macmini"], "git -C acme/api.git branch --format='%(refname:short)'")
    return sorted(set(said.split()) - {"main"})


def test_of_several_dispatchers_one_gets_the_issue(
    user: Dispatcher, other: Dispatcher, task: tuple[str, ...]
) -> None:
    racers = [each.start(*task, "bd-77") for each in (user, other, user)]
    raced = [json.loads(each.communicate()[0]) for each in racers]

    assert sorted(each["exit_code"] for each in raced) == [0, 1, 1]
    losers = [each["results"][0] for each in raced if each["exit_code"]]
    assert [each["reason"] for each in losers] == ["issue_claimed"] * 2


def test_a_zombie_can_t_open_the_pull_request_of_its_successor(  # noqa: PLR0913, PLR0917 - all of it
    user: Dispatcher,
    other: Dispatcher,
    lab: Lab,
    epyc6: Vm,
    task: tuple[str, ...],
    github: GitHubServer,
) -> None:
    on_vm(epyc6, "touch frozen")
    zombie = user.run(*task, "bd-77", "--lease", str(LEASE)).result["session_id"]
    signal_all(zombie, signal.SIGSTOP)
    time.sleep(LEASE + 1)
    on_vm(epyc6, "rm frozen")
    second = other.run(*task, "bd-77", "--wait")
    successor = second.result["session_id"]
    signal_all(zombie, signal.SIGCONT)
    user.run("--logs", zombie, "--follow")

    late, done = finalize(user, zombie, github), finalize(other, successor, github)

    assert second.code == 0, second.out
    assert (late.code, late.result["reason"]) == (1, "claim_lost"), late.out
    assert f"session {successor} on epyc6 has taken over" in late.result["error"]
    assert done.code == 0, done.out
    assert [each["head"]["ref"] for each in github.pulls] == branches(lab) == [successor]
    third = user.run(*task, "bd-77")
    assert (third.code, third.result["reason"]) == (1, "issue_claimed")
