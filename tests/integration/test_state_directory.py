"""What is kept on a VM is its user's alone, and what is run from there is what was put there."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from tests.integration.vm_processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

pytestmark = pytest.mark.resident

RUN = ("epyc6", "--exec", "echo ran >>ran", "--json")


@pytest.fixture
def state(epyc6: Vm, user: Dispatcher) -> Iterator[Path]:
    """The directory of a VM on which a command has run."""
    assert user.run("epyc6", "--exec", "true").code == 0
    state = epyc6.home / ".local" / "state" / "dxansible"
    yield state
    if state.is_symlink():
        state.unlink()
    shutil.rmtree(state, ignore_errors=True)
    (epyc6.home / "ran").unlink(missing_ok=True)


def _keepers(state: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in state.glob("keeper-*")}


def _half(script: bytes) -> bytes:
    return script[: len(script) // 2]


def _other_words(script: bytes) -> bytes:
    return script.replace(b"#!/bin/sh\n", b"touch ~/altered\n", 1)


@pytest.mark.parametrize("change", [_half, _other_words, lambda _: b""])
def test_an_altered_script_is_replaced_and_not_run(
    user: Dispatcher, state: Path, change: Callable[[bytes], bytes]
) -> None:
    before = _keepers(state)
    for name, script in before.items():
        (state / name).write_bytes(change(script))
    assert user.run("epyc6", "--exec", "test ! -e altered").code == 0
    assert _keepers(state) == before


def test_a_directory_that_others_can_enter_is_closed(user: Dispatcher, state: Path) -> None:
    state.chmod(0o775)
    assert user.run(*RUN).code == 0
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def _refused(user: Dispatcher, words: str) -> None:
    result = user.run(*RUN).result
    assert (result["outcome"], result["reason"]) == ("FAILURE", "vm_error")
    assert f"/dxansible {words}; move it away, or set XDG_STATE_HOME" in str(result["error"])


def test_a_symbolic_link_is_refused(user: Dispatcher, epyc6: Vm, state: Path) -> None:
    moved = epyc6.home / "moved"
    state.rename(moved)
    state.symlink_to(moved)
    _refused(user, "is a symbolic link")
    assert not (epyc6.home / "ran").exists()
    shutil.rmtree(moved)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_somebody_elses_directory_is_refused(user: Dispatcher, epyc6: Vm, state: Path) -> None:
    owner = state.stat()
    state.chmod(0o777)
    os.chown(state, 0, 0)
    _refused(user, "belongs to somebody else")
    assert not (epyc6.home / "ran").exists()
    os.chown(state, owner.st_uid, owner.st_gid)


def test_a_transfer_of_the_script_that_is_cut_leaves_nothing(
    user: Dispatcher, epyc6: Vm, state: Path
) -> None:
    shutil.rmtree(state)
    user.drop_connections()
    epyc6.cut_after(up=12_000)
    assert user.run(*RUN, "--retries", "0").code != 0
    epyc6.heal()
    wait_until(lambda: not list(state.glob(".keeper.*")), 30, "the part that arrived is gone")
    assert user.run(*RUN).code == 0
    assert (epyc6.home / "ran").read_text() == "ran\n"


def test_a_command_whose_transfer_is_cut_leaves_nothing(
    user: Dispatcher, epyc6: Vm, state: Path, tmp_path: Path
) -> None:
    long = tmp_path / "long.sh"
    long.write_text("".join(f": {secrets.token_hex(50_000)}\n" for _ in range(20)))
    user.drop_connections()
    epyc6.cut_after(up=500_000)
    assert user.run("epyc6", "--exec", "--file", str(long), "--retries", "0", "--json").code != 0
    epyc6.heal()
    assert user.run("epyc6", "--exec", "true").code == 0
    wait_until(lambda: not list((state / "incoming").iterdir()), 30, "the part is gone")
    assert not [path for path in state.rglob("*") if path.name == "command"]
