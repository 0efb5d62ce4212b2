# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Caches the output of ``ssh -G`` for each host until a file that ssh reads changes.

This saves a process for each host and call. A configuration that depends on more than files is not
cached: ``Match`` may run a program or look at the network, and DNS may complete host names.
"""

from __future__ import annotations

import os
import pwd
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .checks import SshConfig, read_ssh_config
from .file_stamp import Stamp, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_UNSTABLE = ("match", "canonicalizehostname")
"""Keywords whose effect may change while the files stay the same."""
_SETTLED = 2.5
"""Seconds; a file that changed more recently may change again with the same timestamp."""
_MOST = 20_000
"""Hosts in the cache; when full, it is cleared."""

_known: dict[tuple[str, ...], tuple[SshConfig, dict[str, Stamp | None]]] = {}


def remembered_ssh_config(arguments: Sequence[str], timeout: float) -> SshConfig:
    """The result of `read_ssh_config`, from the cache if it is up to date. Raises CheckFailure."""
    key = tuple(arguments)
    known = _known.get(key)
    if known is not None and all(stamp(path) == then for path, then in known[1].items()):
        return known[0]
    began = time.time()
    config, files = read_ssh_config(list(arguments), timeout)
    _known.pop(key, None)
    try:
        read = dict(_read(files))
    except (OSError, ValueError):
        return config
    changes = (max(each.modified, each.changed) / 1e9 for each in read.values() if each)
    if max(changes, default=0.0) < began - _SETTLED:
        if len(_known) >= _MOST:
            _known.clear()
        _known[key] = config, read
    return config


def _read(files: Sequence[str]) -> Iterator[tuple[str, Stamp | None]]:
    """The state of all files that ssh reads, including those that don't exist.

    Raises ValueError for a line whose effect can't be cached.
    """
    own = f"{pwd.getpwuid(os.getuid()).pw_dir}/.ssh"  # as ssh does, whatever HOME is
    for path in (f"{own}/config", *files):
        yield path, stamp(path)
    for path in files:
        base = own if path.startswith(own) else str(Path(path).parent)
        for line in Path(path).read_text(errors="replace").splitlines():
            word, _, rest = line.strip().replace("=", " ", 1).partition(" ")
            if word.lower().startswith(_UNSTABLE):
                raise ValueError(line)
            if word.lower() == "include":
                for pattern in shlex.split(rest, comments=True):
                    directory = str(Path(base, pattern).parent)
                    if set("*?[~$%") & set(directory):
                        raise ValueError(line)
                    yield directory, stamp(directory)
