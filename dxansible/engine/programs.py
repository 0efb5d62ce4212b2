"""What an engine loads before the fork, and what has to be done again after it.

A program is given by the names of its modules, since loading it is the whole point: nothing here
imports what it runs.
"""

from __future__ import annotations

import gc
import os
import sys
import sysconfig
import tempfile
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.engine.ansible_core import load_playbook
from dxansible.engine.caller import PLAYBOOK
from dxansible.engine.inventory import Inventory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Program", "load"]

_DISPATCH_MODULES = (
    "dxansible.calls.commands",
    "dxansible.calls.sessions",
    "dxansible.runner.backend",
)
_Stamp = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A loaded one."""

    run: Callable[[], None]
    """Ends as the program does: by SystemExit, an exception or a return."""
    renew: Callable[[], None]
    """For the fork: whatever the load has made for one process only."""
    finish: Callable[[], None]
    """For the engine, when it has leisure: what else makes calls faster."""
    stamps: dict[str, _Stamp] = field(repr=False)
    config: Callable[[], list[_Stamp]]
    """The state of Ansible's configuration files, for the present directory."""
    config_loaded: list[_Stamp] = field(repr=False)
    inventory: Inventory

    def stale(self) -> bool:
        """Whether something that was loaded has changed since."""
        return (
            any(_stamp(path) != stamp for path, stamp in self.stamps.items())
            or self.config() != self.config_loaded
            or self.inventory.stale()
        )


def load(name: str, root: str, sources: Sequence[str]) -> Program:
    """Load a program in the present environment and directory. Raises RuntimeError if unfit.

    Ansible's also parses an inventory, given by its ``sources``.
    """
    if root not in sys.path:
        sys.path.insert(0, root)
    config = _config_files if name == PLAYBOOK else list
    before = config()
    gc.disable()
    run, renew_more, finish_more = (load_playbook if name == PLAYBOOK else _load_dispatch)()

    def renew() -> None:
        _renew_python()
        renew_more()

    def finish() -> None:
        finish_more()
        gc.unfreeze()
        gc.collect()
        gc.freeze()

    stamps = {path: _stamp(path) for path in _loaded_from()}
    inventory = Inventory.load(sources)
    gc.freeze()
    gc.enable()
    os.register_at_fork(after_in_child=gc.freeze)  # what is not looked at needs no copy
    return Program(
        run=run,
        renew=renew,
        finish=finish,
        stamps=stamps,
        config=config,
        config_loaded=before,
        inventory=inventory,
    )


def _load_dispatch() -> tuple[Callable[[], None], Callable[[], None], Callable[[], None]]:
    cli = import_module("dxansible.cli")
    for name in _DISPATCH_MODULES:
        import_module(name)
    return cli.main, lambda: None, lambda: None


def _renew_python() -> None:
    tempfile.tempdir = None
    for stream, fd in ((sys.stdout, 1), (sys.stderr, 2)):
        stream.reconfigure(line_buffering=fd == 2 or os.isatty(fd))  # type: ignore[union-attr] # noqa: PLR2004


def _loaded_from() -> set[str]:
    """Files and directories whose change makes what is loaded out of date."""
    library = sysconfig.get_path("stdlib") + os.sep
    files = {
        path
        for module in list(sys.modules.values())
        if (path := getattr(module, "__file__", None))
        and (not path.startswith(library) or "-packages" in path)
    }
    content = {f"{Path(file).parent}/base.yml" for file in files if file.endswith("/manager.py")}
    return files | content | {path for path in sys.path if path} | {sys.executable, os.__file__}


def _config_files() -> list[_Stamp]:
    given = os.environ.get("ANSIBLE_CONFIG")
    candidates = [
        "ansible.cfg",
        str(Path("~/.ansible.cfg").expanduser()),
        "/etc/ansible/ansible.cfg",
    ]
    if given:
        candidates += [given, f"{given}/ansible.cfg"]
    found = [_stamp(path) for path in candidates]
    # Ansible passes over the file of a directory that anyone may write to
    return [*found, (Path().stat().st_mode, 0, 0)] if found[0] else found


def _stamp(path: str) -> _Stamp:
    try:
        found = os.stat(path)  # noqa: PTH116 - hundreds of them in each call
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
