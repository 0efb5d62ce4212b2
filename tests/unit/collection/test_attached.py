"""Rules of the files that a playbook sends to an agent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.inputs import (
    MOST_BYTES,
    Inputs,
    Payload,
    read_files,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.session import CommandError

if TYPE_CHECKING:
    from pathlib import Path


def test_files_are_read_as_they_are_up_to_the_limit(tmp_path: Path) -> None:
    small, big = tmp_path / "small", tmp_path / "big"
    small.write_bytes(b"\0\xff")
    big.write_bytes(bytes(MOST_BYTES - 2))

    assert read_files([str(small), str(big)]) == [
        ("small", b"\0\xff"),
        ("big", bytes(MOST_BYTES - 2)),
    ]
    with pytest.raises(CommandError, match="the files have more than 10 MiB"):
        read_files([str(small), str(small), str(big)])


def test_what_can_t_be_read_is_named(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(CommandError, match=f"{pipe} is no file"):
        read_files([str(pipe)])
    with pytest.raises(CommandError, match="absent can't be read on the controller: No such file"):
        read_files([str(tmp_path / "absent")])
    with pytest.raises(CommandError, match="can't be read on the controller: embedded null byte"):
        read_files(["a\0b"])


def test_the_socket_s_files_come_first() -> None:
    assert Inputs(payload=Payload(data=b"0\ntask")).attachments(["/no/such/file"]) == []
