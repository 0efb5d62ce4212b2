"""Rules of a command in words, and of words in a place where they mean something else."""

from __future__ import annotations

import shutil
import subprocess
from random import Random
from typing import TYPE_CHECKING

import pytest

from dxansible.cli import argv
from dxansible.errors import UsageError
from tests.unit.shown_calls import understand

if TYPE_CHECKING:
    from pathlib import Path

CHARACTERS = "=ab'\"\\ $`*~{},;|&!%@-\n#()[]?<>^+:/é"


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "busybox"])
def test_words_after_two_dashes_reach_the_program_as_they_are(shell: str) -> None:
    random = Random(5)  # noqa: S311 - the same words each time
    call = [str(shutil.which(shell)), *(["sh"] if shell == "busybox" else []), "-c"]
    for _ in range(100):
        words = ["".join(random.choices(CHARACTERS, k=random.randrange(6))) for _ in range(4)]
        line = ["here", "--exec", "--", "printf", r"%s\0", *words]
        command = argv.read(argv.complete(line))["command"]
        run = subprocess.run([*call, command], capture_output=True, text=True, check=True)
        assert run.stdout.split("\0")[:-1] == words, command


@pytest.mark.parametrize(
    ("line", "command", "others"),
    [
        ("h --exec -- ls -l --json", "ls -l --json", {"target": "h"}),
        ("h --exec --json --timeout 5 -- ls", "ls", {"target": "h", "json": "", "timeout": "5"}),
        ("--exec -v h -- ls", "ls", {"target": "h", "verbose": ""}),
        ("h --exec", "", {"target": "h"}),
        ("h --exec --", "", {"target": "h"}),
        ("h --file x --exec", "", {"target": "h", "file": "x"}),
        ("h --exec --file=x", "", {"target": "h", "file": "x"}),
        ("h --exec --json --file x", "", {"target": "h", "json": "", "file": "x"}),
        ("h --exec=--json", "--json", {"target": "h"}),
        ("h --exec task=1", "task=1", {"target": "h"}),
        ("h --exec ls -- /tmp", "ls", {"target": "h", "task": "/tmp"}),
        ("--agent --exec -- h --exec", None, {"agent": "--exec", "target": "h", "task": "--exec"}),
    ],
)
def test_a_command_has_a_value_unless_an_option_follows(
    line: str, command: str | None, others: dict[str, str]
) -> None:
    found = argv.read(argv.complete(line.split()))

    assert found.pop("command", None) == command
    assert found == others


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        (["h", "--exec", "ls", "/tmp"], "--exec 'ls /tmp'"),
        (["h", "--exec", "ls", "-la"], "--exec 'ls -la'"),
        (["h", "--exec", "ls", "--zzz", "a", "b"], "--exec 'ls --zzz a b'"),
        (["h", "--exec=ls", "--json", "/a", "--timeout", "5", "/b"], "--exec 'ls /a /b'"),
        (["--exec", "ls", "h", "/tmp", "x y"], "--exec -- ls /tmp 'x y'"),
    ],
)
def test_a_command_without_quotes_is_shown_with_them(line: list[str], remedy: str) -> None:
    with pytest.raises(UsageError) as raised:
        understand(line)

    assert raised.value.remedy == f"quote the command: {remedy}"


def test_a_misspelt_option_of_ours_may_be_one_of_the_command() -> None:
    with pytest.raises(UsageError, match=r"No such option .*--json.*or quote .* 'ls --jsno'"):
        understand(["h", "--exec", "ls", "--jsno"])
    with pytest.raises(UsageError, match=r"No such option '--jsno'.*; see dx-dispatch --help$"):
        understand(["h", "--jsno", "--exec", "ls", "a"])


def test_a_task_of_one_word_that_is_a_program_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deploy").touch(mode=0o755)
    (tmp_path / "notes").touch(mode=0o644)
    monkeypatch.setenv("PATH", str(tmp_path))

    for word in ("deploy", " deploy\n", "cd", "export"):
        with pytest.raises(UsageError, match=f"run it with --exec {word.strip()}; "):
            understand(["h", word])
    for line in (
        ["h", "notes"], ["h", "Continue"], ["h", "deploy it"], ["h", "deploy", "--agent", "shell"],
        ["h", "/review"], ["--session", "ses_0123456789abcdef-54150442", "deploy"],
        ["--jules", "deploy"], ["h", "--exec", "deploy"], ["h", "--file", "deploy"],
    ):  # fmt: skip
        assert understand(line)
