"""The JSON Schema files of the package say what is printed, and nothing else."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from dxansible.cli.option import Mode
from dxansible.record import FanoutOutcome, Reason
from dxansible.render.commands import fanout_document
from dxansible.render.documents import document, event_line
from dxansible.results import FanoutResult
from tests.schemas import DOCUMENTS, check_document, check_lines, make_schemas, validators

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULT = FanoutResult(outcome=FanoutOutcome.SUCCESS, reason=Reason.OK, host="here")


def test_the_files_are_what_the_classes_make() -> None:
    found = {
        each.name: each.read_text() for each in files("dxansible").joinpath("schemas").iterdir()
    }

    assert found == make_schemas(), "write them again: make schemas"


@pytest.mark.parametrize("name", [*DOCUMENTS, "event"])
def test_a_file_is_a_schema(name: str) -> None:
    schema = validators()[name].schema

    Draft202012Validator.check_schema(schema)
    assert schema["description"]


def _objects(schema: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON
    if isinstance(schema, list):
        for each in schema:
            yield from _objects(each)
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for each in schema.values():
            yield from _objects(each)


@pytest.mark.parametrize("name", [*DOCUMENTS, "event"])
def test_an_object_has_its_fields_and_no_others(name: str) -> None:
    for each in _objects(validators()[name].schema):
        if "properties" in each:
            assert each["additionalProperties"] is False
            assert set(each["required"]) <= set(each["properties"])


def test_every_mode_is_in_the_description_of_a_document() -> None:
    texts = " ".join(validators()[name].schema["description"] for name in DOCUMENTS)
    elsewhere = {Mode.TASK, Mode.FURTHER, Mode.JULES, Mode.JULES_MESSAGE, Mode.JULES_STATUS}
    elsewhere |= {Mode.JULES_LOGS, Mode.JULES_ABORT, Mode.JULES_SESSIONS, Mode.APPROVE, Mode.MCP}
    elsewhere |= {Mode.JULES_DIFF, Mode.UNARCHIVE, Mode.DELETE}

    assert [mode for mode in Mode if mode not in elsewhere and f"`{mode}" not in texts] == []


def _good() -> dict[str, Any]:
    found: dict[str, Any] = json.loads("".join(fanout_document([RESULT], 0)))
    return found


def test_what_is_printed_fits() -> None:
    assert check_document(json.dumps(_good())) == _good()


@pytest.mark.parametrize(
    "change",
    [
        {"new": 1},
        {"schema": 2},
        {"outcome": "GOOD"},
        {"exit_code": None},
        {"results": [RESULT.to_dict() | {"new": 1}]},
        {"results": [RESULT.to_dict() | {"reason": "luck"}]},
        {"results": [RESULT.to_dict() | {"host": None}]},
        {"results": [RESULT.to_dict() | {"stdout_base64": None}]},
        {"results": [{"host": "here"}]},
    ],
    ids=str,
)
def test_a_change_of_a_document_needs_a_change_of_its_schema(change: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        check_document(json.dumps(_good() | change))


def test_a_document_without_a_schema_is_found() -> None:
    with pytest.raises(AssertionError, match="no schema has the fields"):
        check_document(document(exit_code=0, news=[]))


@pytest.mark.parametrize(
    "line",
    [
        event_line("news", "cmd_1"),
        event_line("hosts", "cmd_1"),
        event_line("hosts", "cmd_1", hosts=["here"], more=1),
        event_line("output", "cmd_1", host="here", stream="stdin", text="", skipped=0),
        document(event="hosts", hosts=["here"]),
    ],
    ids=["unknown", "a field less", "a field more", "unknown stream", "no envelope"],
)
def test_an_event_of_another_form_is_found(line: str) -> None:
    assert check_lines(event_line("hosts", "cmd_1", hosts=["here"]))
    with pytest.raises(AssertionError):
        check_lines(line)
