"""Prints a shell's script for completion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import dxansible
from dxansible.render.documents import document
from dxansible.render.show import emit

if TYPE_CHECKING:
    from dxansible.cli.table import Options

__all__ = ["SCRIPTS", "script", "show_script"]

SCRIPTS = {"bash": "dx-dispatch.bash", "zsh": "_dx-dispatch", "fish": "dx-dispatch.fish"}
"""By shell, the names in the package; the wheel installs them where the shells look, too."""


def script(shell: str) -> str:
    """Return the script for a shell."""
    path = Path(dxansible.__file__).parent / "completions" / SCRIPTS[shell]
    return path.read_text()


def show_script(options: Options) -> int:
    """``--completion SHELL``."""
    text = script(options.completion or "")
    emit(document(exit_code=0, script=text) if options.json else text)
    return 0
