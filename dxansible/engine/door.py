"""Puts a client of the engine first on a run's PATH, under the name ansible-playbook."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["interpreter", "open_door", "why_unused"]

_CLIENT = """\
#!{python} -IS
import sys
sys.path.append({root!r})
from dxansible.engine.client import play
play({executable!r})
"""
_LONGEST = 120
"""Of the interpreter's path: more, and some systems can't run it from the first line."""


def open_door(directory: Path, executable: str) -> str | None:
    """Return the directory to put on PATH; None where the playbook's Python is another than ours.

    The client becomes ``executable`` itself where no engine has the call.
    """
    python = interpreter(executable)
    if python is None:
        return None
    place = directory / "bin"
    place.mkdir(mode=0o700)
    client = place / "ansible-playbook"
    root = str(Path(__file__).parents[2])
    client.write_text(_CLIENT.format(python=python, root=root, executable=executable))
    client.chmod(0o700)
    return str(place)


def interpreter(executable: str) -> str | None:
    """The Python of a script, as it names it; None if that is another than ours."""
    with Path(executable).open("rb") as file:
        first = file.readline(_LONGEST * 2).decode(errors="replace").strip()
    theirs, ours = Path(first.removeprefix("#!")), Path(sys.executable)
    same = theirs.parent == ours.parent and theirs.resolve() == ours.resolve()
    if not same or len(str(theirs)) > _LONGEST or any(map(str.isspace, str(theirs))):
        return None
    return str(theirs)


def why_unused(directory: Path) -> str | None:
    """Why the run of this directory went without an engine; None if it had one."""
    try:
        return (directory / "bin" / "reason").read_text()
    except OSError:
        return None
