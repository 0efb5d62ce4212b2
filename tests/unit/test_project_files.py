"""The files at the root that editors, git and the forge read do what they are for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PLANTED = {
    "ruff": ("planted.py", "import os\n"),
    "ruff-format": ("planted.py", "x = {  }\n"),
    "yamllint": ("planted.yml", "a: 1\na: 2\n"),
    "shellcheck": ("planted.sh", "#!/bin/sh\ncd $1\n"),
}
"""A mistake for each hook of a commit."""


def _hooks() -> dict[str, dict[str, object]]:
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert local["repo"] == "local"
    return {each["id"]: each for each in local["hooks"]}


@pytest.mark.parametrize("hook", [each for each in _hooks() if "stages" not in _hooks()[each]])
def test_a_hook_of_a_commit_finds_a_mistake(hook: str, tmp_path: Path) -> None:
    name, text = PLANTED[hook]
    (tmp_path / name).write_text(text)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    for each in (".pre-commit-config.yaml", ".yamllint", ".gitignore", "pyproject.toml"):
        (tmp_path / each).symlink_to(ROOT / each)
    environment = {**os.environ, "HOME": str(tmp_path), "PRE_COMMIT_HOME": str(tmp_path / "cache")}
    environment = {key: value for key, value in environment.items() if key[:4] != "GIT_"}

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    assert run("git", "init", "-q").returncode == 0
    assert run("git", "add", name, ".pre-commit-config.yaml").returncode == 0
    done = run(str(BIN / "pre-commit"), "run", hook, "--files", name)

    assert done.returncode == 1, (done.stdout, done.stderr)
    assert f"hook id: {hook}\n" in done.stdout
    assert name in done.stdout


def test_a_push_is_linted_whole() -> None:
    (push,) = [each for each in _hooks().values() if "stages" in each]

    assert (push["entry"], push["stages"], push["always_run"]) == ("make lint", ["pre-push"], True)


def test_the_workflow_runs_what_the_continuous_integration_runs() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    (job,) = workflow["jobs"].values()
    commands = [each["run"] for each in job["steps"] if "run" in each]

    assert commands == [".ci/run"]
    assert os.access(ROOT / commands[0], os.X_OK)
    assert workflow["permissions"] == {"contents": "read"}
    assert job["strategy"]["matrix"]["python"][0] == "3.11"
