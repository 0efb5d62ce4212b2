"""Judges a history by the truth of the model: what each client was told has to be so."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

from tests.simulation.client import session_of
from tests.simulation.output import content

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.client import Client
    from tests.simulation.history import History
    from tests.simulation.process import Work

__all__ = [
    "NOTHING_RUN",
    "judge",
    "keeps_records",
    "latest",
    "may_be_lost",
    "troubled",
    "verdict_of",
]

NOTHING_RUN = frozenset({
    "not_started", "vm_error", "auth_failed", "host_key", "id_conflict", "HOST_UNRESOLVABLE",
    "HOST_UNREACHABLE", "TIMEOUT", "AUTH_MODE_INVALID", "USER_MAPPING_MISSING",
})  # fmt: skip
"""Reasons that say that this client's command never ran, and never will."""
_NEED_AN_ANSWER = frozenset({
    "ok", "exit_nonzero", "signalled", "deadline", "aborted", "lost", "unknown_session",
    "id_conflict", "vm_error",
})  # fmt: skip
"""Reasons that only the VM can tell."""
_BOUND = 900.0
"""Seconds in which a client ends once faults, waits and commands are over."""


def judge(history: History) -> list[str]:
    """Return what is wrong with a history; empty if nothing is."""
    if history.endless:
        return ["the history has no end"]
    found = list(_starts(history))
    for client in history.clients:
        found += [
            f"client {client.number} ({client.plan['kind']}): {text}"
            for text in _of(history, client)
        ]
    return found


def _starts(history: History) -> Iterator[str]:
    for name, works in history.vm.truth.items():
        tokens = [work.token for work in works]
        if len(tokens) - len(set(tokens)) > _overtaken(history):
            yield f"{name} began {len(works)} times for one client: {tokens}"
        elif len(works) > 1 and keeps_records(history):
            yield f"{name} began {len(works)} times: {tokens}"
        for work in works:
            limit = _limit_of(history, work)
            if limit and work.how == "exit" and (work.ended or 0.0) - work.began > limit + 30.0:
                yield f"{name} ran longer than {limit} s"


def _overtaken(history: History) -> bool:
    """Whether a killed client's start may have arrived after a power loss that took a later one.

    A limit: see docs/keeper.md.
    """
    if not any(fault["kind"] == "power" for fault in history.plan["faults"]):
        return False
    killed = {client.number for client in history.clients if client.killed}
    return any(
        client in killed and (verb, how) == ("start", "slow")
        for _at, client, verb, how in history.network.calls
    )


def _limit_of(history: History, work: Work) -> float:
    """Return the time limit of a command whose supervisor nothing has harmed; 0 without one."""
    if may_be_lost(history) or work.behaviour.get("term") == "stays":
        return 0.0
    limits = [
        float(client.plan.get("timeout", 60.0))
        for client in history.clients
        if client.plan["kind"] == "run" and client.token == work.token
    ]
    return limits[0] if limits else 0.0


def _of(history: History, client: Client) -> Iterator[str]:
    if client.broken is not None:
        yield f"broken: {client.broken!r}"
        return
    if client.ended is None:
        yield "has no end"
        return
    if client.killed:
        return
    if client.ended > latest(history, client):
        yield f"ended at {client.ended:.0f} only"
    kind, record = client.plan["kind"], client.record
    if kind in {"list", "clean", "sessions"}:
        if record.get("error") and not troubled(history, client):
            yield f"failed without a fault: {record['error']}"
        return
    works = history.vm.truth.get(session_of(client.plan["name"]), [])
    outcome, reason = _verdict(record)
    yield from _of_reason(history, client, works, outcome, reason)
    yield from _of_stop(history, client, works, outcome, reason)
    yield from _of_owner(history, client, works, reason)
    if kind != "stop":
        yield from _of_output(client, works, reason)


def _verdict(record: dict[str, Any]) -> tuple[str, str]:
    if record.get("kind") == "preflight":
        return "PREFLIGHT_FAILED", str(record["status"])
    return str(record["outcome"]), str(record["reason"])


