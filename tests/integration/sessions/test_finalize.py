"""A session's pull request: real pushes over SSH from one machine to another, and a GitHub."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.dispatcher import marked_processes
from tests.integration.sessions.work import IDENTITY as NAME
from tests.integration.sessions.work import on_vm
from tests.integration.traces import files_with, processes_with
from tests.integration.vm_processes import wait_until
from tests.services import myworld
from tests.services.myworld import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm
    from tests.lab.mesh import Mesh

BRANCH = "dx/bd-12"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A GitHub, which has what is pushed as if it had come there."""
    with myworld.serve(tmp_path) as address:
        found = World(address)
        found.push(BRANCH)
        yield found


def test_commits_go_over_ssh_and_the_token_goes_to_github_only(  # noqa: PLR0913, PLR0917 - all of it
    user: Dispatcher, other: Dispatcher, lab: Lab, epyc6: Vm, project: Path, world: World
) -> None:
    began = time.time()
    held = "#!/bin/sh\ntouch ~/pushing; until [ -e ~/go ]; do sleep 0.05; done\n"
    on_vm(epyc6, f"rm -f pushing go; cd {project}/.git; cat >hooks/pre-push <<'E'\n{held}E\n"
          "chmod +x hooks/pre-push")  # fmt: skip
    task = ("epyc6", "echo two >file", "--repo", str(project), "--beads", "bd-12", "--wait")
    session = user.run(*task, "--json").result["session_id"]
    github = {"GITHUB_TOKEN": world.token, "GITHUB_API_URL": world.api}

    with user.start("--finalize-pr", session, "-v", env=github) as killed:
        wait_until((epyc6.home / "pushing").exists, 60, "it pushes")
        shown = processes_with(world.token)
        there = {f"/proc/{pid}/environ" for pid in marked_processes(f"HOME={epyc6.home}")}
        kept = files_with(world.token, since=began)
        killed.kill()
    on_vm(epyc6, "touch go")
    again = other.run("--finalize-pr", session, "--queue", "--json", env=github)

    assert again.code == 0, again.out
    assert again.result["pull_request"].startswith("https://github.com/acme/api/pull/")
    assert again.result["push"]["host"] == lab.vms["macmini"].address
    assert [each for each in world.pulls() if each[0] == BRANCH] == [
        (BRANCH, "echo two >file", False)
    ]
    log = on_vm(lab.vms["macmini"], f"git -C acme/api.git log --format=%s {BRANCH}")
    assert log.splitlines() == ["echo two >file", "first"]
    assert [path for path in shown if "cmdline" in path] == []
    assert there
    assert there.isdisjoint(shown)
    assert kept == []
    assert world.token.encode() not in again.err + again.out


@pytest.mark.resident
def test_a_session_lives_and_ends_through_nodes(
    user: Dispatcher, mesh: Mesh, lab: Lab, project: Path, world: World
) -> None:
    began = time.time()
    secret = "echo two >file # swordfish-4712"  # noqa: S105 - a text to search for
    github = {"GITHUB_TOKEN": world.token, "GITHUB_API_URL": world.api}
    by = {node: ("--via", node, "--json") for node in ("exec1", "exec2")}
    task = ("epyc6", secret, "--repo", str(project), "--beads", "bd-12", "--wait")

    first = user.run(*task, *by["exec1"], limit=300)
    session = first.result["session_id"]
    second = user.run("--session", session, "echo three", "--wait", *by["exec2"], limit=300)
    done = user.run("--finalize-pr", session, *by["exec1"], env=github, limit=300)
    cleaned = user.run("--clean", "epyc6", "--age", "0", *by["exec2"], limit=300)
    listed = user.run("--sessions", "epyc6", "--via", "local", "--json")

    assert [first.code, second.code, done.code, cleaned.code] == [0] * 4, done.out
    assert second.result["turn"] == 2
    assert done.result["pull_request"].startswith("https://github.com/acme/api/pull/")
    log = on_vm(lab.vms["macmini"], f"git -C acme/api.git log --format=%s {BRANCH}")
    assert log.splitlines() == [secret, "first"]
    assert session not in {each["session_id"] for each in listed.document["sessions"]}
    wait_until(mesh.is_idle, 60, "nothing is left of it")
    assert files_with(world.token, since=began) == []
    nodes = [path for path in mesh.root.rglob("*") if path.is_file()]
    assert [path for path in nodes if secret.encode() in path.read_bytes()] == []


