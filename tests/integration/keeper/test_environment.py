"""A command finds the surroundings that it would find over ssh."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine


def test_directories_come_before_path_and_home_is_expanded(machine: Machine) -> None:
    reply = machine.run("s", 'echo "$PATH"', path="~/bin:/opt/first tool/bin::/x")
    assert reply.out.decode() == f"{machine.home}/bin:/opt/first tool/bin:/x:{machine.path}\n"


def test_a_program_there_wins(machine: Machine) -> None:
    program = machine.home / "bin" / "ls"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho ours\n")
    program.chmod(0o755)
    assert machine.run("s", "ls", path="~/bin").out == b"ours\n"


def test_without_directories_path_stays(machine: Machine) -> None:
    assert machine.run("s", 'echo "$PATH"').out.decode() == machine.path + "\n"


@pytest.mark.parametrize("mask", [0o022, 0o002, 0o077])
def test_the_callers_umask_is_the_commands(machine: Machine, mask: int) -> None:
    before = os.umask(mask)
    try:
        machine.run("s", "touch made")
    finally:
        os.umask(before)
    assert (machine.home / "made").stat().st_mode & 0o777 == 0o666 & ~mask


def test_it_begins_at_home_with_nothing_to_read(machine: Machine) -> None:
    reply = machine.run("s", "pwd; cat; readlink /proc/self/fd/0")
    assert reply.out.decode() == f"{machine.home}\n/dev/null\n"


def test_the_accounts_shell_runs_it(machine: Machine) -> None:
    machine.variables["SHELL"] = shutil.which("bash") or ""
    assert machine.run("s", 'echo "${BASH_VERSION:+bash}"').out == b"bash\n"


@pytest.mark.parametrize("shell", ["/usr/bin/fish", "/nowhere/bash", "/usr/sbin/nologin", ""])
def test_a_shell_that_does_not_speak_sh_is_not_used(machine: Machine, shell: str) -> None:
    machine.variables["SHELL"] = shell
    assert machine.run("s", "echo hi").out == b"hi\n"


def test_a_command_can_know_its_session(machine: Machine) -> None:
    assert machine.run("s", 'echo "$DX_SESSION"').out.decode() == f"{machine.prefix}s\n"


def test_state_goes_below_home_where_xdg_says_nothing(machine: Machine) -> None:
    machine.variables["XDG_STATE_HOME"] = ""
    machine.run("s", "echo hi")
    assert Path(machine.home, ".local/state/dxansible/sessions", f"{machine.prefix}s/end").exists()
