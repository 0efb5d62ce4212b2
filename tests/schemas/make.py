"""Makes JSON Schemas of the annotations and docstrings of classes."""

from __future__ import annotations

import ast
import inspect
import json
import re
from dataclasses import fields, is_dataclass
from enum import EnumType
from itertools import pairwise
from textwrap import dedent
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints

from dxansible.render.documents import SCHEMA
from dxansible.render.event_kinds import EVENT_KINDS, EndedEvent, EventKind
from dxansible.results import FanoutResult, TurnResult
from tests.schemas.documents import ADDED, DOCUMENTS, LEFT_OUT, OPTIONAL, OUTPUT

__all__ = ["make_schemas"]

_Schema = dict[str, Any]
_SIMPLE: dict[object, _Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    object: {},
}
_VERSION: _Schema = {"const": SCHEMA}
_ENVELOPE: dict[str, Any] = {"time": str, "id": str | None, "pid": int}
_ENVELOPE_WORDS = {
    "time": "UTC, with milliseconds.",
    "id": "What --logs takes; null before the call has it.",
    "pid": "The process of the call.",
}


def make_schemas() -> dict[str, str]:
    """Return the text of each schema file of the package, by its name."""
    made = {name: _document(kind) for name, kind in DOCUMENTS.items()}
    made["event"] = _events()
    return {
        f"{name}.json": json.dumps(
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "$id": f"urn:dxansible:{SCHEMA}:{name}",
                **schema,
            },
            indent=2,
        )
        + "\n"
        for name, schema in made.items()
    }


def _document(kind: type) -> _Schema:
    definitions = _Definitions()
    body = definitions.body(kind)
    body["properties"] = {"schema": _VERSION, **body["properties"]}
    body["required"] = ["schema", *body["required"]]
    return body | {"$defs": definitions.found}


def _events() -> _Schema:
    definitions = _Definitions()
    kinds = [definitions.event(kind) for kind in EVENT_KINDS]
    words = "An event: a line of `--jsonl`, and of the file that DX_EVENTS names."
    return {"description": words, "oneOf": kinds, "$defs": definitions.found}


class _Definitions:
    """The classes that one schema refers to."""

    def __init__(self) -> None:
        self.found: dict[str, _Schema] = {}

    def body(self, kind: type) -> _Schema:
        """The schema of the dict of a class: all its fields, and no others."""
        properties, required = {}, []
        optional = _of_bases(OPTIONAL, kind)
        words = _words_of_fields(kind)
        for name, declared in _declared(kind).items():
            maybe = get_origin(declared) is NotRequired or name in optional
            inner = get_args(declared)[0] if get_origin(declared) is NotRequired else declared
            if name in optional and not isinstance(inner, type):
                (inner,) = set(get_args(inner)) - {NoneType}
            properties[name] = self.of(inner)
            if name in words:
                properties[name] |= {"description": words[name]}
            if not maybe:
                required.append(name)
        return {
            "description": _words(kind.__doc__),
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }

    def event(self, kind: type[EventKind]) -> _Schema:
        """A reference to the schema of an event."""
        body = self.body(kind)
        first: _Schema = {"schema": _VERSION, "event": {"const": kind.name}}
        for name, declared in _ENVELOPE.items():
            first[name] = self.of(declared) | {"description": _ENVELOPE_WORDS[name]}
        body["properties"] = first | body["properties"]
        body["required"] = [*first, *body["required"]]
        if kind is EndedEvent:
            ends = [self._end(FanoutResult), self.of(TurnResult)]
            body["properties"]["result"] = {"anyOf": ends}
        self.found[kind.__name__] = body
        return {"$ref": f"#/$defs/{kind.__name__}"}

    def _end(self, kind: type) -> _Schema:
        body = self.body(kind)
        for name in OUTPUT:
            del body["properties"][name]
        body["required"] = [name for name in body["required"] if name not in OUTPUT]
        return body

    def of(self, declared: Any) -> _Schema:  # noqa: ANN401 - any annotation
        """The schema of a type."""
        if declared in _SIMPLE:
            return dict(_SIMPLE[declared])
        origin, inner = get_origin(declared), get_args(declared)
        if origin in {UnionType, Union}:
            return _any_of([self.of(each) for each in inner])
        if origin is Literal:
            return {"enum": list(inner)}
        if origin in {tuple, list}:
            return {"type": "array", "items": self.of(inner[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(inner[1])}
        if declared.__name__ not in self.found:
            self.found[declared.__name__] = {}  # keeps its place
            if isinstance(declared, EnumType):
                words = _words(declared.__doc__)
                made: _Schema = {"description": words, "enum": list(map(str, declared))}
            else:
                made = self.body(declared)
            self.found[declared.__name__] = made
        return {"$ref": f"#/$defs/{declared.__name__}"}


def _any_of(kinds: list[_Schema]) -> _Schema:
    types = [each["type"] for each in kinds if list(each) == ["type"]]
    if len(types) == len(kinds):
        return {"type": types}
    return {"anyOf": kinds}


def _declared(kind: type) -> dict[str, Any]:
    """The fields of the dict of a class, and their types."""
    hints = get_type_hints(kind, include_extras=True)
    names = [each.name for each in fields(kind)] if is_dataclass(kind) else list(hints)
    left_out = _of_bases(LEFT_OUT, kind)
    known = {name: hints[name] for name in names if name not in left_out}
    for base in reversed(kind.__mro__):
        known |= ADDED.get(base, {})
    return known


def _of_bases(table: Any, kind: type) -> list[str]:  # noqa: ANN401 - one of the tables
    return [name for base in kind.__mro__ for name in table.get(base, ())]


def _words_of_fields(kind: type) -> dict[str, str]:
    """The docstring below each field, of base classes too."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.partition(".")[0] not in {"dxansible", "tests"}:
            continue
        (tree,) = ast.parse(dedent(inspect.getsource(base))).body
        assert isinstance(tree, ast.ClassDef)
        for field, after in pairwise(tree.body):
            if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
                continue
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                found[field.target.id] = _words(str(after.value.value))
    return found


def _words(text: str | None) -> str:
    """As one line, in JSON's words."""
    return re.sub(r"\bNone\b", "null", " ".join((text or "").replace("``", "`").split()))
