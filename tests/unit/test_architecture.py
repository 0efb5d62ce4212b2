"""Rules of the whole package: which way imports point, and what is public."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import requires
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import dxansible

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(dxansible.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
)
LAYERS = (
    ("dxansible.__main__",),
    ("dxansible.cli", "dxansible.mcp"),
    ("dxansible.render",),
    ("dxansible.beads", "dxansible.github", "dxansible.jules", "dxansible.slack"),
    ("dxansible.git_remote", "dxansible.http"),
    ("dxansible.fleet", "dxansible.sessions"),
    ("dxansible.run", "dxansible.kept", "dxansible.mesh"),
    ("dxansible.seen", "dxansible.services"),
    ("dxansible.settings", "dxansible.ids", "dxansible.logs", "dxansible.log_file"),
    ("dxansible.results",),
    ("dxansible.verdict",),
    ("dxansible.errors", "dxansible.locales", "dxansible.parameters", "dxansible.redact"),
    ("dxansible.record",),
    ("dxansible.first_sent",),
    ("dxansible.evidence",),
    ("dxansible.keeper_reply", "dxansible.ssh_errors"),
    ("dxansible.reading", "dxansible.states"),
    ("dxansible.machine",),
    ("dxansible.value", "dxansible.private_file", "dxansible.sent_file", "dxansible.elapsed"),
    ("dxansible.supported",),
)
SERVICES = ("beads", "github", "jules", "slack")
ONE_DOOR = {
    "ansible_runner": {"dxansible.run.backend"},
    "jsonschema": {"dxansible.mcp.tools"},
    "mcp": {"dxansible.mcp.server"},
    "click": {"dxansible.cli.clean", "dxansible.cli.click_command"},
    "pythonjsonlogger": {"dxansible.logs"},
    "requests": {"dxansible.http"},
    "rich": {"dxansible.render.wrapping"},
}
OF_AN_ENGINE = {
    f"dxansible.{name}" for name in ("kept.client", "kept.fingerprint", "kept.resident")
}
"""The environment as a whole is part of what tells one engine from another."""
_LINKED = (
    "evidence",
    "first_sent",
    "keeper_reply",
    "machine",
    "reading",
    "record",
    "states",
    "verdict",
)
SHARED = {f"dxansible.{name}" for name in _LINKED}
"""Modules with imports that the collection has, too."""
ENVIRONMENT = {"environ", "getenv", "putenv", "environb"}


@cache
def tree(module: str) -> ast.Module:
    path = Path(str(importlib.import_module(module).__file__))
    return ast.parse(path.read_text())


def imports(module: str) -> set[str]:
    """Every module that it imports, at the top or in a function."""
    found: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            shared = node.level == 1 and module in SHARED
            assert node.level == 0 or shared, f"{module} imports relatively"
            name = f"dxansible.{node.module}" if shared else str(node.module)
            children = {f"{name}.{alias.name}" for alias in node.names} & set(MODULES)
            found |= children if children and name == "dxansible" else {name}
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_does_not_know_another(service: str) -> None:
    others = tuple(f"dxansible.{name}." for name in SERVICES if name != service)
    own = [name for name in MODULES if name.startswith(f"dxansible.{service}.")]

    assert {each for name in own for each in imports(name) if each.startswith(others)} == set()


def layer(module: str) -> int:
    (found,) = (
        number
        for number, names in enumerate(LAYERS)
        if any(module == name or module.startswith(f"{name}.") for name in names)
    )
    return found


@pytest.mark.parametrize("module", [name for name in MODULES if name != "dxansible"])
def test_imports_point_one_way(module: str) -> None:
    ours = {name for name in imports(module) if name.startswith("dxansible.")}

    assert {name for name in ours if layer(name) < layer(module)} == set()


@cache
def loaded(module: str) -> frozenset[str]:
    """The modules of ours that it imports, at the top or in a function, but not only for types."""
    for_types = {
        id(inside)
        for node in ast.walk(tree(module))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inside in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ImportFrom) and id(node) not in for_types:
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & set(MODULES)
            found |= inner or {str(node.module)} & set(MODULES)
    return frozenset(found - {"dxansible", module})


@cache
def depth(module: str) -> int:
    """How many modules its longest chain of imports has."""
    return 1 + max(map(depth, loaded(module)), default=0)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_does_not_need_half_the_house(module: str) -> None:
    assert len(loaded(module)) <= 12


def test_a_chain_of_imports_is_short() -> None:
    assert max(map(depth, MODULES)) <= 11


@pytest.mark.parametrize(("package", "doors"), ONE_DOOR.items())
def test_a_foreign_thing_has_one_door(package: str, doors: set[str]) -> None:
    users = {name for name in MODULES if package in {top(i) for i in imports(name)}}

    assert users == doors


def top(name: str) -> str:
    return name.partition(".")[0]


OWN_STATES = re.compile(
    r"_(awaited|away|begun|done|ended|failed|heard|reached|running|scheduled|started|waiting)"
)


def _observers(module: str) -> Iterator[ast.ClassDef]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ClassDef):
            methods = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
            handle = methods.get("handle")
            if handle is not None and "news: Event" in ast.unparse(handle.args):
                yield node


def test_an_observer_keeps_no_states_of_hosts() -> None:
    kept = {
        (module, each.name, node.attr)
        for module in MODULES
        for each in _observers(module)
        for node in ast.walk(each)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if OWN_STATES.fullmatch(node.attr)
    }

    assert len({each.name for module in MODULES for each in _observers(module)}) > 12
    assert kept == set()


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        module
        for module in MODULES
        for node in ast.walk(tree(module))
        if (isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT)
        or (isinstance(node, ast.ImportFrom) and ENVIRONMENT & {a.name for a in node.names})
    }

    assert readers - OF_AN_ENGINE == {"dxansible.settings", "dxansible.services"}


SLOW_TO_LOAD = (
    "ansible_runner", "dataclasses", "pythonjsonlogger", "requests", "secrets", "urllib.request",
)  # fmt: skip


@pytest.mark.parametrize(
    "call", ["dxansible.cli.command", "dxansible.cli.execution", "dxansible.fleet"]
)
def test_a_call_that_an_engine_takes_loads_nothing_that_it_does_not_use(call: str) -> None:
    text = f"import sys, dxansible.run.plays, {call}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)

    assert set(run.stdout.split()).isdisjoint({*SLOW_TO_LOAD, "dxansible.run.backend"})


@pytest.mark.parametrize("call", ["execute", "start"])
def test_work_is_handed_over_before_what_shows_its_result_is_loaded(call: str) -> None:
    text = f"import sys, dxansible.cli.command, dxansible.cli.{call}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)

    later = {"record", "results", "run.events", "run.gather", "render.live", "cli.audit"}
    assert set(run.stdout.split()).isdisjoint({"click", *(f"dxansible.{name}" for name in later)})


def test_nothing_is_imported_that_is_not_declared() -> None:
    declared = {"ansible_runner", "click", "pythonjsonlogger", "requests", "rich"}
    of_extras = {"jsonschema", "mcp"}
    packages = {top(name) for module in MODULES for name in imports(module)}

    foreign = packages - sys.stdlib_module_names - {"dxansible", "__future__"}

    assert foreign <= declared | of_extras
    assert len([text for text in requires("dxansible") or [] if "extra ==" not in text]) == 6


@pytest.mark.parametrize("module", [*MODULES, "lib.fleet"])
def test_public_names_are_listed_in_order_and_exist(module: str) -> None:
    imported = importlib.import_module(module)
    listed = list(getattr(imported, "__all__", []))

    assert listed == sorted(listed, key=_as_ruff_sorts)
    assert len(set(listed)) == len(listed)
    assert [name for name in listed if not hasattr(imported, name)] == []


def _as_ruff_sorts(name: str) -> tuple[int, str]:
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return kind, name


@pytest.mark.parametrize("module", MODULES)
def test_what_a_module_defines_and_does_not_list_has_an_underscore(module: str) -> None:
    imported = importlib.import_module(module)
    listed = getattr(imported, "__all__", [])

    defined = {
        name
        for name, value in vars(imported).items()
        if getattr(value, "__module__", None) == module
        and (inspect.isclass(value) or callable(value))
    }

    assert {name for name in defined if not name.startswith("_")} <= set(listed)


@pytest.mark.parametrize("module", MODULES)
def test_one_idea_a_file_is_not_long(module: str) -> None:
    path = Path(str(importlib.import_module(module).__file__))

    assert len(path.read_text().splitlines()) <= 350


def test_the_specification_s_import_path_gives_the_same_things() -> None:
    ours, theirs = (importlib.import_module(name) for name in ("dxansible.fleet", "lib.fleet"))

    assert all(getattr(theirs, name) is getattr(ours, name) for name in theirs.__all__)


def test_no_other_lib_is_hidden() -> None:
    assert importlib.import_module("lib").__file__ is None
