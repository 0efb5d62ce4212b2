"""Makes the document of a command with the part of the output that an answer shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dxansible.render.commands import fanout_document
from dxansible.render.sessions import turns_document
from dxansible.results import exit_code
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.mcp.sight import Sight
    from dxansible.mcp.work import Document
    from dxansible.results import FanoutResult, TurnResult

__all__ = ["document_of", "document_of_turns", "exit_code"]


def document_of(results: Sequence[FanoutResult], code: int, sight: Sight) -> Document:
    """Return the document of a command, with the part of the output that ``sight`` has."""
    bare = [replace(each, stdout_bytes=b"", stderr_bytes=b"") for each in results]
    return sight.document(json.loads("".join(fanout_document(bare, code))))


def document_of_turns(results: Sequence[TurnResult]) -> Document:
    """Return the document of turns."""
    code = exit_code(results, may_be_cut=True)
    found: Document = json.loads(turns_document(results, code))
    return found
