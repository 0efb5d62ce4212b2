"""Rules of what people and programs read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dxansible.errors import InventoryError, NoMatchError
from dxansible.record import FanoutOutcome, PreflightStatus, Reason, Truncation
from dxansible.render.commands import (
    fanout_document,
    health_document,
    health_table,
    summary_line,
)
from dxansible.render.documents import error_document, interrupted_document
from dxansible.render.show import coloured
from dxansible.results import FanoutResult, PreflightResult, exit_code, worst
from tests.schemas import check_document
from tests.unit.render.plain import plain

SUCCESS = FanoutResult(
    outcome=FanoutOutcome.SUCCESS,
    reason=Reason.OK,
    host="epyc6",
    user="feng",
    command_summary="make test",
    attempts=1,
    duration_ms=2340,
    exit_code=0,
    stdout_bytes=b"42 passed\n",
)
FAILURE = replace(
    SUCCESS,
    outcome=FanoutOutcome.FAILURE,
    reason=Reason.EXIT_NONZERO,
    exit_code=2,
    error="epyc6: exit code 2",
)
TIMEOUT = replace(
    SUCCESS,
    outcome=FanoutOutcome.TIMEOUT,
    reason=Reason.DEADLINE,
    exit_code=None,
    error="epyc6: timed out after 60 s",
)
OK = PreflightResult(
    status=PreflightStatus.OK,
    host="epyc6",
    user="feng",
    auth_mode="tailscale",
    duration_ms=150,
    attempts=1,
    latency_ms=12,
    capabilities=("gpu", "ml"),
    aliases=("epyc",),
)
DOWN = PreflightResult(
    status=PreflightStatus.HOST_UNREACHABLE,
    host="macmini",
    user=None,
    auth_mode=None,
    duration_ms=5000,
    attempts=1,
    error="macmini: is it on?",
)


@pytest.mark.parametrize("outcome", list(FanoutOutcome))
def test_every_outcome_has_a_summary_with_a_colour(outcome: FanoutOutcome) -> None:
    line = summary_line(replace(SUCCESS, outcome=outcome))

    assert outcome in line
    assert line != plain(line)


def test_no_foreign_text_makes_a_line_or_a_row_of_its_own() -> None:
    line = summary_line(replace(TIMEOUT, error="epyc6: gone\nepyc6  SUCCESS\x1b]52;c;eA==\x07"))
    assert line.count("\n") == 0
    assert "\x1b]" not in plain(line)


def test_a_success_is_one_short_line() -> None:
    assert plain(summary_line(SUCCESS)) == "epyc6  SUCCESS           exit 0    2.34 s"
    assert plain(summary_line(SUCCESS, 8)).startswith("epyc6     SUCCESS")


def test_an_exit_code_speaks_for_itself() -> None:
    assert plain(summary_line(FAILURE)) == "epyc6  FAILURE           exit 2    2.34 s"


def test_every_other_reason_is_told_without_saying_the_host_twice() -> None:
    line = plain(summary_line(TIMEOUT))

    assert line == "epyc6  TIMEOUT           exit -    2.34 s  timed out after 60 s"


def test_what_is_left_running_and_what_was_cut_is_told() -> None:
    cut = Truncation(stdout_bytes=5, stderr_bytes=2)

    line = plain(summary_line(replace(SUCCESS, left_running=3, truncation=cut)))

    assert line.endswith("  left 3 process(es) running  7 bytes of output are missing")


def test_a_full_disk_is_told_in_the_line() -> None:
    line = plain(summary_line(replace(SUCCESS, truncation=Truncation(uncounted=True))))
    assert "a process that copied output was killed on the VM: some may be missing" in line
    line = plain(summary_line(replace(SUCCESS, truncation=Truncation(disk_full=True))))

    assert line.endswith("  the VM's disk was full: output is missing that nobody counted")


@pytest.mark.parametrize(
    ("truncation", "may_be_cut", "code"),
    [
        (Truncation(), False, 0),
        (Truncation(stdout_bytes=1), False, 4),
        (Truncation(stderr_bytes=1), False, 4),
        (Truncation(stdout_bytes=1), True, 0),
        (Truncation(disk_full=True), True, 4),
        (Truncation(uncounted=True), True, 4),
    ],
)
def test_a_success_that_lacks_output_that_was_wanted_exits_with_another_code(
    truncation: Truncation, *, may_be_cut: bool, code: int
) -> None:
    results = [SUCCESS, replace(SUCCESS, truncation=truncation)]

    assert exit_code(results, may_be_cut=may_be_cut) == code
    assert exit_code([*results, FAILURE], may_be_cut=may_be_cut) == 1


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_document_of_a_fan_out_is_one_json_document(count: int) -> None:
    results = [SUCCESS, FAILURE, TIMEOUT][:count]
    code = worst(each.outcome for each in results if each.outcome).exit_code

    text = "".join(fanout_document(results, code))

    assert text.endswith("}\n")
    assert check_document(text) == {
        "schema": 1,
        "outcome": results[-1].outcome,
        "exit_code": code,
        "results": [result.to_dict() for result in results],
    }


def test_the_document_without_a_result_is_that_of_an_interruption() -> None:
    document = check_document("".join(fanout_document([], 130)))

    assert (document["exit_code"], document["error"]["type"]) == (130, "Interrupted")


def test_the_document_of_an_error_says_what_to_do() -> None:
    error = InventoryError("there is no inventory at x", "give one with -i")

    assert check_document(error_document(error)) == {
        "schema": 1,
        "exit_code": 2,
        "error": {
            "type": "InventoryError",
            "message": "there is no inventory at x",
            "remedy": "give one with -i",
        },
    }
    assert (
        check_document(error_document(NoMatchError("x", ["y"])))["error"]["type"] == "NoMatchError"
    )


def test_the_document_of_an_interruption_has_the_form_of_an_error_s() -> None:
    document = check_document(interrupted_document(130))

    assert (document["schema"], document["exit_code"]) == (1, 130)
    assert set(document["error"]) == {"type", "message", "remedy"}


@pytest.mark.parametrize(("results", "code"), [([OK], 0), ([OK, DOWN], 3)])
def test_the_document_of_a_check_has_every_host(results: list[PreflightResult], code: int) -> None:
    assert check_document(health_document(results)) == {
        "schema": 1,
        "exit_code": code,
        "hosts": [result.to_dict() for result in results],
    }


def test_the_table_has_every_host_and_below_it_what_to_do() -> None:
    assert plain(health_table([OK, DOWN])).splitlines() == [
        (
            "VM       STATUS            LATENCY  USER  AUTH       AGENT  LOAD  RUNNING  "
            "CAPABILITIES  ALIASES"
        ),
        (
            "epyc6    OK                12 ms    feng  tailscale  -      -     -        "
            "gpu,ml        epyc"
        ),
        (
            "macmini  HOST_UNREACHABLE  -        -     -          -      -     -        "
            "-             -"
        ),
        "  macmini: is it on?",
    ]


def test_the_table_shows_at_a_glance_which_host_is_down() -> None:
    _, up, down, _ = health_table([OK, DOWN]).splitlines()

    assert coloured("OK", "green") in up
    assert coloured("HOST_UNREACHABLE", "red") in down
