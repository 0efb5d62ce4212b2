"""JSON documents: what all have in common, and those of a call without a result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dxansible.errors import DxError

__all__ = ["SCHEMA", "document", "error_document", "interrupted_document"]

SCHEMA = 1
"""Version of the JSON documents; raised when a field changes its meaning or goes away."""


def document(**fields: object) -> str:
    """Return a JSON document with these fields, in this order."""
    return json.dumps({"schema": SCHEMA, **fields}) + "\n"


def error_document(error: DxError) -> str:
    """Return the JSON document of a call without a result."""
    problem = {"type": type(error).__name__, "message": error.message, "remedy": error.remedy}
    return document(exit_code=error.exit_code, error=problem)


def interrupted_document(
    exit_code: int, message: str = "interrupted", remedy: str = "call again"
) -> str:
    """Return the JSON document of a call that was interrupted before it had a result."""
    problem = {"type": "Interrupted", "message": message, "remedy": remedy}
    return document(exit_code=exit_code, error=problem)
