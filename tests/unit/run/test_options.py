"""Rules of the options of commands and of tasks, and of their texts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dxansible.errors import UsageError
from dxansible.run.calls import TaskCall
from dxansible.run.options import (
    FanoutOptions,
    SessionOptions,
    check_seconds,
    check_text,
)

if TYPE_CHECKING:
    from dxansible.settings import Settings


def test_the_defaults_are_those_of_the_specification(settings: Settings) -> None:
    options = FanoutOptions(settings=settings)

    assert (options.timeout_sec, options.max_retries, options.retry_delay_sec) == (60, 1, 2)
    assert (options.preflight, options.batch_mode, options.log_callback) == (True, True, None)


@pytest.mark.usefixtures("home")
def test_without_settings_those_of_the_environment_count() -> None:
    assert FanoutOptions().settings.playbooks.name == "playbooks"


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout_sec": 0},
        {"timeout_sec": -1},
        {"timeout_sec": float("inf")},
        {"timeout_sec": float("nan")},
        {"preflight_timeout_sec": 0},
        {"retry_delay_sec": -0.1},
        {"retry_delay_sec": float("inf")},
        {"max_retries": -1},
        {"forks": 0},
        {"run_id": "../x"},
        {"env": {"A B": "x"}},
    ],
)
def test_a_value_that_makes_no_sense_is_a_usage_error(
    settings: Settings, wrong: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match=r"(is|can't be) .*; (give|use) "):
        replace(FanoutOptions(settings=settings), **wrong)


@pytest.mark.parametrize(
    "right", [{"retry_delay_sec": 0}, {"max_retries": 0}, {"forks": 1}, {"run_id": "deploy_42"}]
)
def test_the_smallest_value_that_makes_sense_is_taken(
    settings: Settings, right: dict[str, Any]
) -> None:
    changed = replace(FanoutOptions(settings=settings), **right)

    assert {name: getattr(changed, name) for name in right} == right


def test_zero_seconds_make_sense_only_where_they_are_said_to() -> None:
    check_seconds("retry delay", 0, zero=True)
    with pytest.raises(UsageError, match="timeout is 0; give a number of seconds above 0"):
        check_seconds("timeout", 0)


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("make test", b"make test"),
        ("grün", "grün".encode()),
        ("\udcff", b"\xff"),
        (b"\xff\n", b"\xff\n"),
        (" {{ 7*7 }} \n", b" {{ 7*7 }} \n"),
    ],
)
def test_a_command_is_passed_on_byte_for_byte(command: str | bytes, text: bytes) -> None:
    assert check_text(command, "command") == text


@pytest.mark.parametrize("command", ["", " \n\t", b""])
def test_nothing_is_no_command(command: str | bytes) -> None:
    with pytest.raises(UsageError, match="the command is empty; give one"):
        check_text(command, "command")


def test_a_command_with_a_nul_byte_is_refused_and_not_cut_off() -> None:
    with pytest.raises(UsageError, match="the command has a NUL byte; no shell accepts one"):
        check_text("echo a\0b", "command")


# of tasks


def test_without_a_word_all_is_as_the_inventory_says(settings: Settings) -> None:
    assert SessionOptions(settings=settings).variables() == {
        "dx_plan": False,
        "dx_queue": False,
        "dx_task_is_data": False,
        "dx_wait": False,
        "dx_max_retries": 1,
        "dx_retry_delay": 2.0,
        "dx_preflight_timeout": 5.0,
    }


def test_what_is_given_reaches_the_playbook(settings: Settings) -> None:
    options = SessionOptions(
        agent="shell", repo="~/app", beads="bd-1", queue=True, wait=True, timeout_sec=9.5,
        idle_timeout_sec=3.0, max_retries=0, settings=settings,
    )  # fmt: skip

    assert options.variables() == {
        "dx_agent": "shell",
        "dx_repo": "~/app",
        "dx_beads": "bd-1",
        "dx_session_timeout": 9.5,
        "dx_idle_timeout": 3.0,
        "dx_plan": False,
        "dx_queue": True,
        "dx_task_is_data": False,
        "dx_wait": True,
        "dx_max_retries": 0,
        "dx_retry_delay": 2.0,
        "dx_preflight_timeout": 5.0,
    }


def test_the_session_to_go_on_with_reaches_the_playbook(settings: Settings) -> None:
    assert SessionOptions(session="ses_1", settings=settings).variables()["dx_session"] == "ses_1"


@pytest.mark.parametrize("beads", ["bd-123", "a", "app.4", "A_b-c.d", "x" * 100, "0"])
def test_the_id_of_an_issue_names_a_branch(settings: Settings, beads: str) -> None:
    assert SessionOptions(beads=beads, settings=settings).beads == beads


@pytest.mark.parametrize(
    "beads", ["", "../x", "a..b", "a b", "-a", ".a", "a.", "a.lock", "a/b", "ä", "x" * 101, "a\n"]
)
def test_what_names_no_branch_is_no_id_of_an_issue(settings: Settings, beads: str) -> None:
    with pytest.raises(UsageError, match="is not a valid issue id; use an id such as"):
        SessionOptions(beads=beads, settings=settings)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"timeout_sec": 0.0}, "timeout is 0; give a number of seconds above 0"),
        ({"timeout_sec": float("inf")}, "timeout is inf"),
        ({"idle_timeout_sec": -1.0}, "idle timeout is -1; give a number"),
        ({"on_limit": "sleep"}, "on limit is 'sleep'; use fail or wait"),
        ({"max_cost_usd": 0.0}, "the maximum cost is 0; give US dollars above 0"),
        ({"max_cost_usd": float("inf")}, "the maximum cost is inf"),
        ({"repo": ""}, "the repository has no path; give its path on the VM"),
        ({"repo": " \n"}, "the repository has no path"),
        ({"repo": "a\0b"}, "the repository has no path"),
        (
            {"repo": "~/app", "session": "ses_1"},
            "a session can't change its directory; leave out --repo",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(
    settings: Settings, given: dict[str, Any], text: str
) -> None:
    with pytest.raises(UsageError, match=text):
        SessionOptions(**given, settings=settings)


@pytest.mark.parametrize(
    ("task", "text"), [("grün\n", "grün\n".encode()), ("\udcff", b"\xff"), (b"\xff", b"\xff")]
)
def test_a_task_is_the_bytes_that_were_given(task: str | bytes, text: bytes) -> None:
    assert check_text(task, "task") == text


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ("", "the task is empty; give one"),
        (b" \n", "the task is empty"),
        ("a\0b", "has a NUL byte"),
    ],
)
def test_what_no_agent_can_take_is_no_task(task: str | bytes, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        check_text(task, "task")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"directory": " "}, "path is blank or unprintable"),
        ({"directory": "a\nb"}, "path is blank or unprintable"),
        ({"directory": "~", "repo": "~/a"}, "--dir and --repo can't be used together"),
        ({"directory": "~", "session": "ses_1-0a1b2c3d"}, "a session can't change its directory"),
    ],
)
def test_a_directory_has_a_path_and_is_not_chosen_twice(
    settings: Settings, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        SessionOptions(**fields, settings=settings)


@pytest.mark.parametrize("session", [None, "ses_df3f8787affe5K30u83AH9tvkT"])
def test_a_directory_is_chosen_for_a_new_session_or_a_foreign_conversation(
    settings: Settings, session: str | None
) -> None:
    options = SessionOptions(directory="~/\u00fc b", session=session, settings=settings)

    assert options.variables()["dx_dir"] == "~/\u00fc b"


@pytest.mark.parametrize("wrong", ["a" * 61, "../x", "ses_mine"])
def test_the_caller_s_id_of_a_task_leaves_room_for_what_marks_a_session(
    settings: Settings, wrong: str
) -> None:
    with pytest.raises(UsageError, match=r"can't be an id|looks like the id"):
        SessionOptions(settings=settings, run_id=wrong)


def test_a_task_with_an_id_of_the_caller_s_has_the_same_id_and_token_each_time(
    settings: Settings,
) -> None:
    options = SessionOptions(settings=settings, run_id="mine")
    one, same, other = (TaskCall("here", task, options) for task in ("work", "work", "more"))

    assert one.run_id == same.run_id == other.run_id == "ses_mine"
    assert one._token == same._token != other._token


@pytest.mark.parametrize("session", ["", "a b"])
def test_a_session_without_an_id_is_no_new_session(settings: Settings, session: str) -> None:
    with pytest.raises(UsageError, match="is not a session id"):
        SessionOptions(session=session, settings=settings)
