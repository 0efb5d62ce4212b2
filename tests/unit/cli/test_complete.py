"""What a shell is offered: what has a meaning there, from files of this machine alone."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dxansible.cli.complete import SCRIPTS, script
from dxansible.cli.option import Kind, Mode
from dxansible.cli.table import table
from dxansible.seen import Names, Sighting, keep_names, note_sessions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.test_command import Answer

pytestmark = pytest.mark.usefixtures("readers_ended")

SES, JID = "ses_0123456789abcdef-54150442", "31415926535897932384"
BUILT_IN = ["opencode", "claude", "codex", "gemini", "shell"]
BREAKS = " \t\n\"'><=;|&(:"
OPTIONS = [each for each in table().values() if each.kind is not Kind.ARGUMENT]


@pytest.fixture
def offered(inventory: Path) -> Callable[..., list[str]]:
    """Answers zsh: words that may follow; somebody has an inventory and sessions."""
    names = Names(hosts=("web1", "web2", "bad\x1b"), groups=("all", "front"), agents=("robot",))
    keep_names(str(inventory), names)
    note_sessions(
        [
            Sighting(id=SES, kind="agent", host="web1", agent="mine"),
            Sighting(id="smoke_1", kind="command", host="all"),
            Sighting(id=JID, kind="jules"),
        ]
    )

    def ask(*words: str, asking: str = "zsh") -> list[str]:
        return [
            line.partition("\t")[0] for line in _ask(asking, "\0".join(words)).split("\n")[1:-1]
        ]

    return ask


def _ask(shell: str, text: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dxansible"],
        env=os.environ | {"_DX_DISPATCH_COMPLETE": shell},
        input=text.encode(),
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    return done.stdout.decode()


def test_every_option_is_offered_once(offered: Callable[..., list[str]]) -> None:
    assert sorted(offered("-")) == sorted(name for each in OPTIONS for name in each.names)


@pytest.mark.parametrize(
    ("words", "mode"),
    [
        (("--list", "--"), Mode.LIST),
        (("web1", "--exec", "true", "--"), Mode.EXEC),
        (("--logs", JID, "--"), Mode.JULES_LOGS),
        (("--jules", "work", "--"), Mode.JULES),
        (("--session", SES, "--"), Mode.FURTHER),
    ],
)
def test_only_options_that_have_a_meaning_beside_the_others_are_offered(
    offered: Callable[..., list[str]], words: tuple[str, ...], mode: Mode
) -> None:
    valid = {name for each in OPTIONS if mode in each.modes for name in each.names}
    found = offered(*words)

    assert set(found) == {name for name in valid if name.startswith("--")} - set(words)
    assert len(found) > 5


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("",), ["web1", "web2", "all", "front"]),
        (("fr",), ["front"]),
        (("all:!we",), ["all:!web1", "all:!web2"]),
        (("any:fr",), ["any:front"]),
        (("--list", ""), []),
        (("--jules", ""), []),
        (("web1", "w"), []),
        (("web1", "work", ""), []),
        (("--status", ""), ["web1", "web2", "all", "front", SES, "smoke_1", JID]),
        (("--logs", ""), [SES, "smoke_1", JID]),
        (("--abort", "sm"), ["smoke_1"]),
        (("--session", ""), [SES, JID]),
        (("--finalize-pr", ""), [SES, JID]),
        (("--approve", ""), [JID]),
        (("web1", "--agent", ""), [*BUILT_IN, "robot", "mine"]),
        (("web1", "--agent=m"), ["--agent=mine"]),
        (("--logs=ses",), [f"--logs={SES}"]),
        (("--engine", "s"), ["status", "stop"]),
        (("--completion=z",), ["--completion=zsh"]),
        (("web1", "--exec", "--fi"), ["--file"]),
        (("web1", "--exec", ""), []),
        (("web1", "--timeout", ""), []),
        (("web1", "--reviewer", "x", "--fi"), ["--file", "--finalize-pr"]),
        (("--", "we"), ["web1", "web2"]),
        (("--", "--li"), []),
        (("--list=",), []),
        (("-i", "/no/such", "web1", "--ex"), ["--exec"]),
    ],
)  # fmt: skip
def test_a_word_is_offered_where_it_belongs(
    offered: Callable[..., list[str]], words: tuple[str, ...], expected: list[str]
) -> None:
    assert offered(*words) == expected


@pytest.mark.parametrize(
    "words", [("web1", "--file", "x"), ("--file=/e",), ("-i", ""), ("web1", "x", "--template", "")]
)
def test_files_are_the_shell_s_own(inventory: Path, words: tuple[str, ...]) -> None:
    assert inventory.exists()
    assert _ask("fish", "\0".join(words)) == "files\n"


def test_bash_gets_only_what_it_replaces(offered: Callable[..., list[str]]) -> None:
    assert offered(BREAKS, "dx-dispatch all:fr", asking="bash") == ["front"]
    assert offered(BREAKS, "dx-dispatch x --agent=ro", asking="bash") == ["robot"]
    assert offered(BREAKS, "dx-disp", asking="bash") == []


def test_words_say_what_they_are_to_shells_that_show_it(offered: Callable[..., list[str]]) -> None:
    assert offered("")
    text = _ask("fish", "--logs\0")

    assert text == f"words\n{SES}\tmine on web1\nsmoke_1\tcommand on all\n{JID}\tjules\n"
    assert "--engine\tShow the resident engines of this machine, or end them\n" in _ask("zsh", "--")


@pytest.mark.usefixtures("home")
def test_an_inventory_that_is_not_there_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DX_INVENTORY", "/no/such")
    done = subprocess.run(
        [sys.executable, "-m", "dxansible"],
        env=os.environ | {"_DX_DISPATCH_COMPLETE": "zsh"},
        input=b"",
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"dx-dispatch: there is no inventory at /no/such")


def test_an_answer_loads_nothing_that_talks_to_a_network_and_takes_no_time(
    offered: Callable[..., list[str]],
) -> None:
    text = (
        "import sys; from dxansible.cli import complete; complete.answer('zsh');"
        "print(*sys.modules, file=sys.stderr)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", text], input=b"--status\0", capture_output=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    slow = {
        "ansible_runner",
        "asyncio",
        "click",
        "http",
        "requests",
        "socket",
        "subprocess",
        "yaml",
    }

    assert offered("--status", "")
    assert b"web1\thost" in done.stdout
    assert slow.isdisjoint(done.stderr.decode().split())
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.3


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_script_is_printed_and_in_a_document(call: Callable[..., Answer], shell: str) -> None:
    assert call("--completion", shell).out.decode() == script(shell)
    assert call("--completion", shell, "--json").document["script"] == script(shell)
