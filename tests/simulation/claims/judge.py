"""Judges races for a claim by what the remote has taken: one session publishes, all are told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tests.simulation.claims.history import CLAIM_REF, ClaimHistory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from tests.simulation.claims.history import Session, Told
    from tests.simulation.claims.remote import Change

__all__ = ["judge_claims"]

_BOUND = 900.0
"""Seconds in which a step ends once its work, and the faults, are over."""
_LONGEST_LOCK = 0.2
"""Seconds for which the remote may hold a ref's lock."""
_SHORTEST = 10.0
"""Seconds of a lease that can be renewed in time."""


class _Claim(NamedTuple):
    """What a claim says; ``session`` is empty for something that is none."""

    session: str
    state: str
    until: float


def judge_claims(plan: Mapping[str, Any]) -> list[str]:
    """Play a plan, and return what is wrong with its history; empty if nothing is."""
    history = ClaimHistory(plan).play()
    if history.endless:
        return ["the history has no end"]
    found = [*_of_claims(history), *_of_branches(history)]
    for session in history.sessions:
        for number, told in enumerate(session.told, start=1):
            found += [
                f"session {session.number}, step {number} ({told.kind}): {text}"
                for text in _of_step(history, session, told)
            ]
        if any(process.alive for crowd in session.crowds for process in crowd.processes):
            found.append(f"session {session.number}: a process has no end")
    return found


def _claim(history: ClaimHistory, oid: str) -> _Claim | None:
    """Return what a value of the claim's ref says; None for no value."""
    if not oid:
        return None
    found = dict(re.findall(r"^Dx-(\w+): (.*)$", history.objects[oid], re.MULTILINE))
    until = float(found.get("Renewed", 0)) + float(found.get("Lease", 0))
    return _Claim(found.get("Session", ""), found.get("State", ""), until)


def _moves(history: ClaimHistory) -> list[Change]:
    return [each for each in history.remote.changes if each.ref == CLAIM_REF]


def _of_claims(history: ClaimHistory) -> Iterator[str]:
    for each in _moves(history):
        old, new = _claim(history, each.old), _claim(history, each.new)
        assert new is not None
        if old is None:
            continue
        if old.state == "finished" and new.state != "finished":
            yield f"a finished claim is {new.state} again"
        if old.session == new.session:
            continue
        left = old.until - history.wall(each.client)
        if old.state != "working":
            yield f"session {each.client} has replaced a claim that is {old.state or 'foreign'}"
        elif left > 0:
            yield f"session {each.client} has replaced a claim with {left:.0f} s left"
        yield from _of_holder(history, old.session, each)


def _of_holder(history: ClaimHistory, name: str, change: Change) -> Iterator[str]:
    """Judge the loss of a claim: a session that works, and met no fault, keeps it."""
    session = next(each for each in history.sessions if each.name == name)
    if session.number in history.remote.troubled | history.remote.hindered:
        return
    if session.plan["lease"] < _SHORTEST or any("clock" in each.plan for each in history.sessions):
        return
    if any(each["kind"] == "disk" for each in history.plan["faults"]):
        return
    for told in session.told:
        if told.worked is None or told.killed or told.frozen or told.ended is None:
            continue
        if told.worked[0] <= change.at <= told.ended:
            yield f"session {session.number} works, and session {change.client} has its claim"


def _of_branches(history: ClaimHistory) -> Iterator[str]:
    """Judge what was published: only by the session that has the claim at that moment."""
    published = set()
    for at, each in enumerate(history.remote.changes):
        if each.ref == CLAIM_REF:
            continue
        published.add(each.client)
        # both refs of a push have the same moment
        claims = [
            change
            for place, change in enumerate(history.remote.changes)
            if change.ref == CLAIM_REF and (place < at or change.at == each.at)
        ]
        last = _claim(history, claims[-1].new) if claims else None
        name = history.sessions[each.client - 1].name
        if last is None or last.session != name:
            yield f"session {each.client} has published {each.ref} without the claim"
        elif last.state != "finished":
            yield f"session {each.client} has published {each.ref}, and the claim is {last.state}"
    if len(published) > 1:
        yield f"sessions {sorted(published)} have published"


