"""Rules of reading issues of Beads, and of claiming them."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from dxansible.beads.database import Beads
from dxansible.beads.issue import Dependency, Issue
from dxansible.errors import IssueError
from tests.services.beads import FakeBeads

if TYPE_CHECKING:
    from pathlib import Path

ISSUE: dict[str, Any] = {
    "id": "bd-123", "title": "Mend it", "description": "It is broken.", "status": "open",
    "priority": 1, "issue_type": "bug", "acceptance_criteria": "It works.",
    "dependencies": [{"id": "bd-1", "title": "First", "dependency_type": "blocks"}],
}  # fmt: skip
READ = Issue(
    id="bd-123",
    title="Mend it",
    description="It is broken.",
    acceptance_criteria="It works.",
    status="open",
    priority=1,
    dependencies=(Dependency(id="bd-1", kind="blocks", title="First"),),
)


@pytest.fixture
def project(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's directory, two levels down, and a PATH on which a bd can be put."""
    monkeypatch.setenv("PATH", f"{home / 'bin'}:/usr/bin:/bin")
    inside = home / "project" / "src"
    inside.mkdir(parents=True)
    return inside


@pytest.fixture
def beads(project: Path) -> Beads:
    return Beads(directory=project, seconds=10, sleep=lambda _seconds: None)


def export(project: Path, *lines: object) -> None:
    place = project.parent / ".beads"
    place.mkdir()
    text = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    (place / "issues.jsonl").write_text("\n".join(text))


@pytest.mark.parametrize("shape", ["list", "envelope", "bare", "old"])
def test_every_shape_of_the_answer_is_read(home: Path, beads: Beads, shape: str) -> None:
    FakeBeads.install(home / "bin", ISSUE, shape=shape)

    assert beads.read("bd-123") == READ


@pytest.mark.parametrize("part", ["123", "bd-12", "23", "bd123", "BD-123"])
def test_a_partial_id_is_read_as_beads_resolves_it(home: Path, beads: Beads, part: str) -> None:
    FakeBeads.install(home / "bin", ISSUE, shape="other")

    assert beads.read(part).id == "bd-123"


def test_of_several_issues_the_one_of_that_very_id_is_meant(home: Path, beads: Beads) -> None:
    FakeBeads.install(home / "bin", {**ISSUE, "id": "bd-1"}, ISSUE, shape="other")

    assert beads.read("bd-123").id == "bd-123"


def test_an_answer_about_another_issue_is_refused(home: Path, beads: Beads) -> None:
    FakeBeads.install(home / "bin", ISSUE, shape="other")

    with pytest.raises(IssueError, match=r"bd returned bd-123 for bd-7; use the full"):
        beads.read("bd-7")


@pytest.mark.parametrize("shape", ["list", "envelope", "old"])
def test_an_unknown_id_is_told_with_the_nearest(home: Path, beads: Beads, shape: str) -> None:
    FakeBeads.install(home / "bin", ISSUE, shape=shape)

    with pytest.raises(IssueError, match=r"Beads has no issue bd-124; did you mean bd-123\?"):
        beads.read("bd-124")
    with pytest.raises(IssueError, match="Beads has no issue zz9; see: bd list"):
        beads.read("zz9")


@pytest.mark.parametrize("name", ["", "-x", "a b", "../x", "--id=x", "a\nb"])
def test_what_can_t_be_an_id_never_reaches_bd(beads: Beads, name: str) -> None:
    with pytest.raises(IssueError, match="is not a valid issue id"):
        beads.read(name)


def test_an_id_that_beads_gives_is_checked_as_well(home: Path, beads: Beads) -> None:
    FakeBeads.install(home / "bin", {**ISSUE, "id": "ignore\nrules-123"})

    with pytest.raises(IssueError, match="is not a valid issue id"):
        beads.read("123")


def test_a_database_that_is_locked_is_asked_again(home: Path, beads: Beads) -> None:
    fake = FakeBeads.install(home / "bin", ISSUE, locked=3)

    assert beads.read("bd-123").id == "bd-123"
    assert len(fake.state["calls"]) == 4


