"""Rules of reading what Jules says: without trust."""

from __future__ import annotations

from typing import Any

import pytest

from dxansible.jules.model import Activity, Session, Source

ODD: list[dict[str, Any]] = [
    {},
    {"name": 7, "id": None, "state": [], "outputs": {}, "sourceContext": "x", "title": {}},
    {"outputs": [None, 7, {"pullRequest": "x"}, {"pullRequest": {"url": 7}}], "githubRepo": []},
    {"artifacts": [None, {"bashOutput": 7}], "planGenerated": None, "agentMessaged": []},
]


@pytest.mark.parametrize("record", ODD)
def test_nothing_that_is_odd_breaks_it(record: dict[str, Any]) -> None:
    session = Session.of(record)
    assert (session.id, session.state, session.pull_request) == ("", "STATE_UNSPECIFIED", None)
    assert not session.ended
    assert Source.of(record).default_branch is None
    assert Activity.of(record).failure is None


PATCH = {"gitPatch": {"unidiffPatch": "diff --git a\n\ndiff --git b"}}
TOKEN = "\x1b]0;x\x07 ghp_" + "a" * 36
ACTIVITIES: list[tuple[dict[str, Any], str]] = [
    ({"agentMessaged": {"agentMessage": "two\nlines"}}, "jules: two\nlines\n"),
    ({"userMessaged": {"userMessage": "hello"}}, "user: hello\n"),
    ({"planApproved": {"planId": "1"}}, "plan approved\n"),
    ({"progressUpdated": {"title": "a", "description": "b"}}, "a: b\n"),
    ({"progressUpdated": {"description": "b"}}, "b\n"),
    ({"sessionCompleted": {}}, "completed\n"),
    ({"sessionFailed": {"reason": "no"}}, "failed: no\n"),
    ({"sessionFailed": {}}, "failed: no reason given\n"),
    ({"somethingNew": {}, "description": "what it is"}, "what it is\n"),
    ({"somethingNew": {}}, ""),
    ({"artifacts": [{"bashOutput": {"command": "ls", "output": "a"}}]}, "$ ls\na\nexit code 0\n"),
    ({"artifacts": [{"bashOutput": {"command": "x", "exitCode": 3}}]}, "$ x\n\nexit code 3\n"),
    ({"artifacts": [{"media": {"data": "AAAA", "mimeType": "image/png"}}]}, ""),
    ({"artifacts": [{"changeSet": PATCH}]}, "changes so far: 2 file(s)\n"),
    ({"agentMessaged": {"agentMessage": TOKEN}}, "jules: \\x1b]0;x\\x07 ***\n"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "text"), ACTIVITIES)
def test_each_activity_is_text(record: dict[str, Any], text: str) -> None:
    assert Activity.of(record).text == text


def test_the_id_is_that_of_the_name_and_stays_a_string() -> None:
    assert Session.of({"name": "sessions/00123", "id": "9"}).id == "00123"
    assert Session.of({"id": "9"}).id == "9"


def test_of_several_pull_requests_the_last_counts() -> None:
    outputs = [{"pullRequest": {"url": "u1"}}, {"changeSet": {}}, {"pullRequest": {"url": "u2"}}]

    assert Session.of({"outputs": outputs}).pull_request == "u2"
