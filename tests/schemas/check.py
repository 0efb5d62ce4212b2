"""Checks what is printed against the schema files of the package."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check_document", "check_lines", "check_printed", "validators"]


@cache
def validators() -> dict[str, Draft202012Validator]:
    """A validator for each schema of the package, by its name."""
    found = sorted(files("dxansible").joinpath("schemas").iterdir(), key=lambda each: each.name)
    return {
        each.name.removesuffix(".json"): Draft202012Validator(json.loads(each.read_text()))
        for each in found
    }


def check_printed(arguments: Sequence[str], out: str | bytes) -> None:
    """Check what a call with these arguments has printed, if it is for programs."""
    options = arguments[: [*arguments, "--"].index("--")]  # the words after it are a command's
    if out and "--json" in options:
        check_document(out)
    elif out and "--jsonl" in options:
        check_lines(out)


def check_document(text: str | bytes) -> dict[str, Any]:
    """Return the one JSON document in the text, which has to be as a schema says."""
    document: dict[str, Any] = json.loads(text)
    documents = {name: each for name, each in validators().items() if name != "event"}
    problems = {
        name: best_match(each.iter_errors(document))
        for name, each in documents.items()
        if set(each.schema["required"]) <= set(document) <= set(each.schema["properties"])
    }
    assert problems, f"no schema has the fields {sorted(document)}"
    assert None in problems.values(), {
        name: f"{problem.json_path}: {problem.message}"
        for name, problem in problems.items()
        if problem is not None
    }
    return document


def check_lines(text: str | bytes) -> list[dict[str, Any]]:
    """Return the events in the text, one a line, each of which has to be as its schema says."""
    events = [json.loads(line) for line in text.splitlines()]
    for each in events:
        problem = best_match(validators()["event"].iter_errors(each))
        assert problem is None, (each, problem.json_path, problem.message)
    return events
