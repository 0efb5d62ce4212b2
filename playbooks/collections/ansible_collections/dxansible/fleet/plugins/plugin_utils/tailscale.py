# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks the Tailscale client of this machine about itself and about one peer.

``tailscale status --json`` exits 0 even when logged out, so its BackendState is what counts
(ipnstate.Status).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MACOS_APP = "/Applications/Tailscale.app/Contents/MacOS/Tailscale"

_STATES = {
    "NeedsLogin": "Tailscale is logged out here; run: tailscale login",
    "NeedsMachineAuth": "this machine is not yet approved by the tailnet's admin",
    "Stopped": "Tailscale is stopped here; run: tailscale up",
    "NoState": "Tailscale has not started yet here; run: tailscale up",
    "InUseOtherUser": "Tailscale is in use by another user of this machine",
}


@dataclass(frozen=True, slots=True)
class TailscaleError(Exception):
    """Tailscale can't reach the host; the text says why and what to do."""

    text: str
    offline: bool = False
    """The peer is offline; Tailscale itself works."""


def read_status(timeout: float) -> Mapping[str, Any]:
    """The parsed ``tailscale status --json``, waiting up to ``timeout`` seconds.

    Raises TailscaleError.
    """
    binary = shutil.which("tailscale") or (_MACOS_APP if os.access(_MACOS_APP, os.X_OK) else None)
    if binary is None:
        raise TailscaleError(
            "there is no tailscale command here; install Tailscale or set dx_auth_mode: ssh_key"
        )
    try:
        done = subprocess.run(
            [binary, "status", "--json"], capture_output=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        raise TailscaleError(
            f"tailscale status did not answer within {timeout:g} s; is tailscaled hung?"
        ) from None
    except OSError as error:
        raise TailscaleError(f"tailscale status can't be run: {error.strerror}") from error
    try:
        status = json.loads(done.stdout)
    except ValueError:
        complaint = done.stderr.decode(errors="replace").strip().splitlines()
        raise TailscaleError(
            complaint[0] if complaint else "tailscale status printed no JSON"
        ) from None
    if not isinstance(status, dict):
        raise TailscaleError("tailscale status printed no JSON object")
    return status


def find_peer(status: Mapping[str, Any], names: Iterable[str]) -> Mapping[str, Any] | None:
    """The node that has one of the names; None if there is none.

    A name is a DNS name, its first label, a host name or an address.
    Raises TailscaleError when several nodes share the name.
    """
    wanted = {name.lower().rstrip(".") for name in names if name}
    nodes = [
        *(status.get("Peer") or {}).values(),
        *([status["Self"]] if status.get("Self") else []),
    ]
    found = [node for node in nodes if wanted & _names(node)]
    if len(found) > 1:
        raise TailscaleError(
            f"several Tailscale nodes are called {min(wanted)}; set ansible_host to one's full name"
        )
    return found[0] if found else None


def _names(node: Mapping[str, Any]) -> set[str]:
    full = str(node.get("DNSName") or "").rstrip(".").lower()
    return {
        full,
        full.partition(".")[0],
        str(node.get("HostName") or "").lower(),
        *(node.get("TailscaleIPs") or []),
    } - {""}


def check_peer(status: Mapping[str, Any], names: Iterable[str]) -> None:
    """Raise TailscaleError unless Tailscale runs here and the peer is online with a valid key."""
    state = str(status.get("BackendState") or "NoState")
    if state not in {"Running", "Starting"}:
        url = status.get("AuthURL")
        text = _STATES.get(state, f"Tailscale is in state {state} here")
        raise TailscaleError(f"{text} ({url})" if url else text)
    names = list(names)
    peer = find_peer(status, names)
    if peer is None:
        raise TailscaleError(f"no Tailscale node is called {names[0]}; see: tailscale status")
    if peer.get("Expired"):
        raise TailscaleError(
            f"the Tailscale key of {names[0]} has expired; log in again on that machine"
        )
    if peer.get("Online") is False:
        seen = str(peer.get("LastSeen") or "")
        since = f", last seen {seen}" if seen and not seen.startswith("0001") else ""
        raise TailscaleError(
            f"{names[0]} is offline in Tailscale{since}; is it switched on?", offline=True
        )
