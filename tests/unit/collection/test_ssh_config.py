"""What ssh -G has said is remembered only as long as it would say the same."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils import ssh_config
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_config import (
    read_ssh_config,
    remembered_ssh_config,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_config import SshConfig

    Ask: TypeAlias = Callable[[], tuple[SshConfig, bool]]


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a test are young; that they are too young is a test of its own."""
    monkeypatch.setattr(ssh_config, "_SETTLED", -60.0)
    monkeypatch.setattr(ssh_config, "_known", {})


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask for a host by a configuration, and tell whether the real ssh was asked."""
    calls = [0]

    def counted(arguments: list[str], timeout: float) -> object:
        calls[0] += 1
        return read_ssh_config(arguments, timeout)

    def run() -> tuple[SshConfig, bool]:
        before = calls[0]
        found = remembered_ssh_config(["-F", str(tmp_path / "config"), "--", "vm"], 5)
        return found, calls[0] > before

    monkeypatch.setattr(ssh_config, "read_ssh_config", counted)
    return run


def test_ssh_is_asked_once_until_a_file_changes(ask: Ask, tmp_path: Path) -> None:
    config, part = tmp_path / "config", tmp_path / "parts" / "one"
    part.parent.mkdir()
    part.write_text("Host vm\n  Port 2201\n")
    config.write_text(f"Include {part.parent}/*\nHost vm\n  HostName 127.0.0.9\n")

    first, asked = ask()
    assert (first.hostname, first.port, asked) == ("127.0.0.9", 2201, True)
    assert ask() == (first, False)

    part.write_text("Host vm\n  Port 2202\n")
    assert (ask()[0].port, ask()[1]) == (2202, False)

    (part.parent / "0").write_text("Host vm\n  Port 2203\n")
    assert ask()[0].port == 2203


@pytest.mark.parametrize(
    "line",
    ["Match exec true", "match host vm", "CanonicalizeHostname no", "Include ${HOME}/x/*"],
)
def test_what_files_do_not_decide_is_asked_each_time(ask: Ask, tmp_path: Path, line: str) -> None:
    (tmp_path / "config").write_text(f"{line}\n")

    assert [ask()[1], ask()[1]] == [True, True]


def test_a_file_that_has_just_changed_is_not_trusted(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_config, "_SETTLED", 2.5)
    (tmp_path / "config").write_text("Port 2201\n")
    os.utime(tmp_path / "config", (time.time() - 60,) * 2)  # its other time stays

    assert [ask()[1], ask()[1]] == [True, True]
