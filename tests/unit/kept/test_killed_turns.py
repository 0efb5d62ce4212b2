"""What is killed while a turn is followed: the turn has started once, and its text comes whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.unit.kept.person import Person, answer
from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HELD = "touch ~/ready; until [ -e ~/finish ]; do sleep 0.1; done"
TASK = (
    f'echo "$DX_SESSION" >>~/ran; echo before; echo bad >&2; printf half; {HELD};'
    ' echo " a line"; echo after; echo worse >&2'
)
BEFORE, AFTER = "before\nhalf", " a line\nafter\n"
SHELL = ("--agent", "shell", "--wait")
KILLED = pytest.mark.parametrize("which", [0, 2], ids=["engine", "worker"])


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def begun(person: Person) -> str:
    """The id of a session with one turn."""
    said = person.run("here", "echo first", *SHELL, "--json")
    return str(json.loads(said.out)["results"][0]["session_id"])


def shown(process: subprocess.Popen[str], text: str) -> None:
    """Wait until the call has shown this; no more is there to be read."""
    assert process.stdout is not None
    assert process.stdout.read(len(text)) == text


def start(_: Person) -> tuple[str, ...]:
    return ("here", TASK, *SHELL)


def resume(person: Person) -> tuple[str, ...]:
    return ("--session", begun(person), TASK, *SHELL[2:])


def follow(person: Person) -> tuple[str, ...]:
    said = person.run("here", TASK, *SHELL[:2], "--json")
    session = json.loads(said.out)["results"][0]["session_id"]
    return ("--logs", session, "--raw", "--follow")


@KILLED
@pytest.mark.sampled("which")
@pytest.mark.parametrize("call", [start, resume, follow])
def test_a_turn_that_is_followed_goes_on_where_the_engine_left_it(
    person: Person, call: Callable[[Person], tuple[str, ...]], which: int
) -> None:
    person.warm()
    process = person.dispatch(*call(person))
    shown(process, BEFORE)
    kill(person.family()[which])
    (person.home / "finish").touch()
    said = answer(process)

    assert (said.code, said.out) == (0, AFTER), said.err
    assert said.err.count("retry host=here") == 1
    assert [said.err.splitlines().count(word) for word in ("bad", "worse")] == [1, 1]
    (turn,) = (person.home / "ran").read_text().splitlines()
    assert turn.endswith(".2" if call is resume else ".1")


@pytest.mark.parametrize("call", [("here", TASK, *SHELL), ("here", "--exec", TASK)])
def test_time_counts_from_the_run_that_was_killed(person: Person, call: tuple[str, ...]) -> None:
    person.warm()
    process = person.dispatch(*call, "--json")
    wait_until((person.home / "ready").exists)
    time.sleep(2)
    kill(person.family()[0])
    (person.home / "finish").touch()
    (result,) = json.loads(answer(process).out)["results"]

    assert result["outcome"] == "SUCCESS"
    assert result["duration_ms"] >= 2000


_SLOW_HEAD = """#!/bin/sh
# the keeper's, while it has a turn but has not published it
if [ -e ~/hold ]; then
    echo >>~/held
    while [ -e ~/hold ]; do sleep 0.05; done
