"""Rules of the supported pairs of ansible-core and Python."""

from __future__ import annotations

import sys
import tomllib
from typing import TYPE_CHECKING

import pytest
import yaml

from dxansible.supported import CORES, NEWEST_CORE, PYTHONS, untested_core
from tests.collection import COLLECTION, ROOT

if TYPE_CHECKING:
    from pathlib import Path

_MAJOR, _MINOR = map(int, NEWEST_CORE.split("."))


@pytest.mark.parametrize(
    ("version", "untested"),
    [
        (f"{_MAJOR}.{_MINOR}.99", False),
        (f"{_MAJOR}.{_MINOR - 1}.0", False),
        (f"{_MAJOR}.{_MINOR + 1}.0rc1", True),
        (f"{_MAJOR + 1}.0.0", True),
    ],
)
def test_a_newer_core_is_untested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, *, untested: bool
) -> None:
    package = tmp_path / "ansible"
    package.mkdir()
    (package / "__init__.py").touch()
    release = f"# a licence\n__version__ = '{version}'\n__author__ = ''\n"
    (package / "release.py").write_text(release)
    monkeypatch.delitem(sys.modules, "ansible", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))

    assert untested_core() == (version if untested else None)


def test_what_pip_and_ansible_read_says_the_same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = next(iter(CORES))

    assert f"ansible-core>={oldest}" in project["dependencies"]
    assert project["requires-python"] == f">={PYTHONS[0]}"
    named = [line.rsplit(" ", 1)[1] for line in project["classifiers"] if ":: 3." in line]
    assert tuple(named) == PYTHONS
    needs = yaml.safe_load((COLLECTION / "meta" / "runtime.yml").read_text())["requires_ansible"]
    assert needs == f">={oldest}.0,<{_MAJOR}.{_MINOR + 1}.0"
