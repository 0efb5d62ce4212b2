"""Rules of ``--open``: the agent's own screen, in the session's directory on its VM."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import Work, begin, on_vm
from tests.integration.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

pytestmark = pytest.mark.resident

_AGENTS = """\
---
dx_agent: shell
dx_path: ["~/own programs"]
dx_agents:
  screened:
    start: [sh, -c, 'cat >/dev/null; echo "{\\"id\\": \\"n-1\\"}"']
    resume: [sh, -c, 'cat >/dev/null', sh, "{native_id}"]
    events: json
    native_id: id
    open: [screen-of, "it's", "{native_id}", "{directory}"]
"""
DIRECTORY = "it's $(id) mine"


@pytest.fixture(scope="session")
def inventory(inventory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab's, with an agent that has a screen of its own."""
    directory = tmp_path_factory.mktemp("open") / "inventory"
    shutil.copytree(inventory, directory)
    (directory / "group_vars" / "all.yml").write_text(_AGENTS)
    return directory


def test_the_printed_command_opens_the_screen_in_the_directory(user: Dispatcher, epyc6: Vm) -> None:
    place = shlex.quote(DIRECTORY)
    on_vm(
        epyc6,
        f"mkdir -p {place} 'own programs'; cd 'own programs';"
        "printf '%s\\n' '#!/bin/sh' 'printf \"[%s]\" \"$PWD\" \"$@\"' >screen-of;"
        "chmod +x screen-of",
    )
    started = user.run(
        "epyc6", "Look here", "--agent", "screened", "--dir", DIRECTORY, "--wait", "--json"
    )
    session = str(started.result["session_id"])
    printed = user.run("--open", session)
    assert printed.code == 0, printed.err
    words = shlex.split(printed.out.decode())
    assert (words[0], "-t" in words, "BatchMode=yes" in words) == ("ssh", True, False)
    assert "StrictHostKeyChecking=accept-new" in words
    done = subprocess.run(
        ["sh", "-c", printed.out], env=user.environment, capture_output=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    there = f"{epyc6.home}/{DIRECTORY}"
    assert done.stdout.decode() == f"[{there}][it's][n-1][{there}]", done.stderr


def test_on_a_terminal_it_opens_at_once(user: Dispatcher, work: Work) -> None:
    session = begin(user, work.task)
    work.runs()
    with Terminal(user, "--open", session[:14], columns=200) as terminal:
        terminal.until(lambda: "a turn of it is running" in terminal.text)
        terminal.press("echo pl''ace $PWD; exit 7\r")
        assert terminal.finish() == 7
    assert f"place {work.vms[0].home}" in terminal.text


def test_what_cannot_be_opened_says_why(user: Dispatcher) -> None:
    options = ("--agent", "screened", "--dir", "/no", "--wait", "--json")
    failed = user.run("epyc6", "Look here", *options)
    session = str(failed.result["session_id"])
    for name, words in (
        (session, "screened has begun no conversation in it"),
        ("ses_0123456789abcdef-54150442", "no session named"),
    ):
        answer = user.run("--open", name)
        assert (answer.code, answer.out) == (2, b"")
        assert words in answer.err.decode()