fi
exec {head} "$@"
"""


@KILLED
@pytest.mark.sampled("which")
@pytest.mark.parametrize("further", [False, True], ids=["first", "further"])
def test_a_start_that_the_vm_has_not_confirmed_is_made_once(
    person: Person, which: int, *, further: bool
) -> None:
    slow_head(person)
    person.warm()
    session = begun(person) if further else None
    (person.home / "hold").touch()
    place = ("--session", session) if session else ("here", *SHELL[:2])
    process = person.dispatch(*place, 'echo "$DX_SESSION" >>~/ran', "--json")
    wait_until((person.home / "held").exists)
    kill(person.family()[which])
    wait_until(lambda: (person.home / "held").read_text() == "\n\n")
    (person.home / "hold").unlink()
    (result,) = json.loads(answer(process).out)["results"]

    assert result["outcome"] in {None, "RUNNING"}, result
    turn = f"{result['session_id']}.{2 if further else 1}"
    wait_until((person.home / "ran").exists)
    followed = person.run("--logs", result["session_id"], "--raw", "--follow")
    assert (followed.code, (person.home / "ran").read_text()) == (0, f"{turn}\n")


def slow_head(person: Person) -> None:
    """Have a ``head`` that waits, and the keeper find it."""
    programs = person.home / "bin"
    programs.mkdir()
    path = person.environment["PATH"]
    head = subprocess.run(["which", "head"], capture_output=True, text=True, check=True).stdout
    (programs / "head").write_text(_SLOW_HEAD.format(head=head.strip()))
    (programs / "head").chmod(0o755)
    person.environment["PATH"] = f"{programs}:{path}"


HOOK = f"""#!/bin/sh
echo >>~/pushes
echo checking
{HELD}
echo checked
"""


@pytest.fixture
def session(person: Person) -> str:
    """A session with work in a repository, whose hook holds a push."""
    repo, remote = person.home / "repo", person.home / "remote"
    (person.home / ".gitconfig").write_text("[user]\nname = A\nemail = a@b.example\n")
    git(person, "init", "-q", "--bare", "-b", "main", str(remote))
    git(person, "init", "-q", "-b", "main", str(repo))
    git(person, "-C", str(repo), "commit", "-q", "--allow-empty", "-m", "first")
    git(person, "-C", str(repo), "remote", "add", "origin", str(remote))
    git(person, "-C", str(repo), "push", "-q", "origin", "main")
    hook = repo / ".git" / "hooks" / "pre-push"
    hook.write_text(HOOK)
    hook.chmod(0o755)
    said = person.run("here", "echo new >file", *SHELL, "--repo", str(repo), "--json")
    return str(json.loads(said.out)["results"][0]["session_id"])


def git(person: Person, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], env=person.environment, capture_output=True, check=True, text=True
    )
    return done.stdout


def pushed(home: Path) -> list[str]:
    refs = home / "remote" / "refs" / "heads" / "dx"
    return [path.name for path in refs.iterdir()] if refs.exists() else []


@KILLED
@pytest.mark.sampled("which")
def test_a_pull_request_goes_on_where_the_engine_left_it(
    person: Person, session: str, which: int
) -> None:
    person.warm()
    process = person.dispatch("--finalize-pr", session)
    wait_until((person.home / "ready").exists)
    kill(person.family()[which])
    (person.home / "finish").touch()
    said = answer(process)

    assert "the remote is not a GitHub repository" in said.err  # it was pushed
    words = (said.out + said.err).splitlines()
    assert [words.count(word) for word in ("checking", "checked")] == [1, 1], said
    assert (person.home / "pushes").read_text() == "\n"
    assert pushed(person.home) == [session]


# without an engine, a killed Ansible is a lost connection


def test_a_turn_whose_ansible_was_killed_is_attached_to(person: Person) -> None:
    person.environment["DX_ENGINE"] = "off"
    process = person.dispatch("here", TASK, *SHELL)
    shown(process, BEFORE)
    kill(person.playbooks("start-session.yml")[0])
    (person.home / "finish").touch()
    said = answer(process)

    assert (said.code, said.out) == (0, AFTER), said.err
    assert len((person.home / "ran").read_text().splitlines()) == 1


def test_without_another_attempt_a_pull_request_is_to_be_finalized_again(
    person: Person, session: str
) -> None:
    person.environment["DX_ENGINE"] = "off"
    call = ("--finalize-pr", session, "--retries", "0")
    process = person.dispatch(*call)
    wait_until((person.home / "ready").exists)
    kill(person.playbooks("start-session.yml")[0])
    said = answer(process)
    (person.home / "finish").touch()

    assert said.code == 1
    assert f"finalize again: dx-dispatch --finalize-pr {session} --queue" in said.err
    assert "--logs" not in said.err
    del person.environment["DX_ENGINE"]  # the one of the beginning is still there
    again = person.run(*call, "--queue")
    assert "the remote is not a GitHub repository" in again.err
    assert pushed(person.home) == [session]
