"""A command finds the surroundings that it would find over ssh."""

from __future__ import annotations

import os
import shutil
import subprocess
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


@pytest.mark.parametrize("name", ["sh", "bash", "dash", "zsh"])
def test_the_errors_of_its_shell_are_those_that_ssh_would_bring(
    machine: Machine, name: str
) -> None:
    shell = shutil.which(name)
    if shell is None:
        pytest.skip(f"{name} is not here")
    machine.variables["SHELL"] = shell
    text = "echo first\nnosuchcmd\nexit 3\n"
    by_ssh = subprocess.run([shell, "-c", text], capture_output=True, check=False)

    reply = machine.run("s", text)

    assert (reply.code, reply.out) == (3, b"first\n")
    assert b"nosuchcmd" in reply.err
    assert str(machine.home).encode() not in reply.err
    if name in {"bash", "sh"}:
        assert reply.err.replace(b"eval: ", b"") == by_ssh.stderr.replace(
            shell.encode(), name.encode()
        )


@pytest.mark.parametrize(
    "text",
    [
        "exit 4",
        "if true",
        "echo \\",
        "echo '",
        "#",
        "cat <<E\nx\nE",
        "echo \xff\x80 | od",
        "(exit 4)",
    ],
)
@pytest.mark.parametrize("name", ["bash", "dash", "zsh"])
def test_a_text_ends_as_an_argument_of_the_shell_would(
    machine: Machine, name: str, text: str
) -> None:
    shell = shutil.which(name)
    if shell is None:
        pytest.skip(f"{name} is not here")
    machine.variables["SHELL"] = shell
    by_ssh = subprocess.run([shell, "-c", text], capture_output=True, check=False)

    reply = machine.run("s", text)

    assert (reply.code, reply.out) == (by_ssh.returncode, by_ssh.stdout)


def test_nobody_sees_the_text_of_a_command_and_it_sees_nothing_of_its_reading(
    machine: Machine,
) -> None:
    machine.variables["SHELL"] = shutil.which("bash") or ""
    text = "tr '\\0' ' ' </proc/$$/cmdline; env; echo $# \"$1\" ${text-unset} : swordfish; cat"
    reply = machine.run("s", text)

    assert b"swordfish" not in reply.out.replace(b": swordfish", b"")
    assert reply.out.endswith(b"0  unset : swordfish\n")


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("#!/usr/bin/python3\nimport os\nprint(os.environ.get('A', '1').strip())\n", b"1\n"),
        ("#! /usr/bin/awk -f\nBEGIN { print 2 }\n", b"2\n"),
        ("#!/bin/bash -eu\nfalse\necho never\n", b""),
        ("#!/usr/bin/env sh\necho 3 ${0##*/}", b"3 sh\n"),
        ("#!/nowhere/perl\nprint 4\n", b""),
        ("#!\necho 5\n", b"5\n"),
    ],
)
@pytest.mark.parametrize("place", ["", "#!dx 2\nexport A='1\n'; cd -- '/'; \n"])
def test_a_first_line_that_names_an_interpreter_is_obeyed(
    machine: Machine, place: str, text: str, out: bytes
) -> None:
    reply = machine.run("s", place + text)

    assert reply.out == out
    assert (reply.code == 0) == bool(out)


def test_a_command_can_know_its_session(machine: Machine) -> None:
    assert machine.run("s", 'echo "$DX_SESSION"').out.decode() == f"{machine.prefix}s\n"


def test_state_goes_below_home_where_xdg_says_nothing(machine: Machine) -> None:
    machine.variables["XDG_STATE_HOME"] = ""
    machine.run("s", "echo hi")
    assert Path(machine.home, ".local/state/dxansible/sessions", f"{machine.prefix}s/end").exists()
