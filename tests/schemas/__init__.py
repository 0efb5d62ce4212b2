"""Makes the JSON Schema files of the package, and checks what is printed against them."""

from __future__ import annotations

from tests.schemas.check import check_document, check_lines, check_printed, validators
from tests.schemas.documents import DOCUMENTS
from tests.schemas.make import make_schemas

__all__ = [
    "DOCUMENTS",
    "check_document",
    "check_lines",
    "check_printed",
    "make_schemas",
    "validators",
]
