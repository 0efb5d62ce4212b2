"""What is compared of a scenario, and the files that have it.

Left out, or replaced by a word, is what depends on the moment or on the place: durations,
latencies, loads, ages, random ids, directories, this machine's name, and Ansible's own words. The
output of a host with which contact was lost is left out, since how much of it had come by then is
a matter of luck. So is whether a stop is verified where its end says that: all hosts are on one
machine here, and a keeper takes another host's orphan that was just born for a stray of its own.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dxansible.fleet import FanoutResult, PreflightResult, Truncation
    from dxansible.sessions import SessionInfo, SessionList, TurnResult

__all__ = ["Record", "load", "of_check", "of_listing", "of_result", "of_turn", "store"]

Record = dict[str, Any]
"""Only what isn't None, empty, zero or False."""

_RECORDS = Path(__file__).with_name("records")
_VERIFIED = re.compile(
    r" \((?:its processes are gone|some of its processes may still be running on the VM)\)"
)
_RANDOM = (
    (_VERIFIED, " (<verified or not>)"),
    (re.compile(r"\bses_[0-9a-f]{16}-[0-9a-f]{8}\b"), "<session>"),
    (re.compile(r"\bgolden_[a-z0-9_]+-[0-9a-f]{8}\b"), "<session>"),
    (re.compile(r"\bcmd_[0-9a-f]{16}-[0-9a-f]{8}\b"), "<session>"),
    (re.compile(r"\bdx-[0-9a-f]*(?![\w-])"), "<mark>"),
    (re.compile(r"/\S*?/home\b"), "<home>"),
    (re.compile(r"(?<=: Ansible failed: ).*", re.DOTALL), "<Ansible's words>"),
    (re.compile(rf"\b{re.escape(socket.gethostname())}\b"), "<here>"),
)


def of_result(result: FanoutResult, lines: Iterable[str]) -> Record:
    """What became of a command, and the log's lines of its host."""
    lost = str(result.reason) == "lost_contact"
    return _plain(
        result.host,
        outcome=result.outcome,
        reason=result.reason,
        exit=result.exit_code,
        user=result.user,
        out=None if lost else _digest(result.stdout_bytes),
        err=None if lost else _digest(result.stderr_bytes),
        missing=None if lost else _missing(result.truncation),
        error=result.error,
        attempts=result.attempts,
        stop_verified=result.stop_verified,
        left_running=result.left_running,
        attached=result.attached,
        log=[_event(line) for line in lines],
    )


def of_turn(result: TurnResult) -> Record:
    """What became of an agent's turn."""
    changes = result.changes
    return _plain(
        result.host,
        outcome=result.outcome,
        reason=result.reason,
        exit=result.exit_code,
        verify_exit=result.verify_exit_code,
        user=result.user,
        turn=result.turn,
        agent=result.agent,
        message=result.message and _digest(result.message.encode()),
        asks=result.asks,
        missing=_missing(result.truncation),
        error=result.error,
        attempts=result.attempts,
        stop_verified=result.stop_verified,
        left_running=result.left_running,
        directory=result.directory,
        changes=None if changes is None else str(changes),
    )


def of_check(result: PreflightResult) -> Record:
    """What a health check found."""
    return _plain(
        result.host,
        status=result.status,
        user=result.user,
        auth_mode=result.auth_mode,
        attempts=result.attempts,
        error=result.error,
        aliases=list(result.aliases),
        capabilities=list(result.capabilities),
        agent=result.agent,
        agent_found=result.agent_found,
        running=result.running,
        reached=result.latency_ms is not None,
    )


def of_listing(found: SessionList) -> dict[str, Record]:
    """Of each host, why it has not answered, or its sessions."""
    return {
        host: _plain(
            host,
            error=found.errors.get(host),
            sessions=[_session(each) for each in found.sessions if each.host == host],
        )
        for host in found.hosts or found.errors
    }


def _session(info: SessionInfo) -> Record:
    return _plain(
        info.host,
        state="running" if info.outcome is None else "ended",
        outcome=info.outcome,
        reason=info.reason,
        error=info.error,
        exit=info.exit_code,
        kind=info.kind,
        turn=info.turn,
        turns=info.turns,
        agent=info.agent,
        task=info.task,
        asks=info.asks,
        started_for=info.started_for,
        missing=_missing(info.truncation),
    )


def load(batch: str) -> dict[str, Record]:
    """The golden records of a batch. Raises FileNotFoundError where it has none yet."""
    found: dict[str, Record] = json.loads((_RECORDS / f"{batch}.json").read_text())
    return found


def store(batch: str, records: Mapping[str, Record]) -> None:
    """Write them, one scenario a line."""
    _RECORDS.mkdir(exist_ok=True)
    lines = [f'"{name}": {json.dumps(each, sort_keys=True)}' for name, each in records.items()]
    text = ",\n".join(lines)
    (_RECORDS / f"{batch}.json").write_text(f"{{\n{text}\n}}\n")


def _plain(host: str, **fields: Any) -> Record:  # noqa: ANN401 - fields of a record
    kept: Record = {}
    if _VERIFIED.search(str(fields.get("error"))):
        fields["stop_verified"] = None
    for name, value in fields.items():
        if name == "stop_verified" and value is False:
            kept[name] = False
        elif value or (name == "exit" and value == 0 and value is not None):
            kept[name] = _same(value, host)
    return kept


def _same(value: Any, host: str) -> Any:  # noqa: ANN401 - whatever a field has
    if isinstance(value, list):
        return [_same(each, host) for each in value]
    if not isinstance(value, str):
        return value
    text = str(value).replace(host, "<host>") if "-" in host else str(value)
    for pattern, stands_for in _RANDOM:
        text = pattern.sub(stands_for, text)
    return text


def _digest(data: bytes) -> str | None:
    return f"{len(data)}:{hashlib.sha256(data).hexdigest()[:16]}" if data else None


def _missing(truncation: Truncation) -> list[int | str] | None:
    streams: list[int | str] = [truncation.stdout_bytes, truncation.stderr_bytes]
    flags = {"disk_full": truncation.disk_full, "expired": truncation.expired}
    found = streams + [name for name, flag in flags.items() if flag]
    return found if found != [0, 0] else None


def _event(line: str) -> str:
    """Its name, and the text of what made another attempt necessary."""
    name = line.split(" ", 1)[0]
    error = re.search(r' error="((?:[^"\\]|\\.)*)"', line)
    return f"{name} {error[1]}" if error and name == "retry" else name
