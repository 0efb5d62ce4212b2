"""The ways in which a call to a VM fails, as data for the connection plugin."""

from __future__ import annotations

from typing import Any

__all__ = ["AFTER", "BEFORE", "GARBLED", "KINDS", "faults"]

_VIA = "Failed to connect to the host via ssh: "
_CLOSED = f"{_VIA}Connection to {{host}} closed by remote host.\r\n"
_CHANGED = (
    "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\n"
    "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n"
    "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\n"
    "Host key for {host} has changed and you have requested strict checking.\r\n"
    "Host key verification failed."
)
_CHECK = (
    "# Tailscale SSH requires an additional check.\r\n"
    "# To authenticate, visit: https://login.tailscale.com/a/1a2b3c4d\r\n"
    "Connection to {host} port 22 timed out"
)


def _ssh(text: str) -> dict[str, Any]:
    return {"how": "lost", "text": f"{_VIA}{text}"}


BEFORE: dict[str, dict[str, Any]] = {
    "refused": _ssh("ssh: connect to host {host} port 22: Connection refused"),
    "noroute": _ssh("ssh: connect to host {host} port 22: No route to host"),
    "timeout": _ssh("ssh: connect to host {host} port 22: Connection timed out"),
    "bannertimeout": _ssh("Connection timed out during banner exchange"),
    "kex": _ssh("kex_exchange_identification: Connection closed by remote host"),
    "unresolvable": _ssh("ssh: Could not resolve hostname {host}: Name or service not known"),
    "denied": _ssh("feng@{host}: Permission denied (publickey)."),
    "badpassword": {"how": "auth", "text": "Invalid/incorrect username/password. Skipping"},
    "hostkey": _ssh(_CHANGED),
    "newkey": _ssh("Host key verification failed."),
    "tailscale": _ssh(_CHECK),
    "lostbefore": {"how": "lost", "text": _CLOSED},
    "wordless": {"how": "lost", "text": _VIA},
}
"""The call never arrives."""
AFTER: dict[str, dict[str, Any]] = {
    "losthalf": {"how": "lost", "text": _VIA + "client_loop: send disconnect: Broken pipe",
                 "runs": 0.5},
    "lostafter": {"how": "lost", "text": _CLOSED, "runs": 1},
    "killed": {"how": "answer", "code": -9},
    "killedhalf": {"how": "answer", "code": -15, "runs": 1, "keep": 0.5},
    "killedafter": {"how": "answer", "code": -9, "runs": 1, "keep": 0.0},
    "killedwhole": {"how": "answer", "code": -9, "runs": 1},
    "cut": {"how": "answer", "runs": 1, "keep": -4},
}  # fmt: skip
"""It arrives, or a part of it does, and the answer doesn't come back whole."""
GARBLED: dict[str, dict[str, Any]] = {
    "exit255": {"how": "answer", "code": 255},
    "exit255after": {"how": "answer", "code": 255, "runs": 1, "keep": 0.0},
    "exit255whole": {"how": "answer", "code": 255, "runs": 1},
    "cuthead": {"how": "answer", "runs": 1, "keep": 0.05},
    "silent": {"how": "answer", "code": 0},
    "silent1": {"how": "answer", "code": 1},
    "nologin": {"how": "answer", "code": 1,
                "before": "This account is currently not available.\n"},
    "nofork": {"how": "answer", "code": 2, "err": "sh: 1: Cannot fork\n"},
    "banner": {"how": "answer", "runs": 1, "before": "Welcome to this VM\n\n"},
    "noeol": {"how": "answer", "runs": 1, "before": "Last login: dx-0123 state=exited code=0"},
    "noise": {"how": "answer", "runs": 1, "after": "logout\n", "err": "mesg: ttyname failed\n"},
}  # fmt: skip
"""The shell of the VM answers, but not as it should."""
KINDS = {**BEFORE, **AFTER, **GARBLED}
_OTHERS: dict[str, dict[str, Any]] = {
    "hang": {"how": "hang"},
    "broken": {"how": "broken", "text": "the plugin broke"},
}


def faults(name: str, host: str, verb: str, first: int = 1) -> list[dict[str, Any]]:
    """What a fault's name means: ``lostafter``, ``refused_x2``, ``refused_lostafter``.

    Each part is the next call of the keeper's ``verb``, beginning with the ``first``.
    """
    parts: list[str] = []
    for part in name.split("_") if name != "none" else []:
        if part[0] == "x" and part[1:].isdigit():
            parts += parts[-1:] * (int(part[1:]) - 1)
        else:
            parts.append(part)
    known = KINDS | _OTHERS
    found = []
    for number, part in enumerate(parts, first):
        if part == "fine":
            continue
        fault = known[part] | {"on": [verb, number]}
        found.append(
            {
                key: value.replace("{host}", host) if isinstance(value, str) else value
                for key, value in fault.items()
            }
        )
    return found
