"""Judges histories of turns by the truth: what each client was told of a session has to be so."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tests.simulation.judge import keeps_records, latest, may_be_lost, troubled
from tests.simulation.judge_texts import of_text
from tests.simulation.turn_truth import ENDED_BY_OTHERS, NOT_GIVEN, costs, end_of, has_spoken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.history import History
    from tests.simulation.turn_client import TurnClient
    from tests.simulation.turn_script import TurnWork

__all__ = ["judge_turns"]

_NEED_AN_ANSWER = frozenset({
    "ok", "exit_nonzero", "signalled", "deadline", "idle", "aborted", "lost", "unknown_session",
    "session_busy", "no_conversation", "needs_input", "usage_limit", "agent_error",
    "no_end_of_turn", "verify_failed", "agent_missing", "vm_error",
})  # fmt: skip
_SLACK = 30.0


def judge_turns(history: History) -> list[str]:
    """Return what is wrong with a history of turns; empty if nothing is."""
    if history.endless:
        return ["the history has no end"]
    clients: list[Any] = history.clients
    found = list(_of_session(history, clients[0].works))
    found += _of_claims(history, clients)
    for client in clients:
        found += [
            f"client {client.number} ({client.plan['kind']}): {text}"
            for text in _of(history, client)
        ]
    return found


def _of_session(history: History, works: list[TurnWork]) -> Iterator[str]:
    tokens = [work.token for work in works]
    if len(set(tokens)) < len(tokens):
        yield f"a prompt was given twice: {tokens}"
    names = [work.name for work in works]
    if len(set(names)) < len(names) and keeps_records(history):
        yield f"a turn began twice: {names}"
    for first, second in pairwise(works):
        if first.ended is None or first.ended > second.began:
            yield f"{second.name} began while {first.name} ran"
    for number, work in enumerate(works):
        begun = {each.conversation for each in works[:number] if has_spoken(each)}
        if work.resumed and work.resumed not in begun:
            yield f"{work.name} goes on with another conversation: {work.resumed}"
        if work.agent == "robot" and begun and not work.resumed and _number(work) > 1:
            yield f"{work.name} begins another conversation"
        yield from _of_limits(history, work)


def _of_limits(history: History, work: TurnWork) -> Iterator[str]:
    stays = work.behaviour.get("term") == "stays"
    if stays or may_be_lost(history) or work.how != "exit" or work.attempts > 1:
        return
    own = [each.plan for each in history.clients if each.token == work.token]
    limit = own[0].get("timeout", 600.0) if own else 0.0
    if limit and (work.ended or 0.0) - work.began > limit + _SLACK:
        yield f"{work.name} ran longer than {limit} s"


def _of_claims(history: History, clients: list[TurnClient]) -> Iterator[str]:
    """The end of a turn is claimed by one client, and is what it was."""
    told: dict[str, int] = {}
    records = [
        each
        for client in clients
        for each in (*client.news, client.record)
        if "ends" in each and not client.killed
    ]
    for end in (end for each in records for end in each["ends"] if end["claimed"]):
        name = f"{end['id']}.{end['turn']}"
        told[name] = told.get(name, 0) + 1
        works = history.vm.truth.get(name, [])
        so = end_of(works[0]) if len(works) == 1 else None  # type: ignore[arg-type] # a turn
        if (
            so is not None
            and so[:2] != (end["outcome"], end["reason"])
            and (end["reason"] not in ENDED_BY_OTHERS | {"signalled"})
        ):
            yield f"the end of {name} was claimed as {end['outcome']}/{end['reason']}, not {so}"
    for name, count in told.items():
        if count > 1 and keeps_records(history):
            yield f"the end of {name} was claimed {count} times"


def _of(history: History, client: TurnClient) -> Iterator[str]:
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
    record = client.record
    if client.plan["kind"] == "sessions":
        yield from _of_list(history, client)
    elif record.get("kind") == "preflight":
        yield from _of_reason(history, client, "PREFLIGHT_FAILED", str(record["status"]))
    elif record["outcome"] != "RUNNING":
        yield from _of_reason(history, client, str(record["outcome"]), str(record["reason"]))
        yield from _of_stop(history, client)
        yield from of_text(history, client)
    elif not client.reached:
        yield "running, but the VM has answered nothing"


def _of_list(history: History, client: TurnClient) -> Iterator[str]:
    record = client.record
    if record.get("error") and not troubled(history, client):
        yield f"failed without a fault: {record['error']}"
    for described in record.get("sessions", ()):
        yield from _of_described(history, described)


def _of_described(history: History, told: dict[str, Any]) -> Iterator[str]:
    works = history.vm.truth.get(f"{told['session']}.{told['turn']}", [])
    so = end_of(works[-1]) if works else None  # type: ignore[arg-type] # all are turns
    said = (told["outcome"], told["reason"], bool(told["asks"]))
    dear = told["state"] == "needs_input" and "cost" in (told["error"] or "")
    unended = said[0] in {None, "RUNNING", "ABORTED"}
    by_others = told["reason"] in ENDED_BY_OTHERS | {"signalled"}
    if so is not None and said != so and not (unended or by_others or dear):
        yield f"listed as {said}, not {so}"
    if told["state"] == "succeeded" and not works:
        yield "listed as succeeded, but it never began"


def _turn_of(history: History, client: TurnClient) -> TurnWork | None:
    """Return the turn of which the record tells; None if it never began."""
    record = client.record
    number = record.get("turn")
    if client.plan["kind"] == "stop_turn":
        began: list[Any] = list(client.began)
        said = record["outcome"], record["reason"]
        so = [work for work in began if (end_of(work) or ())[:2] == said]
        stopped = [work for work in began if work.how != "exit"]
        return (so or stopped or began or [None])[-1]  # type: ignore[no-any-return] # a turn
    works: list[Any] = history.vm.truth.get(f"{record['id']}.{number}", []) if number else []
    own = [work for work in works if work.token == client.token]
    return (own or works or [None])[0]  # type: ignore[no-any-return] # as above


def _of_reason(  # noqa: C901, PLR0912 - a case for each reason
    history: History, client: TurnClient, outcome: str, reason: str
) -> Iterator[str]:
    told, plan, kind = f"{outcome}/{reason}", client.plan, client.plan["kind"]
    works: list[Any] = client.works
    mine = [work for work in works if work.token == client.token] if kind == "turn" else []
    work = _turn_of(history, client) if client.record.get("kind") != "preflight" else None
    dear = kind == "turn" and reason == "needs_input" and not client.record.get("turn")
    if reason in _NEED_AN_ANSWER and not client.reached:
        yield f"{told}, but the VM has answered nothing"
    unproven = reason == "unknown_session" and not keeps_records(history)
    if (reason in NOT_GIVEN or dear) and mine and not unproven:
        yield f"{told}, but its turn began at {mine[0].began:.3f}"
    if reason not in NOT_GIVEN and not dear and reason != "lost_contact":
        yield from _of_end(history, client, work, told)
    if mine and work is not None and mine[0] is not work and keeps_records(history):
        yield f"{told} of {work.name}, but its own is {mine[0].name}"
    steps = any(fault["kind"] == "clock" for fault in history.plan["faults"])
    begin = plan["at"] + plan.get("start_in", 0.0)
    if mine and mine[0].began < begin - 1.0 and not steps and not plan.get("again"):
        yield f"its turn began {begin - mine[0].began:.0f} s too early"
    others = [each for each in works if each.token != client.token]
    match reason:
        case "lost" if not may_be_lost(history):
            yield f"{told}, but neither VM nor keeper was harmed"
        case "lost_contact" if not troubled(history, client):
            yield f"{told}, but all its calls were answered"
        case "session_busy" if not (may_be_lost(history) or _is_busy(history, client, others)):
            yield f"{told}, but no other turn was there"
        case "unknown_session" if keeps_records(history):
            wanted = [each for each in works if _number(each) >= plan.get("turn", 0)]
            if client.record.get("turn"):
                wanted = [each for each in works if _number(each) == client.record["turn"]]
            if any(each.began < plan["at"] for each in wanted):
                yield f"{told}, but a turn had begun"
        case "no_conversation" if keeps_records(history):
            spoken = [each for each in works if each.began < plan["at"] and has_spoken(each)]
            spoken = [each for each in spoken if each.behaviour.get("term") != "stays"]
            if any((each.ended or 0.0) < plan["at"] and not each.incomplete for each in spoken):
                yield f"{told}, but {spoken[0].name} had begun one"
        case "needs_input" if dear:
            spent = sum(costs(each) for each in works)
            if spent < min(each.plan.get("max_cost", 1e9) for each in history.clients):
                yield f"{told}, but it cost {spent} only"
        case "agent_invalid":
            yield f"{told}, but its agent is known"
        case "agent_missing" if history.vm.missing != "robot":
            yield f"{told}, but it is there"
        case "vm_error" if not troubled(history, client):
            yield f"{told} without a fault"
        case _:
            pass


def _number(work: TurnWork) -> int:
    return int(work.name.rpartition(".")[2])


def _may_stay(work: TurnWork) -> bool:
    return work.behaviour.get("term") == "stays" or bool(work.behaviour.get("stray"))


def _is_busy(history: History, client: TurnClient, others: list[TurnWork]) -> bool:
    began = client.plan["at"] - 1.0
    unproven = any(_may_stay(each) for each in others)
    running = any(each.ended is None or each.ended >= began for each in others) or unproven
    later = any(each.plan.get("start_in") for each in history.clients if each is not client)
    return running or later


def _of_end(
    history: History, client: TurnClient, work: TurnWork | None, told: str
) -> Iterator[str]:
    """Judge what is told of a turn that has ended."""
    record = client.record
    if work is not None and len(history.vm.truth[work.name]) > 1 and work.token != client.token:
        return  # a power loss has taken the first one
    if work is None:
        if record["reason"] not in {"lost", "aborted", "vm_error"}:
            yield f"{told}, but its turn never began"
        return
    unproven = record.get("stop_verified") is False or record["reason"] == "lost"
    if work.ended is None and not unproven:
        yield f"{told}, but {work.name} is running"
    so, reason = end_of(work), str(record["reason"])
    ended_early = (work.ended or 0.0) <= (client.ended or 0.0)
    signalled = reason == "signalled" and may_be_lost(history)  # while it came to its end
    if so is not None and ended_early and reason not in ENDED_BY_OTHERS and not signalled:
        yield from _of_own_end(client, work, told, so)
    elif so is not None and reason == "aborted":
        stops = [each.plan["at"] for each in history.clients if each.plan["kind"] == "stop_turn"]
        if (work.ended or 0.0) < min(stops, default=1e9) - 1.0:
            yield f"{told}, but {work.name} had ended by itself"
    elif work.how != "exit" and told.startswith("SUCCESS") and keeps_records(history):
        yield f"{told}, but {work.name} was ended"
    if client.plan["kind"] != "stop_turn":
        yield from _of_time(history, work, reason)


def _of_own_end(
    client: TurnClient, work: TurnWork, told: str, so: tuple[str, str, bool]
) -> Iterator[str]:
    """Judge what is told of a turn whose script came to its end."""
    said = (*told.split("/"), bool(client.record.get("asks")))
    if said[:2] != so[:2]:
        yield f"{told}, but {work.name} ended as {'/'.join(so[:2])}"
    elif said != so and client.plan["kind"] != "stop_turn":
        yield f"asks: {said[2]}, but {work.name} ended as {so}"
    result = client.record.get("result", {})
    if so[1] == "usage_limit" and result and result["resets_at"] != (work.limited or None):
        yield f"{told} until {result['resets_at']}, not {work.limited}"


def _of_time(history: History, work: TurnWork, reason: str) -> Iterator[str]:
    """Judge a stop at a limit: there has to be one, and it has to have passed."""
    own = [each.plan for each in history.clients if each.token == work.token]
    wanted = {"deadline": "timeout", "idle": "idle"}.get(reason)
    stays = "term" in work.behaviour
    if stays or wanted is None or not own or work.ended is None:
        return
    default = 600.0 if wanted == "timeout" else 0.0
    limit, lasted = own[0].get(wanted, default), work.ended - work.began
    if not limit or lasted < limit - 1.0:
        yield f"{reason} after {lasted:.0f} s, but its limit is {limit} s"
    if reason == "idle" and 0.5 < work.ended - work.stirred < limit - 1.0:
        yield f"idle, but it made progress {work.ended - work.stirred:.0f} s before"


def _slipped_away(work: TurnWork) -> bool:
    """Whether the VM knows nothing of what a turn has left behind that ended by itself."""
    return work.how == "exit" and bool(work.behaviour.get("stray"))


def _of_stop(history: History, client: TurnClient) -> Iterator[str]:
    record, kind = client.record, client.plan["kind"]
    verified = record.get("stop_verified")
    told = f"{record['outcome']}/{record['reason']}, stop verified: {verified}"
    if verified:
        turn, living = _turn_of(history, client), list[Any](client.living)
        if kind == "stop_turn":
            before = [work for work in living if work.began < client.plan["at"]]
            living = [work for work in before if not _slipped_away(work)]
        else:
            living = [work for work in living if work is turn]
        if living:
            yield f"{told}, but {living[0].name} lives"
    elif verified is None and record["outcome"] == "TIMEOUT":
        yield told
    unsaid = record["reason"] not in {"unknown_session", "not_started"}
    if kind == "stop_turn" and verified is None and unsaid:
        yield told