def _of_step(history: ClaimHistory, session: Session, told: Told) -> Iterator[str]:
    if told.ended is None:
        yield "has no end"
        return
    if told.killed:
        return
    work = told.worked[1] - told.worked[0] if told.worked else 0.0
    faults = sum(
        each.get("to", 0.0) + each.get("seconds", 0.0) + each.get("late", 0.0)
        for each in history.plan["faults"]
    )
    if told.ended - told.began > work + faults + _BOUND:
        yield f"ended after {told.ended - told.began:.0f} s only"
    if (told.status == 0) == bool(told.problem):
        yield f"status {told.status}, problem {told.problem or 'none'}"
    if told.kind == "turn" and (told.worked is None) is not bool(told.problem):
        yield f"{told.problem or 'success'}, and its agent {'worked' if told.worked else 'did not'}"
    yield from _of_problem(history, session, told)


def _of_problem(  # noqa: C901, PLR0912 - a case for each problem
    history: ClaimHistory, session: Session, told: Told
) -> Iterator[str]:
    held = list(_held(history, told))
    mine = [each is not None and each.session == session.name for each in held]
    others = [each is not None and each.session != session.name for each in held]
    had = any(
        change.at <= (told.ended or 0.0)
        and (_claim(history, change.new) or _Claim("", "", 0)).session == session.name
        for change in _moves(history)
    )
    killed = any(each.killed for each in session.told)  # its last push may still be under way
    troubled = (
        killed
        or session.number in history.remote.troubled
        or any(
            each["kind"] == "disk" and each["client"] == session.number
            for each in history.plan["faults"]
        )
    )
    match told.problem:
        case "" if told.kind == "turn" and not any(mine):
            yield "a success without the claim"
        case "" if told.kind == "finalize":
            yield from _of_published(history, session, held)
        case "issue_claimed" if not any(others):
            yield "issue_claimed, and no other session has claimed it"
        case "claim_lost" if not any(others):
            yield "claim_lost, and no other session has claimed it"
        case "claim_lost" if not had:
            yield "claim_lost, and it never had it"
        case "claim_failed" if not troubled and session.plan["lease"] >= _SHORTEST:
            yield "claim_failed without a fault"
        case "push_failed" if not troubled and session.number not in history.remote.hindered:
            yield "push_failed without a fault"
        case "push_failed" if _reads_answered(history) and not killed:
            if any(told.began < each.at < (told.ended or 0) for each in _mine(history, session)):
                yield "push_failed, and it is published"
        case "" | "issue_claimed" | "claim_lost" | "claim_failed" | "push_failed":
            pass
        case "repo_unusable" if session.tree not in session.files:
            pass
        case "repo_unusable":
            had_tree = any(each.worked for each in session.told[: session.told.index(told)])
            if had_tree:
                yield "repo_unusable, and it has a worktree"
        case _:
            yield f"told {told.problem}"


def _reads_answered(history: ClaimHistory) -> bool:
    """Whether a session can always read what a push has set whose answer was lost."""
    faults = history.plan["faults"]
    lost = [each for each in faults if each.get("how") == "lost_after"]
    others = [each for each in faults if each["kind"] != "freeze" and each.get("how") != "slow"]
    return others == lost and len(lost) == 1 and lost[0]["after"] > _LONGEST_LOCK


def _mine(history: ClaimHistory, session: Session) -> list[Change]:
    """Return the session's changes of its branch."""
    refs = {f"refs/heads/{session.plan['branch']}", f"mine:refs/heads/{session.plan['branch']}"}
    return [
        each
        for each in history.remote.changes
        if each.ref in refs and each.client == session.number
    ]


def _held(history: ClaimHistory, told: Told) -> Iterator[_Claim | None]:
    """Yield the claims that were there while a step went on."""
    yield (
        _claim(history, "foreign" if "foreign" in history.plan else "")
        if not any(each.at <= told.began for each in _moves(history))
        else None
    )
    last = None
    for each in _moves(history):
        if each.at <= told.began:
            last = each
        elif each.at <= (told.ended or 0.0):
            yield _claim(history, each.new)
    if last is not None:
        yield _claim(history, last.new)


def _of_published(
    history: ClaimHistory, session: Session, held: list[_Claim | None]
) -> Iterator[str]:
    if not _mine(history, session):
        yield "a success, and nothing is published"
    finished = [each for each in held if each is not None and each.state == "finished"]
    if not any(each.session == session.name for each in finished):
        yield "a success, and the claim is not finished"
