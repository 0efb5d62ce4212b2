"""An ansible-core that is newer than what was tested is named once, and used."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import ansible
import pytest

from dxansible.supported import NEWEST_CORE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.dispatcher import Dispatcher

_PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
_INSTALLED = Path(next(iter(ansible.__path__)))
_NEWER = "2.99.1"


@pytest.fixture
def newer(user: Dispatcher, tmp_path: Path) -> Iterator[None]:
    """The installed ansible-core, which says that it is newer."""
    package = tmp_path / "ansible"
    package.mkdir()
    for path in _INSTALLED.iterdir():
        if path.name not in {"release.py", "__pycache__"}:
            (package / path.name).symlink_to(path)
    release = (_INSTALLED / "release.py").read_text()
    text = re.sub(r"(?m)^__version__ = .*$", f"__version__ = '{_NEWER}'", release)
    (package / "release.py").write_text(text)
    user.environment["PYTHONPATH"] = str(tmp_path)
    yield
    del user.environment["PYTHONPATH"]


@pytest.mark.engines
@pytest.mark.usefixtures("newer")
def test_a_call_warns_once_and_goes_on(user: Dispatcher) -> None:
    answer = user.run("all", "--exec", "echo done")

    assert (answer.code, answer.out.count(b"done")) == (0, 3), answer.err
    (line,) = [line for line in answer.err.splitlines() if _NEWER.encode() in line]
    assert b"core_untested" in line
    assert f"tested={NEWEST_CORE}".encode() in line


@pytest.mark.usefixtures("newer")
def test_a_call_that_needs_no_ansible_says_nothing(user: Dispatcher) -> None:
    for arguments in (("--version",), ("--help",), ("--sessions", "--help")):
        assert _NEWER.encode() not in user.run(*arguments).err


@pytest.mark.usefixtures("newer")
def test_ansible_warns_of_the_collection(user: Dispatcher) -> None:
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    environment = {
        **user.environment,
        "ANSIBLE_COLLECTIONS_PATH": str(_PLAYBOOKS / "collections"),
    }
    done = subprocess.run(
        [program, "-i", user.environment["DX_INVENTORY"], "dxansible.fleet.list_sessions"],
        env=environment, cwd=user.home, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
    warned = re.sub(r"\s+", " ", done.stderr)
    assert f"dxansible.fleet does not support Ansible version {_NEWER}" in warned
