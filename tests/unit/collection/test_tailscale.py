"""Rules of asking the Tailscale client; a command of that name stands for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.tailscale import (
    TailscaleError,
    check_peer,
    find_peer,
    read_status,
)

if TYPE_CHECKING:
    from pathlib import Path

EPYC6 = {
    "HostName": "EPYC 6",
    "DNSName": "epyc6.tail1a2b.ts.net.",
    "TailscaleIPs": ["100.64.0.6", "fd7a:115c:a1e0::6"],
    "Online": True,
}
OFFLINE = {
    "HostName": "macmini",
    "DNSName": "macmini.tail1a2b.ts.net.",
    "TailscaleIPs": ["100.64.0.7"],
    "Online": False,
    "LastSeen": "2026-11-20T08:00:00Z",
}
EXPIRED = {"HostName": "old", "DNSName": "old.tail1a2b.ts.net.", "Online": True, "Expired": True}
SELF = {"HostName": "laptop", "DNSName": "laptop.tail1a2b.ts.net.", "TailscaleIPs": ["100.64.0.1"]}
STATUS: dict[str, Any] = {
    "BackendState": "Running",
    "Self": SELF,
    "Peer": {"nodekey:1": EPYC6, "nodekey:2": OFFLINE, "nodekey:3": EXPIRED},
}


def install(monkeypatch: pytest.MonkeyPatch, directory: Path, script: str) -> None:
    (directory / "tailscale").write_text(script)
    (directory / "tailscale").chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")


def complaint(names: list[str], **changes: object) -> TailscaleError:
    with pytest.raises(TailscaleError) as raised:
        check_peer(STATUS | changes, names)
    return raised.value


def test_the_status_is_read_as_the_client_gives_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = f"#!/bin/sh\n[ \"$*\" = 'status --json' ] && cat <<'END'\n{json.dumps(STATUS)}\nEND\n"
    install(monkeypatch, tmp_path, script)

    assert read_status(5) == STATUS


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (
            "#!/bin/sh\necho 'failed to connect to local tailscaled; is it running?' >&2\nexit 1\n",
            "failed to connect to local tailscaled; is it running?",
        ),
        ("#!/bin/sh\nexit 1\n", "tailscale status printed no JSON"),
        ("#!/bin/sh\necho '[]'\n", "tailscale status printed no JSON object"),
        ("#!/bin/sh\nexec sleep 60\n", "did not answer within 0.2 s; is tailscaled hung?"),
        ("#!/no/such/shell\n", "tailscale status can't be run: No such file"),
    ],
)
def test_a_client_that_gives_no_status_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, text: str
) -> None:
    install(monkeypatch, tmp_path, script)

    with pytest.raises(TailscaleError) as raised:
        read_status(0.2)

    assert text in raised.value.text
    assert not raised.value.offline


def test_without_a_client_the_text_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(TailscaleError) as raised:
        read_status(5)

    assert "install Tailscale or set dx_auth_mode: ssh_key" in raised.value.text


@pytest.mark.parametrize(
    "name",
    [
        *("epyc6", "EPYC6", "epyc6.tail1a2b.ts.net", "epyc6.tail1a2b.ts.net."),
        *("epyc 6", "100.64.0.6", "fd7a:115c:a1e0::6"),
    ],
)
def test_a_node_is_found_by_every_name_that_it_has(name: str) -> None:
    assert find_peer(STATUS, ["", "unknown", name]) == EPYC6


def test_this_machine_is_a_node_too() -> None:
    assert find_peer(STATUS, ["laptop"]) == SELF


@pytest.mark.parametrize("status", [{}, {"Peer": None, "Self": None}, STATUS])
def test_a_node_that_is_not_there_is_not_found(status: dict[str, Any]) -> None:
    assert find_peer(status, ["epyc7"]) is None


def test_a_name_that_two_nodes_have_is_told() -> None:
    twin = EPYC6 | {"DNSName": "epyc6-1.tail1a2b.ts.net.", "TailscaleIPs": None}

    error = complaint(["epyc 6"], Peer={"nodekey:1": EPYC6, "nodekey:2": twin})

    assert "several Tailscale nodes are called epyc 6; set ansible_host" in error.text


@pytest.mark.parametrize("state", ["Running", "Starting"])
def test_a_node_that_is_online_can_be_used(state: str) -> None:
    check_peer(STATUS | {"BackendState": state}, ["epyc6"])


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("NoState", "has not started yet here; run: tailscale up"),
        ("InUseOtherUser", "in use by another user of this machine"),
        ("NeedsLogin", "logged out here; run: tailscale login"),
        ("NeedsMachineAuth", "not yet approved by the tailnet's admin"),
        ("Stopped", "stopped here; run: tailscale up"),
        ("Sleeping", "Tailscale is in state Sleeping here"),
        ("", "has not started yet here"),
        (None, "has not started yet here"),
    ],
)
def test_a_client_that_does_not_run_says_why(state: str | None, text: str) -> None:
    error = complaint(["epyc6"], BackendState=state)

    assert text in error.text
    assert not error.offline


def test_a_login_comes_with_the_address_to_visit() -> None:
    url = "https://login.tailscale.com/a/1a2b"

    assert complaint(["epyc6"], BackendState="NeedsLogin", AuthURL=url).text.endswith(f"({url})")


def test_an_unknown_node_is_told_by_the_name_that_was_asked_first() -> None:
    assert complaint(["epyc7", "100.64.0.9"]).text.startswith("no Tailscale node is called epyc7;")


def test_an_expired_key_is_no_fault_of_the_connection() -> None:
    error = complaint(["old"])

    assert "the Tailscale key of old has expired; log in again on that machine" in error.text
    assert not error.offline


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        ("2026-11-20T08:00:00Z", "offline in Tailscale, last seen 2026-11-20T08:00:00Z; is it"),
        ("0001-01-01T00:00:00Z", "offline in Tailscale; is it switched on?"),
        (None, "offline in Tailscale; is it switched on?"),
    ],
)
def test_a_node_that_is_offline_is_the_one_to_look_at(seen: str | None, text: str) -> None:
    error = complaint(["macmini"], Peer={"nodekey:2": OFFLINE | {"LastSeen": seen}})

    assert text in error.text
    assert error.offline
