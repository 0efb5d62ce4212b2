"""Rules of the settings of a fan-out, and of the text of a command."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dxansible.errors import UsageError
from dxansible.run.options import FanoutOptions, check_command, check_seconds

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
    assert check_command(command) == text


@pytest.mark.parametrize("command", ["", " \n\t", b""])
def test_nothing_is_no_command(command: str | bytes) -> None:
    with pytest.raises(UsageError, match="the command is empty; give one"):
        check_command(command)


def test_a_command_with_a_nul_byte_is_refused_and_not_cut_off() -> None:
    with pytest.raises(UsageError, match="the command has a NUL byte; no shell can take that"):
        check_command("echo a\0b")
