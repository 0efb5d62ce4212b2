"""Rules of handing an issue of Beads to the agent of a VM, which here is this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.local_vm import LOCAL, use_inventory

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Person
    from tests.unit.cli.test_command import Answer

    Call = Callable[..., Answer]


pytestmark = pytest.mark.resident


@pytest.fixture
def vm(person: Person, inventory: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    """With an agent that keeps the prompt, and fails where it is told to."""
    script = 'cat >"$HOME/prompt"; ! grep -q "please fail" "$HOME/prompt"'
    agent = {"dx_agent": "reader", "dx_agents": {"reader": {"start": ["sh", "-c", script]}}}
    use_inventory(monkeypatch, inventory.with_name("readers.yml"), here=LOCAL | agent)
    return person


def test_the_agent_gets_the_prompt_and_the_issue_the_end(call: Call, vm: Person) -> None:
    answer = call("here", "--issue", "123", "--claim", "--wait", "--json")

    (result,) = answer.document["results"]
    assert (answer.code, result["outcome"], result["beads"]) == (0, "SUCCESS", "bd-123")
    prompt = (vm.home / "prompt").read_text()
    assert prompt.startswith("Work on issue bd-123.\n")
    assert "It is broken." in prompt
    assert vm.beads.issue("bd-123")["status"] == "in_progress"
    (comment,) = vm.beads.comments
    assert comment.startswith(f"dx-dispatch: session {result['session_id']} on here ended: SUCCESS")


@pytest.mark.parametrize("words", [(), ("--file", "task.txt", "--claim")], ids=["none", "a file's"])
def test_the_issue_of_beads_is_read_where_it_is_needed(
    call: Call, vm: Person, words: tuple[str, ...]
) -> None:
    Path("task.txt").write_text("It is broken: look", encoding="ascii")
    answer = call("here", "--beads", "bd-123", *words, "--wait", "--json")

    (result,) = answer.document["results"]
    assert (answer.code, result["beads"]) == (0, "bd-123")
    assert "It is broken" in (vm.home / "prompt").read_text()
    assert len(vm.beads.comments) == bool(words)


def test_without_need_beads_is_only_a_name(call: Call, vm: Person) -> None:
    answer = call("here", "look at it", "--beads", "other-7", "--wait", "--json")

    assert (answer.code, answer.document["results"][0]["beads"]) == (0, "other-7")
    assert vm.beads.state["calls"] == []


def test_of_a_session_that_is_not_waited_for_only_the_start_is_noted(
    call: Call, vm: Person
) -> None:
    answer = call("here", "Only look", "--issue", "bd-123", "--claim")

    assert answer.code == 0
    assert vm.beads.comments == [
        f"dx-dispatch started session {answer.out.decode().strip()} on here"
    ]
    assert call("--logs", answer.out.decode().strip(), "--follow").code == 0
    assert (vm.home / "prompt").read_text() == "Only look"


@pytest.mark.parametrize("place", ["--dir", "--repo"])
def test_an_issue_is_free_again_if_its_agent_found_no_place_to_work(
    call: Call, vm: Person, place: str
) -> None:
    answer = call("here", "--issue", "bd-123", place, "/no/such", "--claim", "--wait", "--json")

    assert (answer.code, answer.document["results"][0]["outcome"]) == (1, "FAILURE")
    assert vm.beads.issue("bd-123")["status"] == "open"
    assert not (vm.home / "prompt").exists()


def test_a_lapsed_claim_in_beads_is_taken_over_only_with_a_lease_and_a_repository(
    call: Call, vm: Person
) -> None:
    state = vm.beads.state
    state["issues"][0].update(assignee="ann", status="in_progress", lapsed=1_801)
    vm.beads.state = state
    task = ("here", "--issue", "bd-123", "--claim")
    lease, repo = ("--lease", "30m"), ("--repo", "/no/such")

    refused = [call(*task, *lease), call(*task, *repo)]
    taken = call(*task, *lease, *repo, "--wait")

    assert [each.code for each in (*refused, taken)] == [2, 2, 1]
    assert all("bd-123 is already claimed by ann" in each.err for each in refused)
    assert "issue_taken_over issue=bd-123 holder=ann" in taken.err
    issue = vm.beads.issue("bd-123")
    assert (issue["status"], issue["assignee"]) == ("open", "")


def test_what_an_issue_says_is_never_run_or_interpreted(call: Call, vm: Person) -> None:
    state = vm.beads.state
    attack = "{{ 7*7 }} $(touch ~/owned) `touch ~/owned` ; touch ~/owned '\"; touch ~/owned"
    state["issues"][0].update(title=attack, description=f"{attack}\nplease fail")
    vm.beads.state = state

    answer = call("here", "--issue", "bd-123", "--claim", "--wait")

    assert answer.code == 1
    assert (vm.home / "prompt").read_text().count(attack) == 2
    assert not (vm.home / "owned").exists()
    assert "ended: FAILURE\nreason: exit_nonzero" in vm.beads.comments[0]


@pytest.mark.parametrize("words", [("--issue", "bd-123"), ("--beads", "bd-123", "--claim")])
def test_an_agent_that_runs_its_task_never_gets_an_issue(
    call: Call, vm: Person, words: tuple[str, ...]
) -> None:
    state = vm.beads.state
    state["issues"][0].update(description=f"$(touch {vm.home}/owned)")
    vm.beads.state = state

    answer = call("here", *words, "--agent", "shell", "--wait", "--json")

    (result,) = answer.document["results"]
    assert (answer.code, result["reason"]) == (3, "agent_invalid")
    assert "would run the issue's text as a program" in result["error"]
    assert not (vm.home / "owned").exists()
    assert vm.beads.issue("bd-123")["status"] == "open"
    assert call("here", "exit 0", *words, "--agent", "shell", "--wait").code == 0


BLOCKED = {"dependencies": [{"id": "bd-7", "status": "open", "dependency_type": "blocks"}]}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"status": "closed"}, "bd-123 is closed; add --force to dispatch it anyway"),
        ({"status": "blocked"}, "bd-123 is marked as blocked; add --force"),
        (BLOCKED, "bd-123 is blocked by bd-7; add --force"),
    ],
)
@pytest.mark.parametrize("target", ["here", "--jules"])
def test_a_closed_or_blocked_issue_is_dispatched_only_by_force(
    call: Call, vm: Person, target: str, changes: dict[str, object], text: str
) -> None:
    state = vm.beads.state
    state["issues"][0].update(changes)
    vm.beads.state = state

    for more in ([], ["--dry-run"], ["In my words", "--claim"]):
        refused = call(target, *more[:1], "--issue", "bd-123", *more[1:])
        assert (refused.code, refused.out) == (2, b"")
        assert text in refused.err
    assert (vm.jules.sessions, (vm.home / "prompt").exists()) == ({}, False)
    assert vm.beads.issue("bd-123")["status"] == {"status": "open", **changes}["status"]
    forced = call(target, "--issue", "bd-123", "--force", "--wait")

    assert forced.code == 0, forced.err
    assert (vm.home / "prompt").exists() is (target == "here")


@pytest.mark.parametrize("option", ["--issue", "--beads"])
def test_a_part_of_an_id_that_beads_knows_is_said(call: Call, vm: Person, option: str) -> None:
    answer = call("here", option, "12", "--wait", "--json")

    assert (answer.code, answer.document["results"][0]["beads"]) == (0, "bd-123")
    assert "issue_resolved asked=12 issue=bd-123" in answer.err
    assert (vm.home / "prompt").read_text().startswith("Work on issue bd-123.\n")


def test_force_is_of_an_issue_only(call: Call) -> None:
    answer = call("here", "look at it", "--force")

    assert (answer.code, answer.out) == (2, b"")
    assert "--force is of no use without --issue" in answer.err
