"""The login method `tailscale`, with a stand-in for its command.

No Tailscale runs here: `tailscale` is a shell script of ours, first on PATH, that prints the status
JSON which the real one would give. The way to the machine itself is the lab's real ssh.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.integration.inventories import variables_of, write_hosts

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

HOSTS = {
    "fine": ("OK", None),
    "offline": ("HOST_UNREACHABLE", "last seen 2026-01-02T03:04:05Z; is it switched on?"),
    "expired": ("AUTH_MODE_INVALID", "log in again on that machine"),
    "twins": ("AUTH_MODE_INVALID", "set ansible_host to one's full name"),
    "stranger": ("AUTH_MODE_INVALID", "see: tailscale status"),
}

HERE = {
    "NeedsLogin": "run: tailscale login (https://login.tailscale.com/a/0123)",
    "Stopped": "run: tailscale up",
}


def node(name: str, **more: str | bool) -> dict[str, object]:
    usual = {"HostName": name, "DNSName": f"{name}.example.ts.net.", "Online": True}
    return {**usual, "TailscaleIPs": ["100.64.0.9"], **more}


RUNNING = {
    "BackendState": "Running",
    "Self": node("here"),
    "Peer": {
        "nodekey:1": node("fine"),
        "nodekey:2": node("offline", Online=False, LastSeen="2026-01-02T03:04:05Z"),
        "nodekey:3": node("expired", Expired=True),
        "nodekey:4": node("twins"),
        "nodekey:5": node("twins", DNSName="twins-1.example.ts.net."),
    },
}


@pytest.fixture
def status(user: Dispatcher, epyc6: Vm, tmp_path: Path) -> Path:
    """The file that the stand-in prints; the user's inventory has HOSTS, all leading to one VM."""
    printed = tmp_path / "status.json"
    command = tmp_path / "bin" / "tailscale"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\n[ "$*" = "status --json" ] && exec cat {printed}\n')
    command.chmod(0o755)
    usual = {**variables_of(epyc6), "dx_auth_mode": "tailscale"}
    inventory = write_hosts(tmp_path, dict.fromkeys(HOSTS, usual))
    user.environment["DX_INVENTORY"] = str(inventory)
    user.environment["PATH"] = f"{command.parent}{os.pathsep}{user.environment['PATH']}"
    return printed


def test_each_peer_is_judged_by_what_tailscale_says_of_it(user: Dispatcher, status: Path) -> None:
    status.write_text(json.dumps(RUNNING))
    answer = user.run("all", "--exec", "echo hello", "--json")
    assert answer.code == 3
    results = {result["host"]: result for result in answer.document["results"]}
    assert results["fine"]["stdout"] == "hello\n"
    for name, (expected, says) in HOSTS.items():
        assert results[name]["reason"] == expected.replace("OK", "ok")
        assert says is None or says in results[name]["error"]
        assert results[name]["attempts"] == (1 if name == "fine" else 0)


@pytest.mark.parametrize(("state", "says"), HERE.items(), ids=HERE)
def test_a_tailscale_that_does_not_run_here_fails_every_host(
    user: Dispatcher, status: Path, state: str, says: str
) -> None:
    url = "https://login.tailscale.com/a/0123" if state == "NeedsLogin" else ""
    status.write_text(json.dumps({"BackendState": state, "AuthURL": url, "Peer": None}))
    answer = user.run("--list", "--json")
    assert answer.code == 3
    for host in answer.document["hosts"]:
        assert host["status"] == "AUTH_MODE_INVALID"
        assert says in host["error"]