@pytest.mark.resident
def test_a_submodule_s_commit_goes_to_its_remote_before_the_branch_that_names_it(
    user: Dispatcher, lab: Lab, epyc6: Vm, project: Path, world: World
) -> None:
    server = lab.vms["macmini"]
    ssh = f"ssh -F {epyc6.home}/forge/config -o BatchMode=yes"
    on_vm(server, "git init -q --bare -b main acme/lib.git")
    on_vm(
        epyc6,
        f"export GIT_SSH_COMMAND='{ssh}'; rm -rf lib; git init -q -b main lib; cd lib; touch one;"
        f"git add .; git {NAME} commit -qm one; git push -q github-work:acme/lib.git main;"
        f"cd {project}; git submodule --quiet add github-work:acme/lib.git lib;"
        "git commit -qm 'with lib'; git push -q origin main",
    )
    work = (
        f"export GIT_SSH_COMMAND='{ssh}'; git submodule --quiet update --init; cd lib; touch two;"
        f"git add .; git {NAME} commit -qm two; git config core.sshCommand '{ssh}'"
    )
    task = ("epyc6", work, "--repo", str(project), "--beads", "bd-12", "--wait", "--json")
    session = user.run(*task).result["session_id"]
    github = {"GITHUB_TOKEN": world.token, "GITHUB_API_URL": world.api}

    refused = user.run("--finalize-pr", session, "--json", env=github)
    branches = on_vm(server, "git -C acme/api.git branch --format='%(refname:short)'")
    pushed = user.run(
        "--session", session, "cd lib; git push -q origin HEAD:refs/heads/two", "--wait"
    )
    done = user.run("--finalize-pr", session, "--json", env=github)

    assert (refused.code, refused.result["reason"]) == (1, "work_left_out"), refused.out
    assert refused.result["left_out"] == [{"path": "lib", "why": "submodule_unpushed"}]
    assert branches.split() == ["main"]
    assert (pushed.code, done.code) == (0, 0), done.out
    assert done.result["left_out"] == []
    named = on_vm(
        server, f"git -C acme/api.git rev-parse {BRANCH}:lib; git -C acme/lib.git rev-parse two"
    )
    assert len(set(named.split())) == 1


@pytest.mark.resident
def test_a_refused_finalize_is_no_turn(user: Dispatcher, epyc6: Vm) -> None:
    def told() -> tuple[object, ...]:
        (listed,) = [
            each
            for each in user.run("--sessions", "--json").document["sessions"]
            if each["session_id"] == session
        ]
        status = user.run("--status", session, "--json").document
        logs = [user.run("--logs", session, "--raw", *more) for more in ([], ["--follow"])]
        aborted = user.run("--abort", session, "--json")
        return (
            [listed[name] for name in ("state", "turn", "turns", "outcome", "task")],
            status["last_turn"]["outcome"],
            [(answer.code, answer.out) for answer in logs],
            (aborted.code, aborted.result["outcome"]),
        )

    assert epyc6.home.is_dir()
    session = user.run("epyc6", "echo done", "--wait", "--json").result["session_id"]
    before = told()
    for _ in range(2):
        refused = user.run("--finalize-pr", session, "--json")
        assert (refused.code, refused.result["reason"]) == (1, "repo_unusable")
    assert told() == before
    further = user.run("--session", session, "echo on", "--wait", "--json").result
    assert (further["outcome"], further["message"]) == ("SUCCESS", "on\n")
    logs = user.run("--logs", session, "--raw")
    assert (logs.code, logs.out) == (0, b"done\non\n")
