"""Rules of a session in a directory that was chosen for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

pytestmark = pytest.mark.resident

CONVERSATION = "1a64e7a9-0eb4-4289-9c29-0955146cb409"


def test_a_session_works_in_the_directory_that_was_chosen_and_stays_there(
    user: Dispatcher, epyc6: Vm
) -> None:
    user.run("epyc6", "--exec", 'mkdir -p "it\'s mine"')
    first = user.run("epyc6", "pwd -L", "--dir", "~/it's mine", "--wait", "--json").result
    session = first["session_id"]
    second = user.run("--session", session, "pwd", "--wait", "--json").result

    for result in (first, second):
        assert (result["outcome"], result["directory"]) == ("SUCCESS", f"{epyc6.home}/it's mine")
        assert result["message"] == f"{epyc6.home}/it's mine\n"
        assert (result["branch"], result["changes"]) == (None, None)


def test_a_directory_that_is_not_there_is_told_and_the_task_not_begun(user: Dispatcher) -> None:
    result = user.run("epyc6", "echo begun", "--dir", "no/where", "--wait", "--json").result

    assert (result["outcome"], result["reason"]) == ("FAILURE", "directory_unusable")
    assert "/no/where is not a directory on this VM" in result["error"]
    assert "begun" not in (result["message"] or "")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--repo", "~/a"], "--dir and --repo can't be used together"),
        (["--session", "ses_0123456789abcdef-54150442"], "a session can't change its directory"),
    ],
)
def test_a_directory_is_refused_where_the_place_is_given_already(
    user: Dispatcher, options: list[str], words: str
) -> None:
    answer = user.run("epyc6", "exit 0", "--dir", "~", *options)

    assert (answer.code, answer.out) == (2, b"")
    assert words in answer.err.decode()


def test_a_conversation_of_an_agent_that_cannot_say_where_is_not_begun_anywhere(
    user: Dispatcher,
) -> None:
    options = ("--agent", "vague", "--session", CONVERSATION, "--wait", "--json")
    refused = user.run("epyc6", "Continue", *options).result
    chosen = user.run("epyc6", "Continue", *options, "--dir", "~").result

    assert (refused["outcome"], refused["reason"]) == ("FAILURE", "directory_unusable")
    assert "--dir PATH" in refused["error"]
    assert (chosen["outcome"], chosen["turn"]) == ("SUCCESS", 1)
