"""What is written once is what the playbooks have, and what the Python API has."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.inputs import MOST_BYTES
from ansible_collections.dxansible.fleet.plugins.plugin_utils.operations import MODULES

from dxansible import parameters
from dxansible.fleet import FanoutOptions, fanout_ssh, run_preflight_checks
from dxansible.parameters import Parameter

if TYPE_CHECKING:
    from dxansible.settings import Settings


@pytest.mark.parametrize(
    ("default", "module", "option"),
    [
        (parameters.TIMEOUT.default, "run_command", "timeout"),
        (parameters.RETRIES.default, "run_command", "max_retries"),
        (parameters.RETRY_DELAY.default, "run_command", "retry_delay"),
        (parameters.TURN_SECONDS, "run_turn", "timeout"),
        (parameters.IDLE_SECONDS, "run_turn", "idle_timeout"),
        (parameters.LEASE_SECONDS, "run_turn", "claim_lease"),
        (parameters.RETRIES.default, "run_turn", "max_retries"),
        (parameters.PREFLIGHT_TIMEOUT.default, "preflight", "timeout"),
        (parameters.CLEAN_AGE.default, "clean_sessions", "age"),
    ],
)
def test_a_default_is_that_of_the_playbooks(default: object, module: str, option: str) -> None:
    assert MODULES[module].run.spec[option]["default"] == default


def test_a_playbook_sends_files_up_to_the_same_size() -> None:
    assert parameters.ATTACHMENTS_BYTES == MOST_BYTES


def test_the_defaults_of_the_specified_signatures_are_the_same() -> None:
    fanout = {name: each.default for name, each in inspect.signature(fanout_ssh).parameters.items()}
    checks = inspect.signature(run_preflight_checks).parameters

    assert (fanout["timeout_sec"], fanout["max_retries"], fanout["retry_delay_sec"]) == (60.0, 1, 2)
    assert checks["timeout_sec"].default == 5.0


def test_a_command_s_settings_reach_the_playbook(settings: Settings) -> None:
    told = FanoutOptions(settings=settings, output_limit=0, run_id="once").variables()

    assert told == {
        "dx_timeout": 60.0, "dx_max_retries": 1, "dx_retry_delay": 2.0, "dx_batch_mode": True,
        "dx_preflight_timeout": 5.0, "dx_output_limit": 0, "dx_run_id": "once",
    }  # fmt: skip


def test_what_is_given_comes_before_the_default() -> None:
    parameter = Parameter("dx_age", 30)

    assert (parameter.given(None), parameter.given(0)) == (30, 0)
