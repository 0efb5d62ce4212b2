"""Rules of the record of a host, which the collection and the package have in common."""

from __future__ import annotations

import ast
import json
import sys
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils import reading as their_reading
from ansible_collections.dxansible.fleet.plugins.plugin_utils import record as theirs
from ansible_collections.dxansible.fleet.plugins.plugin_utils import value as their_value
from ansible_collections.dxansible.fleet.plugins.plugin_utils import verdict

from dxansible import reading as our_reading
from dxansible import record as ours
from dxansible import value as our_value
from dxansible.record import FanoutOutcome, HostRecord, PreflightStatus, Reason, TurnRecord

if TYPE_CHECKING:
    from types import ModuleType

DECIDED = ours.Verdict(
    outcome=FanoutOutcome.TIMEOUT, reason=Reason.DEADLINE, error="a: late", exit_code=9,
    stop_verified=False, left_running=2,
)  # fmt: skip


@pytest.mark.parametrize(
    ("our", "their"), [(ours, theirs), (our_reading, their_reading), (our_value, their_value)]
)
def test_the_package_has_the_collection_s_own_file(our: ModuleType, their: ModuleType) -> None:
    here, there = Path(str(our.__file__)), Path(str(their.__file__))

    assert here.resolve() == there.resolve()
    assert here.is_symlink()
    assert not here.readlink().is_absolute()


def test_a_verdict_of_the_collection_is_of_its_own_record() -> None:
    assert type(verdict.aborted("no")) is theirs.Verdict
    assert type(next(iter(verdict.STATUS.values()))) is theirs.PreflightStatus


def test_it_imports_only_the_standard_library() -> None:
    nodes = list(ast.walk(ast.parse(Path(str(ours.__file__)).read_text())))
    modules = {each.module for each in nodes if isinstance(each, ast.ImportFrom)}

    assert not [each for each in nodes if isinstance(each, ast.Import)]
    assert {
        str(each).partition(".")[0] for each in modules - {"evidence", "reading", "value"}
    } <= sys.stdlib_module_names


def test_what_an_event_has_of_a_verdict_is_plain_and_can_be_read_back() -> None:
    event = {"id": "cmd_1-a", **DECIDED.as_dict()}

    assert {type(value) for value in event.values()} == {str, int, bool}
    found = HostRecord.from_event("a", json.loads(json.dumps(event)))
    assert {name: getattr(found, name) for name in DECIDED.as_dict()} == {
        name: getattr(DECIDED, name) for name in DECIDED.as_dict()
    }
    assert (found.host, found.session_id, found.attempts) == ("a", "cmd_1-a", 1)


def test_work_that_goes_on_has_no_outcome() -> None:
    event = {"id": "ses_1-a"} | replace(DECIDED, outcome=None, reason=None).as_dict()
    assert (event["outcome"], event["reason"]) == ("RUNNING", "running")

    found = TurnRecord.from_event("a", event)
    assert (found.outcome, found.reason) == (None, None)


@pytest.mark.parametrize("reason", [*Reason, *PreflightStatus])
def test_every_reason_is_read_as_what_it_is(reason: Reason | PreflightStatus) -> None:
    found = HostRecord.from_event("a", {"id": "x"} | replace(DECIDED, reason=reason).as_dict())

    assert found.reason is reason


def test_a_word_of_a_newer_release_reads_as_itself() -> None:
    event = {"id": "x"} | DECIDED.as_dict() | {"outcome": "MELTED", "reason": "too_hot"}
    found = HostRecord.from_event("a", event)

    assert (found.outcome, found.reason) == ("MELTED", "too_hot")
    assert found.outcome is not None
    assert (found.outcome.exit_code, found.outcome in set(FanoutOutcome)) == (1, False)
    assert json.loads(json.dumps(found.to_dict()))["outcome"] == "MELTED"
    again = ours.Verdict(outcome=found.outcome, reason=found.reason).as_dict()
    assert (again["outcome"], again["reason"]) == ("MELTED", "too_hot")
    assert copy(found.outcome) == found.outcome


@pytest.mark.parametrize("changes", [{"outcome": 5}, {"reason": True}, {"outcome": []}])
def test_what_is_no_word_is_no_record_of_ours(changes: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        HostRecord.from_event("a", {"id": "x"} | DECIDED.as_dict() | changes)


def test_a_verdict_that_is_made_of_words_is_told_in_the_same_words() -> None:
    made = theirs.Verdict(outcome="FAILURE", reason="lost")  # type: ignore[arg-type] # words

    told = made.as_dict()
    assert (told["outcome"], told["reason"]) == ("FAILURE", "lost")
