"""Notes when functions begin and end, in every Python of a traced call; see `benchmarks.stages`.

Python imports this by itself where PYTHONPATH has its directory. Lines go to ``trace`` in HOME:
nanoseconds of the machine's monotonic clock, pid, ``+`` or ``-``, and what began or ended.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from typing import TYPE_CHECKING, Any, SupportsIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_PLUGIN_UTILS = "ansible_collections.dxansible.fleet.plugins.plugin_utils"
_TRACED = {
    "dxansible.cli.command": {"main": "cli"},
    "dxansible.kept.client": {"Line.__init__": "offer"},
    "dxansible.run.calls": {"CommandCall.__init__": "call"},
    "dxansible.run.plays": {"Play.__init__": "play", "Play.follow": "follow"},
    f"{_PLUGIN_UTILS}.keeper": {"Keeper._call": "keeper"},
    f"{_PLUGIN_UTILS}.preflight": {"Preflight.make": "preflight"},
    f"{_PLUGIN_UTILS}.checks": {
        "check_dns": "dns",
        "check_auth": "auth",
    },
}
"""By module: functions, and the names that the trace has for them."""


def _note(sign: str, what: str) -> None:
    line = f"{time.monotonic_ns()} {os.getpid()} {sign} {what}\n"
    try:
        trace = os.open(f"{os.environ['HOME']}/trace", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    except OSError:
        return
    os.write(trace, line.encode())
    os.close(trace)


def _traced(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the function takes
        _note("+", name)
        try:
            return function(*arguments, **options)
        finally:
            _note("-", name)

    return call


def _trace(module: ModuleType) -> None:
    for name, label in _TRACED[module.__name__].items():
        holder_name, _, last = name.rpartition(".")
        holder = getattr(module, holder_name) if holder_name else module
        setattr(holder, last, _traced(label, vars(holder)[last]))


class _Finder:
    """Finds the modules that are traced, by asking the finders after it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _TRACED:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                _trace_loader(spec.loader)
                return spec
        return None


def _trace_loader(loader: Any) -> None:  # noqa: ANN401 - of any kind
    load = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        load(module)
        _trace(module)

    loader.exec_module = exec_module


class _Finders(list[Any]):
    """Keeps its first: Ansible's finder of collections wants to be it."""

    def insert(self, index: SupportsIndex, item: object) -> None:
        super().insert(1 if index == 0 else index, item)


if __name__ == "sitecustomize":
    _note("+", "python")
    sys.meta_path = _Finders([_Finder(), *sys.meta_path])
