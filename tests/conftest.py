"""Which tests run, and their order: each process begins with its share of the long ones."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.sample import deselect

if TYPE_CHECKING:
    import pytest

for _name in ("COLUMNS", "LINES"):  # each terminal of a test has a size of its own
    os.environ.pop(_name, None)
# each of a thousand processes would compile our modules again
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# most tests are about what an engine must not change, and many need a user who never called before
os.environ.setdefault("DX_ENGINE", "off")
os.environ.setdefault("DX_RECEPTOR_SOCKET", "off")  # this machine may be part of a mesh

_TEMPORARY = "DX_TEST_TMPDIR"
if _TEMPORARY not in os.environ:  # a worker of pytest has its caller's
    tempfile.tempdir = tempfile.mkdtemp(prefix="dxr-", dir="/tmp")  # short, for Unix sockets
    Path(tempfile.tempdir).chmod(0o1777)  # the lab's VMs have users of their own
    os.environ[_TEMPORARY] = os.environ["TMPDIR"] = tempfile.tempdir

_MARK = "PYTHON_DXTEST"
"""Tells this test run's engines from all others: they keep variables that begin with PYTHON."""
os.environ.setdefault(_MARK, secrets.token_hex(8))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat directed trials; see ``tests.directed``."""
    rounds = int(os.environ.get("DX_ROUNDS", "1"))
    if rounds > 1 and metafunc.definition.get_closest_marker("directed"):
        metafunc.fixturenames.append("_round")
        metafunc.parametrize("_round", range(rounds))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose the cases, and put long tests before the others, so that none is left at the end.

    ``--dist worksteal`` begins with equal parts of the list, one for each process.
    """
    deselect(config, items)
    parts = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if item.get_closest_marker("long")]
    others = [item for item in items if not item.get_closest_marker("long")]
    items.clear()
    for number in range(parts):
        first, end = (len(others) * border // parts for border in (number, number + 1))
        items += long[number::parts] + others[first:end]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leave nothing: an engine of a test's user would be there for ten minutes."""
    if hasattr(session.config, "workerinput"):
        return
    deadline = time.monotonic() + 10
    while left := _engines() or _files():
        if time.monotonic() > deadline:
            session.exitstatus = 1
            print(f"\nengines and files are left of the tests: {left}")  # noqa: T201 - a hook has no other way
            break
        time.sleep(0.2)
    if not session.exitstatus:  # else it is kept to look at
        shutil.rmtree(os.environ[_TEMPORARY], ignore_errors=True)


def _files() -> list[str]:
    """What the tests have left in the temporary directory, but for pytest's own."""
    return [
        str(path)
        for path in Path(os.environ[_TEMPORARY]).iterdir()
        if not path.name.startswith("pytest-of-")
    ]


def _engines() -> list[str]:
    """The pids of those that this test run has started."""
    found = []
    mark = f"{_MARK}={os.environ[_MARK]}".encode()
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"/dxansible/kept/__main__.py\0" in line.read_bytes():
                variables = (line.parent / "environ").read_bytes().split(b"\0")
                found += [line.parent.name] if mark in variables else []
        except OSError:
            continue
    return found
