"""Puts the manual page into the wheel; `dxansible.cli.manual` makes it from the option table."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManualPage(BuildHookInterface):
    """The hook of hatchling; it needs nothing but the standard library and our sources."""

    def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
        """Write the page where hatchling finds it."""
        sys.path.insert(0, self.root)
        from dxansible.cli.manual import page  # noqa: PLC0415 - its place is known only now

        self._directory = TemporaryDirectory()
        path = Path(self._directory.name) / "dx-dispatch.1"
        seconds = float(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
        date = time.strftime("%Y-%m-%d", time.gmtime(seconds))
        path.write_text(page(self.metadata.version, date))
        path.chmod(0o644)
        build_data["shared_data"][str(path)] = "share/man/man1/dx-dispatch.1"

    def finalize(self, _version: str, _build_data: dict[str, Any], _artifact_path: str) -> None:
        """Remove it."""
        self._directory.cleanup()
