"""Names the version, and puts the manual page into the wheel.

`dxansible.cli.manual` makes the page from the option table.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_RELEASE = "0.2.0"
"""The last release, where its tag is; else the next one."""


def version() -> str:
    """Return the release, or the commit after which it is built: ``0.2.0.dev7+g1a2b3c4``.

    An sdist says its own; without either it is ``0.2.0.dev0``.
    """
    root = Path(__file__).parent
    if (told := root / "PKG-INFO").exists():
        (found,) = re.findall(r"(?m)^Version: (.*)$", told.read_text())
        return str(found)
    if not (root / ".git").exists():
        return f"{_RELEASE}.dev0"
    try:
        if f"v{_RELEASE}" in _git(root, "tag", "--points-at", "HEAD").split():
            return _RELEASE
        count, commit = _git(root, "rev-list", "--count", "HEAD"), _git(root, "rev-parse", "HEAD")
    except (OSError, subprocess.CalledProcessError):  # no git, or it is somebody else's checkout
        return f"{_RELEASE}.dev0"
    return f"{_RELEASE}.dev{count}+g{commit[:7]}"


def _git(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


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
