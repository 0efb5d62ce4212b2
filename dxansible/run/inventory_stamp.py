"""Describes the files of an inventory, so that what was read of them counts until one changes."""

from __future__ import annotations

import os
import re
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["stamp_of"]

_MOST_FILES = 2000
_MOST_BYTES = 2**20
"""Of a file that is searched for the name of a plugin."""
_PLUGIN = re.compile(rb"""(?:^|[\s{"'])plugin["']?\s*:\s*["']?([\w.]+)""")
_LOCAL_PLUGINS = frozenset({b"constructed", b"ansible.builtin.constructed"})
_VARIABLES = ("group_vars", "host_vars")


def stamp_of(sources: Sequence[Path]) -> str | None:
    """Describe the files of an inventory; None if reading it may run a program or ask a network."""
    from _blake2 import blake2b  # noqa: PLC0415 - hashlib imports much

    digest = blake2b(digest_size=16)
    try:
        for number, path in enumerate(chain.from_iterable(map(_files, sources))):
            found = path.stat()
            if number == _MOST_FILES or (_is_source(path) and _reaches_out(path, found.st_mode)):
                return None
            digest.update(f"{path}\0{found.st_mtime_ns}\0{found.st_size}\0".encode())
    except OSError:
        return None
    return digest.hexdigest()


def _files(source: Path) -> Iterator[Path]:
    """Yield the files of a source and of the variables beside it, in a stable order."""
    if not source.is_dir():
        yield source
    places = [source] if source.is_dir() else [source.parent / name for name in _VARIABLES]
    for place in places:
        for directory, names, files in os.walk(place):
            names[:] = sorted(name for name in names if not name.startswith("."))
            yield from (Path(directory, name) for name in sorted(files))


def _is_source(path: Path) -> bool:
    return not any(name in path.parts for name in _VARIABLES)


def _reaches_out(path: Path, mode: int) -> bool:
    """Whether Ansible may run it, or load a plugin for it that is not known to stay here."""
    if mode & 0o111:
        return True
    with path.open("rb") as file:
        text = file.read(_MOST_BYTES)
    plugins = {found[1] for found in _PLUGIN.finditer(text)}
    return text.startswith(b"#!") or not plugins <= _LOCAL_PLUGINS