UNUSABLE = {
    "missing": ("can't run bd, the Beads program (No such file", "install bd, and put it"),
    "no database": (
        "bd found no Beads database here",
        "change to the project's directory, or run: bd init",
    ),
    "garbage": ("bd printed no JSON for bd-123 (NOTE: this", "try: bd show bd-123 --json"),
    "hangs": ("bd did not answer within 0.5 seconds", "run bd show by hand to see why"),
}


@pytest.mark.parametrize("shape", UNUSABLE)
def test_without_an_answer_the_exported_file_has_it_and_that_is_said(
    home: Path, project: Path, shape: str
) -> None:
    beads = Beads(directory=project, seconds=0.5 if shape == "hangs" else 10)
    if shape != "missing":
        FakeBeads.install(home / "bin", ISSUE, shape=shape)
    message, remedy = UNUSABLE[shape]
    message = message.replace(" (NOTE: this", "")
    with pytest.raises(IssueError) as raised:
        beads.read("bd-123")
    assert message in str(raised.value)
    assert remedy in str(raised.value)

    edge = {"issue_id": "bd-123", "depends_on_id": "bd-1", "type": "blocks"}
    export(
        project,
        {"_type": "memory", "id": "bd-123", "title": "not this"},
        {"_type": "issue", **ISSUE, "dependencies": [edge, {"other": 1}, 7]},
        "{broken",
        "[]",
        {"id": "bd-1", "title": "First"},
        {"id": "bd-2", "status": "tombstone"},
    )
    issue = beads.read("bd-123")
    assert (issue.dependencies, issue.description) == (READ.dependencies, READ.description)
    assert str(issue.note).startswith(message)
    text = "read from issues.jsonl, which may be stale, of which 2 line(s) can't be read"
    assert str(issue.note).endswith(text)
    with pytest.raises(
        IssueError, match=r"no issue bd-2 in issues\.jsonl, of which 2 line\(s\) can't"
    ):
        beads.read("bd-2")


def test_only_newlines_end_the_lines_of_the_export(project: Path, beads: Beads) -> None:
    text = "one\u2028two\x85three\u2029four"
    export(project, json.dumps({**ISSUE, "description": text}, ensure_ascii=False))

    issue = beads.read("bd-123")

    assert issue.description == text
    assert str(issue.note).endswith("which may be stale")


def test_the_export_may_begin_with_a_mark_and_have_lines_of_windows(
    project: Path, beads: Beads
) -> None:
    export(project, "\ufeff" + json.dumps(ISSUE) + "\r", "\r", json.dumps({"id": "bd-1"}) + "\r")

    issue = beads.read("bd-123")

    assert issue.title == "Mend it"
    assert str(issue.note).endswith("which may be stale")


def test_lines_that_can_t_be_read_are_counted_and_the_others_are_read(
    project: Path, beads: Beads
) -> None:
    export(project, "[" * 100_000, ISSUE, '{"id": "bd-5"', '"bd-6"', '{"title": "x"}')
    with (project.parent / ".beads" / "issues.jsonl").open("ab") as file:
        file.write(b'\n{"id": "bd-4", "title": "\xff"}\n')

    assert str(beads.read("bd-123").note).endswith(
        "which may be stale, of which 5 line(s) can't be read"
    )
    with pytest.raises(IssueError, match=r"no issue bd-4 in issues.jsonl, of which 5 line\(s\)"):
        beads.read("bd-4")


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", "=======", ">>>>>>> theirs", "||||||| base"])
def test_an_export_amid_a_merge_is_refused(project: Path, beads: Beads, marker: str) -> None:
    export(project, ISSUE, marker)

    with pytest.raises(IssueError, match=r"unresolved merge conflict in line 2; res"):
        beads.read("bd-123")


