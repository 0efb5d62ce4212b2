"""What the benchmarks know of the package is so."""

from __future__ import annotations

import importlib.util
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import Keeper

from benchmarks import stages
from benchmarks.caller import ROOT

if TYPE_CHECKING:
    from types import ModuleType


def _load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("stand_in", ROOT / "benchmarks" / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_free_connection_answers_as_the_keeper_does() -> None:
    plugin: Any = _load("connection_plugins/free.py").Connection
    reply = Keeper(plugin.__new__(plugin)).start("cmd_1-0", b"echo hi", {"wait": 4})
    assert (reply.state, reply.code, reply.attached) == ("exited", 0, False)
    assert (reply.out, reply.err, reply.complete) == (b"hi\n", b"", True)


def test_every_function_that_is_traced_exists() -> None:
    for name, functions in _load("tracing/sitecustomize.py")._TRACED.items():
        module = import_module(name)
        for function in functions:
            holder, _, last = function.rpartition(".")
            assert callable(vars(getattr(module, holder) if holder else module)[last])


def test_every_stage_ends_with_a_mark_that_the_trace_can_have() -> None:
    traced = _load("tracing/sitecustomize.py")._TRACED.values()
    labels = {label for functions in traced for label in functions.values()}
    marks = [mark.split()[1] for mark, _ in stages._STAGES if mark not in {"+ python", "end"}]
    assert set(marks) <= labels
    assert set(stages._DETAILS) <= labels
