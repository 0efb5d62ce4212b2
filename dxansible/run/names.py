"""The names of an inventory: kept from Ansible's last reading of it, until its files change.

Ansible takes about a second to read an inventory, so a process in the background does it once the
files have changed. An inventory with a script, or with a plugin that may ask a network, is not read
for a completion; its names are those of the last ``--list``.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.seen import Names, keep_names, names_of
from dxansible.settings import environment_for_names, join_inventory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dxansible.results import PreflightResult

__all__ = ["keep_listed", "known_names", "stamp_of"]

_MOST_FILES = 2000
_MOST_BYTES = 2**20
"""Of a file that is searched for the name of a plugin."""
_PLUGIN = re.compile(rb"""(?:^|[\s{"'])plugin["']?\s*:\s*["']?([\w.]+)""")
_LOCAL_PLUGINS = frozenset({b"constructed", b"ansible.builtin.constructed"})
_VARIABLES = ("group_vars", "host_vars")


def known_names(sources: Sequence[Path]) -> Names:
    """Return the names of an inventory, as far as they are known; begin to read it if it is new."""
    name = join_inventory(sources)
    found = names_of(name)
    stamp = stamp_of(sources)
    if stamp is not None and stamp != found.stamp:
        _start_reading(name)
    return found


def keep_listed(sources: Sequence[Path], results: Sequence[PreflightResult]) -> None:
    """Keep the names in a list of all hosts, unless more is known."""
    name, stamp = join_inventory(sources), stamp_of(sources)
    if stamp is not None and stamp == names_of(name).stamp:
        return
    groups = chain.from_iterable((*each.aliases, *each.capabilities) for each in results)
    listed = Names(
        hosts=tuple(each.host for each in results),
        groups=tuple(dict.fromkeys(groups)),
        agents=tuple(dict.fromkeys(each.agent for each in results if each.agent)),
    )
    keep_names(name, listed)


def _start_reading(inventory: str) -> None:
    """Start a process that calls `dxansible.run.hosts.refresh_names` and outlives this one."""
    nothing = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in range(3)]
    with suppress(OSError, NotImplementedError):  # some systems have no setsid for it
        os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-m", "dxansible"],
            environment_for_names(inventory),
            file_actions=nothing,
            setsid=True,
        )


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
