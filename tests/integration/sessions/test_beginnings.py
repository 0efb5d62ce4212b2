"""The beginning of an id does as well as the whole, as long as it fits one session alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import begin

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher

pytestmark = pytest.mark.resident


def _ended(user: Dispatcher, *call: str) -> str:
    answer = user.run(*call, "--wait", "--json")
    assert answer.code == 0, answer.err
    return str(answer.result["session_id"])


def test_a_session_goes_on_by_the_beginning_of_its_id(user: Dispatcher) -> None:
    session = _ended(user, "epyc6", "echo one")

    for target in ((), ("epyc6",), ("gpu",)):
        assert _ended(user, *target, "--session", session[:14], "echo two") == session

    elsewhere = user.run("macmini", "--session", session[:14], "echo two", "--json")
    assert (elsewhere.code, elsewhere.document["error"]["type"]) == (2, "UnknownSessionError")


def test_the_beginning_of_several_sessions_is_refused_with_all_of_them(user: Dispatcher) -> None:
    sessions = sorted(_ended(user, host, "echo one") for host in ("epyc6", "macmini"))

    for call in (("--session", "ses_", "echo two"), ("--finalize-pr", "ses_")):
        answer = user.run(*call, "--json")
        assert (answer.code, answer.document["error"]["type"]) == (2, "UsageError")
        assert " ids begin with ses_" in answer.document["error"]["message"]
    shared = 5
    while sessions[0][:shared] == sessions[1][:shared]:
        shared += 1
    assert _ended(user, "--session", sessions[1][: shared + 10], "echo two") == sessions[1]


def test_a_pull_request_takes_the_beginning_of_a_session_and_no_command(user: Dispatcher) -> None:
    session = _ended(user, "epyc6", "echo one")
    command = user.run("epyc6", "--exec", "true", "--json").result["session_id"]

    refused = user.run("--finalize-pr", command[:14], "--json")
    answer = user.run("--finalize-pr", session[:14], "--json")

    assert refused.code == 2
    assert "is a command, and no session" in refused.document["error"]["message"]
    assert (answer.result["session_id"], answer.result["reason"]) == (session, "repo_unusable")


def test_a_dry_run_needs_the_whole_id_or_the_vm(user: Dispatcher) -> None:
    session = begin(user, "echo one")

    refused = user.run("--session", session[:14], "echo two", "--dry-run")
    shown = user.run("epyc6", "--session", session[:14], "echo two", "--dry-run")

    assert (refused.code, refused.out, shown.code) == (2, b"", 0)
    assert b"give the whole id, or name the VM" in refused.err
