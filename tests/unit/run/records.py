"""Raw events of ansible-runner, with records as the collection's tasks make them."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

__all__ = ["command", "hosts", "preflight", "raw", "stop", "stream"]

PREFLIGHT: dict[str, Any] = {
    "kind": "preflight",
    "id": "cmd_1-0a1b2c3d",
    "status": "OK",
    "error": None,
    "user": "feng",
    "user_from": None,
    "auth_mode": "tailscale",
    "address": "100.64.0.6",
    "port": 22,
    "aliases": ["epyc"],
    "capabilities": ["gpu", "ml"],
    "connect": True,
    "attempts": 1,
    "latency_ms": 12,
    "agent": "opencode",
    "agent_found": True,
    "agent_version": "1.18.33",
    "load": 0.25,
    "running": 1,
    "slack_channel": "C09MQGMFKDE",
    "ssh": {},
    "warning": None,
    "done": True,
    "duration_ms": 150,
}
VERDICT: dict[str, Any] = {
    "outcome": "SUCCESS",
    "reason": "ok",
    "error": None,
    "exit_code": 0,
    "stop_verified": None,
    "left_running": 0,
}
COMMAND: dict[str, Any] = {
    "kind": "command",
    "id": "cmd_1-0a1b2c3d",
    "limit": 1000,
    "attempts": 1,
    "started": True,
}


def raw(event: str, dx: object, host: str = "epyc6", **result: object) -> dict[str, Any]:
    """One event about one host."""
    record = {} if dx is None else {"dx": dx}
    return {"event": event, "event_data": {"host": host, "res": {**result, **record}}}


def hosts(*names: str) -> dict[str, Any]:
    """Which hosts the play has."""
    record = {"kind": "hosts", "hosts": names, "slack_channel": "C09MQGMFKDE"}
    return raw("runner_retry", record, names[0])


def preflight(**changes: object) -> dict[str, Any]:
    """The end of a preflight task."""
    return raw("runner_on_ok", PREFLIGHT | changes)


def stream(data: bytes, skipped: int = 0, total: int = 0) -> dict[str, Any]:
    """New bytes of one stream, as in a record."""
    return {"data": b64encode(data).decode(), "skipped": skipped, "total": total}


def command(event: str = "runner_on_ok", *, done: bool = True, **changes: object) -> dict[str, Any]:
    """One try of a command, the last one if ``done``."""
    ending = {"duration_ms": 2340, **VERDICT} if done else {}
    return raw(event, {**COMMAND, "done": done, **ending, **changes})


def stop(**changes: object) -> dict[str, Any]:
    """The end of a stop task."""
    return raw("runner_on_ok", {"kind": "stop", "id": "cmd_1-0a1b2c3d", **VERDICT, **changes})
