"""The wheel, as pipx and uv install it, and what type checkers learn from it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from tests.integration.packages import BIN, wheels_of_all
from tests.unit.local_vm import write_inventory

if TYPE_CHECKING:
    from collections.abc import Mapping

SCRIPT = """\
from dxansible.fleet import FanoutOptions, FanoutOutcome, fanout
from dxansible.sessions import SessionOptions
from lib.fleet import fanout_ssh

result = fanout_ssh("epyc6", "make test", timeout_sec=120.0)
if result.outcome is FanoutOutcome.SUCCESS:
    print(result.stdout.upper(), result.exit_code)
for each in fanout("gpu", "make test", FanoutOptions(cwd="/tmp", env={"CI": "1"})):
    print(each.host, each.error)
"""
MISTAKES = """\
fanout_ssh("epyc6", 7)
fanout_ssh("epyc6", "true", timeout="1m")
result.exit_status
result.exit_code + 1
FanoutOptions(timeout=3.0)
SessionOptions(wait="yes")
FanoutOutcome.DONE
"""
"""Each line is one."""
CHECKERS = {
    "mypy": ["--strict", "--no-incremental", "--cache-dir", os.devnull, "--python-executable"],
    "pyright": ["--pythonpath"],
}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with our wheel, and those of everything that it needs."""
    return wheels_of_all(tmp_path_factory)


@pytest.fixture(scope="module")
def uv(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which ``uv tool install`` has installed it."""
    home = tmp_path_factory.mktemp("uv")
    environment = _environment(home) | {
        "UV_TOOL_DIR": str(home / "tools"),
        "UV_TOOL_BIN_DIR": str(home / "bin"),
        "UV_CACHE_DIR": str(home / "cache"),
    }
    found = ["--no-index", "--find-links", str(wheels), "--python", sys.executable]
    command = [str(BIN / "uv"), "tool", "install", "--offline", "--no-config", *found, "dxansible"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return environment


@pytest.fixture(scope="module")
def pipx(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which ``pipx install`` has installed it."""
    home = tmp_path_factory.mktemp("pipx")
    environment = _environment(home) | {
        "PIPX_HOME": str(home / "tools"),
        "PIPX_BIN_DIR": str(home / "bin"),
        "PIPX_MAN_DIR": str(home / "man"),
        "PIPX_DEFAULT_PYTHON": sys.executable,
    }
    options = f"--no-index --find-links {wheels} --no-compile"
    command = [str(BIN / "pipx"), "install", f"--pip-args={options}", "dxansible"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert (home / "man/man1/dx-dispatch.1").exists()
    return environment


def _environment(home: Path) -> dict[str, str]:
    """That of a new user, whose PATH has no other dx-dispatch and no Ansible."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return kept | {"HOME": str(home), "PATH": f"{home / 'bin'}:/usr/bin:/bin", "DX_ENGINE": "off"}


@pytest.mark.parametrize("installer", ["uv", "pipx"])
def test_an_installed_command_runs_with_what_it_was_installed_with(
    installer: str, request: pytest.FixtureRequest
) -> None:
    environment: Mapping[str, str] = request.getfixturevalue(installer)
    home = Path(environment["HOME"])
    inventory = str(write_inventory(home / "vms.yml"))

    def call(*words: str) -> str:
        command = [shutil.which("dx-dispatch", path=environment["PATH"]) or "", *words]
        done = subprocess.run(
            command, env=environment, cwd=home, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    shown = call("--version")
    assert re.fullmatch(r"dx-dispatch, version \d+\.\d+\.\d+(\.dev\d+(\+g[0-9a-f]{7})?)?\n", shown)
    assert list(Path(request.getfixturevalue("wheels")).glob(f"dxansible-{shown.split()[2]}-*.whl"))
    assert call("here", "--exec", "echo hi", "-i", inventory) == "hi\n"


def test_the_wheel_says_what_it_is(wheels: Path) -> None:
    (path,) = wheels.glob("dxansible-*.whl")
    with ZipFile(path) as wheel:
        names = wheel.namelist()
        (metadata,) = (wheel.read(each).decode() for each in names if each.endswith("/METADATA"))

    assert f"\nVersion: {path.name.split('-')[1]}\n" in metadata
    for line in ("Typing :: Typed", "Programming Language :: Python :: 3.11"):
        assert f"\nClassifier: {line}\n" in metadata
    assert {"dxansible/py.typed", "lib/fleet/py.typed"} <= set(names)
    assert not {"lib/__init__.py", "lib/py.typed"} & set(names)


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_type_checker_finds_mistakes_in_a_user_s_script(
    checker: str, uv: dict[str, str], tmp_path: Path
) -> None:
    python = Path(uv["UV_TOOL_DIR"]) / "dxansible/bin/python"
    script = tmp_path / "script.py"
    script.write_text(SCRIPT + MISTAKES)
    command = [str(BIN / checker), *CHECKERS[checker], str(python), script.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    found = {int(each) for each in re.findall(r"script\.py:(\d+):.*error", done.stdout)}

    first = len(SCRIPT.splitlines()) + 1
    assert found == {*range(first, first + len(MISTAKES.splitlines()))}, (done.stdout, done.stderr)


@pytest.mark.parametrize("ours_first", [True, False])
def test_our_lib_works_beside_the_lib_of_another_package(
    uv: dict[str, str], tmp_path: Path, *, ours_first: bool
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/theirs.py").write_text("NAME = 'theirs'\n")
    python = Path(uv["UV_TOOL_DIR"]) / "dxansible/bin/python"
    add = f"sys.path.{'append(' if ours_first else 'insert(0, '}{str(tmp_path)!r})"
    shown = "lib.theirs.NAME, lib.fleet.fanout_ssh, lib.__path__"
    text = f"import sys; {add}; import lib.theirs, lib.fleet; print({shown})"
    done = subprocess.run(
        [str(python), "-P", "-c", text], cwd="/", capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("theirs <function fanout_ssh")
    places = [str(tmp_path / "lib") in each for each in re.findall(r"'([^']+)'", done.stdout)]
    assert places == ([False, True] if ours_first else [True, False])
