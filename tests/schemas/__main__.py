"""Writes the JSON Schema files of the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from tests.schemas.make import make_schemas

directory = Path(str(files("dxansible"))) / "schemas"
directory.mkdir(exist_ok=True)
made = make_schemas()
for path in directory.glob("*.json"):
    if path.name not in made:
        path.unlink()
for name, text in made.items():
    (directory / name).write_text(text)
