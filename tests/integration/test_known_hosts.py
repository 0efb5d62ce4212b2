"""A host key that is accepted and can't be kept is said to be forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.dispatcher import OBEY_MODES
from tests.integration.inventories import variables_of, write_hosts

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

WARNING = b"host_key_not_remembered host=epyc6 "


@pytest.fixture
def known_hosts(user: Dispatcher, epyc6: Vm, tmp_path: Path) -> Path:
    """The user's known_hosts, empty; the only one that there is."""
    file = user.home / "known_hosts"
    file.touch()
    options = f"-o UserKnownHostsFile={file} -o GlobalKnownHostsFile=none"
    hosts = {"epyc6": {**variables_of(epyc6), "ansible_ssh_common_args": options}}
    user.environment["DX_INVENTORY"] = str(write_hosts(tmp_path, hosts))
    return file


def test_a_key_that_can_not_be_kept_is_told_with_a_remedy(
    user: Dispatcher, known_hosts: Path
) -> None:
    known_hosts.chmod(0o400)
    for _ in range(2):
        answer = user.run("epyc6", "--exec", "true", through=OBEY_MODES)
        assert answer.code == 0
        assert WARNING in answer.err
        assert f"{known_hosts} is not writable".encode() in answer.err
        user.drop_connections()
    assert known_hosts.read_bytes() == b""


def test_a_key_that_is_kept_or_known_is_no_matter(user: Dispatcher, known_hosts: Path) -> None:
    for mode in (0o600, 0o400):
        known_hosts.chmod(mode)
        answer = user.run("epyc6", "--exec", "true", through=OBEY_MODES)
        assert answer.code == 0
        assert b"host_key_not_remembered" not in answer.err
        user.drop_connections()
    assert known_hosts.read_bytes() != b""