def verdict_of(client: Client) -> str:
    """Return how a client ended, in a few words."""
    if client.killed or client.ended is None:
        return "killed" if client.killed else "no end"
    if client.plan["kind"] in {"list", "clean", "sessions"}:
        return "no answer" if client.record.get("error") else "answer"
    if client.broken is not None:
        return "broken"
    verified = client.record.get("stop_verified")
    return "/".join(_verdict(client.record)) + (
        "" if verified is None else f", verified {verified}"
    )


def latest(history: History, client: Client) -> float:
    plan = history.plan
    ends = [client.plan["at"]]
    for fault in plan["faults"]:
        step = abs(fault.get("by", 0.0))
        ends.append(fault.get("to", fault.get("at", 0.0)) + fault.get("off", 0.0) + 2 * step)
    seconds = sum(each["seconds"] for each in plan["commands"])
    seconds += sum(_seconds_of(each) for each in plan.get("turns", ()))
    waits = sum(
        each.get("when_back", 0.0) + each.get("start_in", 0.0) + each["at"] * (each["at"] < 3600)
        for each in plan["clients"]
    )
    return float(max(ends) + seconds + waits + _BOUND)


def _seconds_of(turn: dict[str, Any]) -> float:
    """Return how long a turn takes at most, with the waits for its usage limits."""
    waits = float(turn.get("resets") or 0) + 8000.0 * ("resets" in turn)
    return float(turn["seconds"]) + waits + (_seconds_of(turn["then"]) if "then" in turn else 0.0)


def troubled(history: History, client: Client) -> bool:
    """Whether any call of the client had a fault, or the VM itself had one."""
    if any(fault["kind"] not in {"call", "net"} for fault in history.plan["faults"]):
        return True
    return any(
        number == client.number and how != "none" for _, number, _, how in history.network.calls
    ) or any(
        fault["kind"] == "net" and fault.get("client", client.number) == client.number
        for fault in history.plan["faults"]
    )


def _of_reason(  # noqa: C901, PLR0912 - a case for each reason
    history: History, client: Client, works: list[Work], outcome: str, reason: str
) -> Iterator[str]:
    told = f"{outcome}/{reason}"
    mine = [work for work in works if work.token == client.token]
    ended_at = client.ended or 0.0
    ended = [work for work in works if work.ended is not None and work.ended <= ended_at]
    exits = [work for work in ended if work.how == "exit"]
    record = client.record
    if client.plan["kind"] == "stop" and reason in {"not_started", "vm_error"}:
        mine = [work for work in works if work.began <= ended_at or keeps_records(history)]
    if reason in _NEED_AN_ANSWER and not client.reached:
        yield f"{told}, but the VM has answered nothing"
    begin = client.plan["at"] + client.plan.get("start_in", 0.0)
    steps = any(fault["kind"] == "clock" for fault in history.plan["faults"])
    if mine and mine[0].began < begin - 1.0 and not steps and not client.plan.get("again"):
        yield f"its command began {begin - mine[0].began:.0f} s too early"
    if reason in NOTHING_RUN and mine:
        yield f"{told}, but its command began at {mine[0].began:.3f}"
    match reason:
        case "ok" if not any(work.code == 0 for work in exits):
            yield f"{told}, but no command ended with 0"
        case "exit_nonzero" if not any(work.code == record["exit_code"] for work in exits):
            yield f"{told} {record['exit_code']}, but no command ended so"
        case "signalled" if not ended and record["stop_verified"] is not False:
            yield f"{told}, but nothing has ended"
        case "deadline" if not works:
            yield f"{told}, but nothing ever began"
        case "lost" if not may_be_lost(history):
            yield f"{told}, but neither VM nor keeper was harmed"
        case "lost_contact" if not troubled(history, client):
            yield f"{told}, but all its calls were answered"
        case "unknown_session":
            yield from _of_unknown(history, client, works, told)
        case "vm_error" if not (troubled(history, client)):
            yield f"{told} without a fault"
        case _:
            pass
    if outcome == "SUCCESS" and reason != "ok":
        yield f"{told}"


