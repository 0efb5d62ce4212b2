"""What a VM says can't drive the terminal of whoever reads it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from tests.integration.inventories import variables_of, write_hosts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.dispatcher import Answer, Dispatcher
    from tests.lab import Vm

CLIPBOARD, TITLE, C1 = "\x1b]52;c;eA==\x07", "\x1b]0;title\x07", "\x9d0;title\x9c"
NASTY = f"a{CLIPBOARD}b{TITLE}c{C1}d\u202ee"


def _check_harmless(answer: Answer) -> None:
    shown = answer.out.decode() + answer.err.decode()
    assert [mark for mark in ("\x1b", "\x07", "\x9d", "\u202e") if mark in shown] == []


@pytest.fixture
def nasty_agent(epyc6: Vm) -> Iterator[str]:
    """An agent of the VM whose version drives terminals."""
    program = epyc6.home / "opencode"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' '{NASTY}'\n")
    program.chmod(0o755)
    yield str(epyc6.home)
    program.unlink()


def test_a_version_that_a_vm_reports_is_harmless(
    user: Dispatcher, epyc6: Vm, nasty_agent: str, tmp_path: Path
) -> None:
    inventory = write_hosts(tmp_path, {"epyc6": variables_of(epyc6) | {"dx_path": nasty_agent}})
    for call in (("--list",), ("--status", "epyc6")):
        answer = user.run("-i", str(inventory), *call)
        assert answer.code == 0
        assert b"opencode a" in answer.out
        _check_harmless(answer)


@pytest.mark.resident
def test_words_of_a_refused_connection_are_harmless(
    user: Dispatcher, epyc6: Vm, tmp_path: Path
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\nprintf '%s\\n' '{NASTY}: Connection refused' >&2\nexit 255\n")
    ssh.chmod(0o755)
    hosts = {"epyc6": {**variables_of(epyc6), "ansible_ssh_executable": str(ssh)}}
    inventory = str(write_hosts(tmp_path, hosts))
    calls = (("epyc6", "--exec", "true"), ("--status", "epyc6"), ("--sessions",), ("--clean",))
    for call in calls:
        answer = user.run("-i", inventory, *call)
        assert answer.code != 0
        _check_harmless(answer)


@pytest.mark.resident
def test_what_an_agent_has_said_is_harmless(user: Dispatcher, epyc6: Vm) -> None:
    said = base64.b64encode(NASTY.encode()).decode()
    task = f"echo {said} | base64 -d; # {NASTY}"
    started = user.run(epyc6.name, task, "--agent", "shell", "--wait", "--json")
    session = str(started.result["session_id"])
    try:
        for call in (("--sessions",), ("--status", session)):
            answer = user.run(*call)
            assert answer.code == 0
            assert session.encode() in answer.out
            _check_harmless(answer)
    finally:
        user.run("--clean", "--age", "0")


@pytest.mark.resident
def test_a_commands_own_output_stays_as_it_is(user: Dispatcher, epyc6: Vm) -> None:
    answer = user.run(epyc6.name, "--exec", f"printf %s '{NASTY}'")

    assert (answer.code, answer.out.decode()) == (0, NASTY)