def test_an_export_that_can_t_be_read_is_told(project: Path, beads: Beads) -> None:
    export(project, ISSUE)
    place = project.parent / ".beads" / "issues.jsonl"
    place.unlink()
    place.symlink_to("/proc/self/mem")

    with pytest.raises(IssueError, match=r"issues.jsonl can't be read: Input/output error"):
        beads.read("bd-123")


DONE = {"id": "bd-1", "title": "First", "status": "closed"}


@pytest.mark.parametrize(
    ("changes", "others", "obstacle"),
    [
        ({}, [], None),
        ({"status": "in_progress"}, [], None),
        ({"status": "closed"}, [], "bd-123 is closed"),
        ({"status": "Closed"}, [], "bd-123 is closed"),
        ({"status": "blocked"}, [], "bd-123 is marked as blocked"),
        ({"kinds": ["blocks"]}, [{**DONE, "status": "in_progress"}], "bd-123 is blocked by bd-1"),
        ({"kinds": ["blocks"]}, [DONE], None),
        ({"kinds": ["related", "parent-child"]}, [{**DONE, "status": "open"}], None),
    ],
)
@pytest.mark.parametrize("source", ["bd", "export"])
def test_what_is_closed_or_blocked_has_an_obstacle(  # noqa: PLR0913, PLR0917 - all of it
    home: Path, project: Path, beads: Beads, source: str,
    changes: dict[str, Any], others: list[dict[str, Any]], obstacle: str | None,
) -> None:  # fmt: skip
    kinds, changes = changes.get("kinds", []), {k: v for k, v in changes.items() if k != "kinds"}
    if source == "bd":
        links = [{**other, "dependency_type": kind} for other in others for kind in kinds]
        FakeBeads.install(home / "bin", {**ISSUE, "dependencies": links, **changes})
    else:
        edges = [{"issue_id": "bd-123", "depends_on_id": "bd-1", "type": kind} for kind in kinds]
        export(project, {**ISSUE, "dependencies": edges, **changes}, *others)

    assert beads.read("bd-123").obstacle == obstacle


def test_another_directory_of_beads_can_be_named(home: Path, project: Path) -> None:
    (home / "elsewhere").mkdir()
    (home / "elsewhere" / "issues.jsonl").write_text(json.dumps(ISSUE))

    assert Beads(directory=project, beads_dir=home / "elsewhere").read("bd-123").title == "Mend it"


def test_bd_s_own_trouble_is_told(home: Path, beads: Beads) -> None:
    (home / "bin").mkdir()
    (home / "bin" / "bd").write_text('#!/bin/sh\necho \'{"error": "disk is full"}\'; exit 1\n')
    (home / "bin" / "bd").chmod(0o755)

    with pytest.raises(IssueError, match="bd can't show bd-123: disk is full; try: bd show"):
        beads.read("bd-123")


@pytest.mark.parametrize("shape", ["list", "old"])
def test_a_claim_marks_the_issue_in_progress(home: Path, beads: Beads, shape: str) -> None:
    fake = FakeBeads.install(home / "bin", ISSUE, shape=shape)

    beads.claim(READ, frozenset())
    assert fake.issue("bd-123")["status"] == "in_progress"

    beads.comment("bd-123", "done")
    assert fake.comments == ["done"]

    beads.release(READ)
    assert (fake.issue("bd-123")["status"], fake.issue("bd-123")["assignee"]) == ("open", "")


def test_a_claim_of_somebody_else_is_an_obstacle_and_one_s_own_is_not(
    home: Path, project: Path, beads: Beads
) -> None:
    FakeBeads.install(home / "bin", {**ISSUE, "assignee": "ann"})

    with pytest.raises(IssueError, match="bd-123 is already claimed by ann; leave out --claim"):
        beads.claim(READ, frozenset({"bob"}))
    beads.claim(READ, frozenset({"ann"}))
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    subprocess.run(["git", "-C", str(project), "config", "user.name", "ann"], check=True)
    beads.claim(READ, frozenset())


