"""A short command costs the machine few processes."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import Keeper

from tests.lab import forks

if TYPE_CHECKING:
    from pathlib import Path

MOST = 14
TRIES = 40
"""On a busy machine a short command takes long, and then there is more to wait for."""


class _Here:
    """A connection to this machine that counts what each call makes."""

    def __init__(self, home: Path) -> None:
        self._environment = {"HOME": str(home), "PATH": os.environ["PATH"], "SHELL": "/bin/sh"}
        self.counts: list[int] = []

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, *, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        del sudoable
        made, out = forks.count(shlex.split(cmd), in_data or b"", self._environment)
        self.counts.append(made)
        return 0, out, b""


@pytest.mark.skipif(not forks.can_count(), reason="no pid namespace for this user")
def test_a_short_command_makes_few_processes(tmp_path: Path) -> None:
    here = _Here(tmp_path)
    keeper = Keeper(here)
    keeper.start("first", b"true", {"deadline": 60, "wait": 1})  # stores the script, cleans up
    here.counts.clear()
    for number in range(TRIES):
        reply = keeper.start(
            f"s{number}", b"echo hi", {"deadline": 60, "wait": 1}, about=b"0a {}\n"
        )
        assert (reply.state, reply.code, reply.out) == ("exited", 0, b"hi\n")
        if here.counts[-1] <= MOST:
            return
    pytest.fail(f"never so few: {here.counts}")