def _of_owner(history: History, client: Client, works: list[Work], reason: str) -> Iterator[str]:
    """Judge whose command it was: with one command, and a VM that forgets nothing."""
    if len(works) != 1 or not keeps_records(history):
        return
    (work,), record, plan = works, client.record, client.plan
    own = work.token == client.token
    if plan["kind"] == "run" and reason in {"ok", "exit_nonzero", "deadline"}:
        if bool(record.get("attached")) is own:
            yield f"attached: {record.get('attached')}, but the command was begun by {work.token}"
        if work.behaviour is not history.vm.commands[plan["command"]]:
            yield f"{reason} of another command"
    if plan["kind"] == "stop" and plan.get("command") is not None and reason != "id_conflict":
        other = work.behaviour is not history.vm.commands[plan["command"]]
        if other and work.how == "stop" and reason == "aborted":
            yield f"{reason}, but it was another command"


def may_be_lost(history: History) -> bool:
    plan = history.plan
    if plan.get("uptime", 1e6) < 1e4:
        return True
    harms = {"kill", "kill_step", "end_all", "reboot", "power", "no_processes", "disk"}
    return any(fault["kind"] in harms for fault in plan["faults"])


def _of_unknown(history: History, client: Client, works: list[Work], told: str) -> Iterator[str]:
    ended = client.ended or 0.0
    if client.plan["kind"] == "stop":
        if any(work.began > ended for work in works) and keeps_records(history):
            yield f"{told}, but a command began after that"
        if works and keeps_records(history):
            yield f"{told}, but a command began at {works[0].began:.3f}"
    elif client.plan["kind"] == "run" and any(work.token == client.token for work in works):
        if keeps_records(history) or told.startswith("FAILURE"):
            yield f"{told}, but its command began"
    elif any(work.began < client.plan["at"] for work in works) and keeps_records(history):
        yield f"{told}, but a command had begun"


def keeps_records(history: History) -> bool:
    """Whether the VM keeps the record of each session through the whole history."""
    return not any(fault["kind"] in {"power", "clean"} for fault in history.plan["faults"])


def _of_stop(
    history: History, client: Client, works: list[Work], outcome: str, reason: str
) -> Iterator[str]:
    verified, moment = client.record.get("stop_verified"), history.moments[client.number]
    told = f"{outcome}/{reason}, stop verified: {verified}"
    if verified:
        if moment.living:
            yield f"{told}, but {moment.living} processes live"
        if len(works) > moment.began and keeps_records(history):
            yield f"{told}, but a command began later"
    elif outcome == "TIMEOUT" and reason == "deadline" and verified is None:
        yield f"{told}"
    if client.plan["kind"] == "stop" and verified is None and reason not in {
        "unknown_session", "not_started", "id_conflict",
    }:  # fmt: skip
        yield f"{told}"
    if reason == "lost_contact" and client.plan["kind"] == "stop" and verified is not False:
        yield f"{told}"


def _of_output(client: Client, works: list[Work], reason: str) -> Iterator[str]:
    record, result = client.record, client.result or {}
    if "stdout" in result:
        out = result["stdout"].encode()
        if not result["truncated"] and out != content(0, len(out)):
            yield "other output than the command's"
    at = {"out": 0, "err": 0}
    for each in (*client.news, record):
        for stream, upto in at.items():
            if stream in each:
                data = b64decode(each[stream]["data"])
                begin = upto + each[stream]["skipped"]
                if data != content(begin, begin + len(data)):
                    yield f"other {stream} than the command's, at {begin}"
                    return
                at[stream] = begin + len(data)
    if reason not in {"ok", "exit_nonzero"} or not client.plan.get("stream") or len(works) != 1:
        return
    for stream, upto in at.items():
        if stream in record and upto != record[stream]["total"]:
            yield f"{upto} bytes of {stream}, not {record[stream]['total']}"