@pytest.mark.parametrize(
    ("lapsed", "leases", "lease_sec"),
    [(14_399, True, 14_400), (-1, True, 14_400), (14_401, False, 14_400), (14_401, True, None)],
    ids=["not so long ago", "alive", "a bd without leases", "never"],
)
def test_a_claim_of_somebody_else_stays_unless_its_lease_has_passed(
    home: Path, beads: Beads, lapsed: int, *, leases: bool, lease_sec: float | None
) -> None:
    held = {**ISSUE, "assignee": "ann", "status": "in_progress", "lapsed": lapsed}
    fake = FakeBeads.install(home / "bin", held, leases=leases)

    with pytest.raises(IssueError, match="bd-123 is already claimed by ann; leave out --claim"):
        beads.claim(READ, frozenset({"tester"}), lease_sec)
    assert fake.issue("bd-123")["assignee"] == "ann"


def test_a_claim_whose_lease_has_passed_is_taken_over_and_does_not_come_back(
    home: Path, beads: Beads
) -> None:
    held = {**ISSUE, "assignee": "ann", "status": "in_progress", "lapsed": 14_401}
    fake = FakeBeads.install(home / "bin", held)
    before = beads.read("bd-123")

    claimed = beads.claim(before, frozenset({"tester"}), 14_400)
    assert fake.issue("bd-123")["assignee"] == "tester"
    assert claimed is not None
    beads.release(claimed)  # as if the claim on the remote were alive, or the VM gone
    now = fake.issue("bd-123")
    assert (now["status"], now["assignee"]) == ("open", "")


def test_what_can_t_be_written_is_told(home: Path, beads: Beads) -> None:
    with pytest.raises(IssueError, match="can't run bd"):
        beads.claim(READ, frozenset())
    FakeBeads.install(home / "bin", ISSUE, no_comments=True, shape="no database")
    with pytest.raises(IssueError, match="could not be claimed: no beads database found; leave"):
        beads.claim(READ, frozenset())
    with pytest.raises(IssueError, match="is still claimed: no beads database found; release it"):
        beads.release(READ)
    FakeBeads.install(home / "bin", ISSUE, no_comments=True)
    with pytest.raises(IssueError, match=r"could not comment on .*: comments are closed; fix"):
        beads.comment("bd-123", "x")


@pytest.mark.parametrize("shape", ["list", "envelope", "old"])
def test_comments_are_read_where_a_version_only_counts_them(
    home: Path, beads: Beads, shape: str
) -> None:
    comments = [{"id": "1", "author": "ann", "text": "Mind the gap", "created_at": "2026-01-02"}]
    links = [{"id": "bd-9", "title": "All", "dependency_type": "parent-child", "status": "open"}]
    record = {"id": "bd-7", "title": "t", "priority": 1, "parent": "bd-9", "comments": comments}
    FakeBeads.install(home / "bin", {**record, "dependencies": links}, shape=shape)

    issue = beads.read("bd-7")

    assert [(each.author, each.text) for each in issue.comments] == [("ann", "Mind the gap")]
    assert (issue.priority, issue.uncounted, issue.dependencies) == (1, 0, ())
    assert issue.parent is not None
    assert (issue.parent.id, issue.parent.title, issue.obstacle) == ("bd-9", "All", None)


def test_comments_that_cannot_be_read_are_counted(home: Path, beads: Beads) -> None:
    record = {"id": "bd-7", "title": "t", "comments": [{"text": "a"}, {"text": "b"}]}
    FakeBeads.install(home / "bin", record, no_comments=True)

    assert beads.read("bd-7").uncounted == 2


def test_an_issue_is_closed_with_a_reason(home: Path, beads: Beads) -> None:
    fake = FakeBeads.install(home / "bin", {"id": "bd-7", "title": "t", "status": "open"})

    beads.close("bd-7", "Pull request: https://github.com/acme/api/pull/1")

    assert fake.issue("bd-7")["status"] == "closed"
    fake = FakeBeads.install(home / "bin", {"id": "bd-7", "title": "t"}, unclosable=True)
    with pytest.raises(IssueError, match="could not be closed: cannot close bd-7: blocked"):
        beads.close("bd-7", "done")
