"""Rules of the command line about agents' sessions, with this machine as the VM."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.session import session_id

from tests.unit.cli import test_command as test_cli
from tests.unit.local_vm import LOCAL, use_inventory
from tests.unit.run import records
from tests.unit.run.test_listing import said

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.test_command import Answer

    Call = Callable[..., Answer]

pytestmark = pytest.mark.resident

call = test_cli.call
NEVER = session_id("ses_never", "here")
SHELL = ("--agent", "shell")
GO = "until [ -e ~/go ]; do sleep 0.05; done; "


def test_a_task_that_is_waited_for_shows_what_is_said_and_how_it_ended(call: Call) -> None:
    answer = call("here", "echo hello; echo err >&2", *SHELL, "--wait", "--beads", "bd-1")

    assert (answer.code, answer.out) == (0, b"hello\n")
    lines = answer.err.splitlines()
    assert [line.split()[0] for line in lines] == [
        "preflight_ok", "session_started", "err", "success", "here",
    ]  # fmt: skip
    assert re.fullmatch(
        r"here  SUCCESS           ses_[0-9a-f]{16}-[0-9a-f]{8}  turn 1  \d+\.\d s", lines[-1]
    )


def test_a_task_that_is_not_waited_for_prints_its_id_to_come_back_with(
    call: Call, home: Path
) -> None:
    started = call("here", GO + "echo first", *SHELL)
    session = started.out.decode().strip()
    assert (started.code, started.out) == (0, f"{session}\n".encode())
    assert [line.split()[0] for line in started.err.splitlines()] == [
        "preflight_ok",
        "session_started",
    ]

    (home / "go").touch()
    more = call("--session", session, "echo second", "--wait", "--queue", "--json").document
    assert (more["outcome"], more["exit_code"]) == ("SUCCESS", 0)
    assert (more["results"][0]["turn"], more["results"][0]["message"]) == (2, "second\n")

    followed = call("--logs", session, "--raw", "--follow")
    assert (followed.code, followed.out) == (0, b"first\nsecond\n")
    assert followed.err == f"here  SUCCESS           {session}  turn 2\n"


def test_a_session_is_looked_at_stopped_and_cleaned_away(call: Call) -> None:
    document = call("here", "echo up; sleep 60", *SHELL, "--json").document
    (result,) = document["results"]
    session = result["session_id"]
    assert (document["outcome"], result["state"]) == (None, "running")

    logs = call("--logs", session, "--raw")
    assert (logs.code, logs.out) == (0, b"up\n")
    assert (
        logs.err
        == f"here  running  goes on; come back with: dx-dispatch --logs {session} --follow\n"
    )

    status = call("--status", session)
    assert status.code == 0
    assert {"session", "vm", "state", "agent", "turns", "task"} <= {
        line.partition(" ")[0] for line in status.out.decode().splitlines()
    }
    assert re.search(r"^state +running$", status.out.decode(), re.MULTILINE)

    aborted = call("--abort", session, "--json")
    assert aborted.document["outcome"] == "ABORTED"
    # whatever else this user starts meanwhile could have slipped away from the task
    verified = aborted.document["results"][0]["stop_verified"]
    assert aborted.code == aborted.document["exit_code"] == (0 if verified else 1)

    known = call("--status", session, "--json").document
    assert (known["session"]["state"], known["last_turn"]["outcome"]) == ("aborted", "ABORTED")

    cleaned = call("--clean", "here", "--age", "0", "--json").document
    assert cleaned["hosts"][0]["host"] == "here"
    assert {*cleaned["hosts"][0]["removed"], *cleaned["hosts"][0]["kept"]} == {session}


def test_a_stop_that_is_not_verified_is_a_failure(call: Call, playbooks: Path) -> None:
    stop: dict[str, Any] = {
        "kind": "stop", "id": NEVER, "outcome": "ABORTED", "reason": "aborted",
        "error": "here: aborted", "exit_code": None, "stop_verified": False, "left_running": 0,
    }  # fmt: skip
    said(playbooks, "stop-session.yml", {"here": records.PREFLIGHT}, {"here": stop})

    answer = call("--abort", NEVER)

    assert (answer.code, answer.out) == (1, b"")
    assert re.fullmatch(rf"here  ABORTED           {NEVER}  \d+\.\d s  aborted\n", answer.err)


def test_sessions_of_a_vm_that_does_not_answer_are_not_known(
    call: Call, inventory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = LOCAL | {"dx_hostnames": ["elsewhere"]}
    use_inventory(monkeypatch, inventory.with_name("elsewhere.yml"), here=elsewhere)

    answer = call("--sessions")
    assert (answer.code, answer.out) == (3, b"")
    assert answer.err.startswith("  here")

    document = call("--sessions", "--json").document
    assert (document["exit_code"], document["sessions"], list(document["errors"])) == (
        3,
        [],
        ["here"],
    )


@pytest.mark.parametrize(("error", "code"), [(None, 0), ("here: its disk is full", 1)])
def test_a_clean_up_says_what_was_removed(
    call: Call, playbooks: Path, error: str | None, code: int
) -> None:
    record = {"kind": "clean", "removed": ["a"], "kept": {"b": "has work"}, "error": error}
    said(playbooks, "clean-sessions.yml", {"here": records.PREFLIGHT}, {"here": record})

    answer = call("--clean", "here", "--yes")

    assert answer.code == code
    assert answer.out.decode().endswith("\n  kept b: has work\n")
    assert (error or "here: 1 session(s) removed") in answer.out.decode()


def test_an_id_of_no_session_is_an_error(call: Call) -> None:
    answer = call("--status", NEVER, "--json")

    assert (answer.code, answer.document["error"]["type"]) == (2, "UnknownSessionError")
    assert answer.document["error"]["remedy"] == "see: dx-dispatch --sessions"


def test_a_host_is_chosen_for_the_agent_of_the_call_and_it_says_why(call: Call) -> None:
    answer = call("any:gpu", "echo hello", "--wait", "-q", *SHELL)

    assert (answer.code, answer.out) == (0, b"hello\n")
    assert re.fullmatch(
        r"here chosen: load \d+\.\d\d, the only free host of 1", answer.err.splitlines()[0]
    )


def test_where_no_host_is_free_nothing_starts(
    call: Call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = LOCAL | {"dx_agent": "none", "dx_agents": {"none": {"start": ["no-such-agent"]}}}
    use_inventory(monkeypatch, home / "missing.yml", here=missing)
    text = "no host of here is free: here: its agent none is not installed"

    answer = call("any:here", "echo hello", "-q")
    assert (answer.code, answer.out, answer.err) == (3, b"", f"dx-dispatch: {text}\n")

    document = call("any:here", "echo hello", "--json").document
    assert (document["exit_code"], document["error"]["message"]) == (3, text)


def test_any_of_nothing_is_no_host(call: Call) -> None:
    answer = call("any:", "echo hello")

    assert answer.code == 2
    assert answer.err.startswith("dx-dispatch: TARGET is empty; write all if you mean every VM")


def test_of_several_hosts_the_worst_counts_and_lines_have_names(call: Call) -> None:
    task = "echo up; ! mkdir ~/first || exit 3"

    answer = call("all", task, "--wait", *SHELL)

    assert answer.code == 1
    assert sorted(answer.out.splitlines()) == [b"here | up", b"twin | up"]
    assert sorted(line.split()[1] for line in answer.err.splitlines()[-2:]) == [
        "FAILURE",
        "SUCCESS",
    ]


def test_a_task_works_in_a_repository_of_its_vm(call: Call, home: Path) -> None:
    for arguments in (
        ["init", "-q", str(home / "app")],
        ["-C", str(home / "app"), "-c", "user.name=F", "-c", "user.email=f@example.org",
         "commit", "-q", "--allow-empty", "-m", "first"],
    ):  # fmt: skip
        subprocess.run(["git", *arguments], check=True)

    answer = call(
        "here", "echo >new", *SHELL, "--wait", "--repo", "~/app", "--beads", "bd-1", "--verify",
        "[ -e new ]",
    )  # fmt: skip

    assert answer.code == 0
    assert answer.err.splitlines()[-1].endswith("1 file(s) changed, not all committed on dx/bd-1")
