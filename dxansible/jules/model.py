"""Jules' sources, sessions and activities, and the result of a call, as data.

Parsing trusts nothing: a field that is missing or of another type counts as empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from dxansible.evidence import Evidence
from dxansible.record import FanoutOutcome, Reason
from dxansible.redact import printable, redact
from dxansible.value import Value, field

__all__ = [
    "Activity",
    "CreateRequest",
    "JulesResult",
    "Session",
    "Source",
    "mapping",
    "moment_of",
    "patches_in",
    "records",
]

_Record = Mapping[str, object]

_NEEDS_PERSON = {
    "AWAITING_PLAN_APPROVAL": "its plan waits for approval: dx-dispatch --approve {id}",
    "AWAITING_USER_FEEDBACK": 'it has a question: dx-dispatch --logs {id}, then --session {id} "…"',
    "PAUSED": 'it is paused: send a message with --session {id} "…", or continue at {url}',
}
_WORKING = frozenset({"QUEUED", "PLANNING", "IN_PROGRESS"})


class Source(Value):
    """A repository that Jules may work on; its name is opaque."""

    name: str
    repository: str
    """``owner/name`` at GitHub."""
    default_branch: str | None

    @classmethod
    def of(cls, record: _Record) -> Source:
        """Build it from Jules' JSON."""
        github = mapping(record, "githubRepo")
        return cls(
            name=_text(record, "name"),
            repository=f"{_text(github, 'owner')}/{_text(github, 'repo')}",
            default_branch=_text(mapping(github, "defaultBranch"), "displayName") or None,
        )


class Session(Value):
    """A session as Jules has it; `state` is Jules' word, which may be unknown here."""

    id: str
    title: str
    state: str
    url: str
    create_time: str
    update_time: str
    source: str
    archived: bool
    pull_request: str | None

    @classmethod
    def of(cls, record: _Record) -> Session:
        """Build it from Jules' JSON."""
        name = _text(record, "name").removeprefix("sessions/")
        outputs = [mapping(each, "pullRequest") for each in records(record, "outputs")]
        requests = [url for each in outputs if (url := _text(each, "url"))]
        return cls(
            id=name or _text(record, "id"),
            title=_text(record, "title"),
            state=printable(_text(record, "state")) or "STATE_UNSPECIFIED",
            url=printable(_text(record, "url")),
            create_time=_text(record, "createTime"),
            update_time=_text(record, "updateTime"),
            source=_text(mapping(record, "sourceContext"), "source"),
            archived=record.get("archived") is True,
            pull_request=printable(requests[-1]) if requests else None,
        )

    @property
    def ended(self) -> bool:
        """Whether it has ended; an unknown state is no end."""
        return self.state in {"COMPLETED", "FAILED"}

    def age_sec(self, now: float) -> float | None:
        """Seconds since it ended, or since it was created if it has not; None if unknown."""
        moment = moment_of((self.update_time if self.ended else "") or self.create_time)
        return None if moment is None else max(now - moment.timestamp(), 0.0)

    @property
    def working(self) -> bool:
        """Whether it is known to be working, or about to."""
        return self.state in _WORKING

    @property
    def needs_person(self) -> str | None:
        """The action that a person must take before the session goes on; None if there is none."""
        text = _NEEDS_PERSON.get(self.state)
        return text.format(id=self.id, url=self.url or "jules.google.com") if text else None


class Activity(Value):
    """One thing that happened in a session."""

    name: str
    text: str
    failure: str | None
    said: str | None
    """What the agent said to the user."""
    by_user: bool
    """Whether the user caused it, not Jules."""

    @classmethod
    def of(cls, record: _Record) -> Activity:
        """Build it from Jules' JSON; an unknown kind has its description, if any."""
        said = _text(mapping(record, "agentMessaged"), "agentMessage")
        failure = _text(mapping(record, "sessionFailed"), "reason")
        lines = [_line(record, said), *_results(record)]
        return cls(
            name=_text(record, "name") or _text(record, "id"),
            text="".join(f"{line}\n" for line in lines if line),
            failure=_shown(failure) or "no reason given" if "sessionFailed" in record else None,
            said=said or None,
            by_user="userMessaged" in record or "planApproved" in record,
        )


class CreateRequest(Value):
    """A session to create; its title contains `marker`, by which it is found again."""

    prompt: str = field(repr=False)
    title: str
    marker: str
    repository: str
    branch: str | None
    plan_approval: bool = False
    """A person has to approve the plan before Jules works."""
    auto_pr: bool = True
    """Jules opens a pull request at its end."""
    attach_age_sec: float | None = None
    """Maximum age in seconds of an ended session to attach to; None for no limit."""

    def may_attach(self, session: Session, now: float) -> bool:
        """Whether the request may attach to this session; never to a failed or archived one."""
        if self.marker not in session.title or not session.id or session.archived:
            return False
        if not session.ended:
            return True
        if self.attach_age_sec is None or session.state == "FAILED":
            return session.state != "FAILED"
        age = session.age_sec(now)
        return age is not None and age < self.attach_age_sec

    def body(self, source: str, branch: str) -> dict[str, object]:
        """Return the request's body."""
        mode = {"automationMode": "AUTO_CREATE_PR"} if self.auto_pr else {}
        return {
            "prompt": self.prompt,
            "title": self.title,
            "sourceContext": {"source": source, "githubRepoContext": {"startingBranch": branch}},
            "requirePlanApproval": self.plan_approval,
            **mode,
        }


class JulesResult(Value):
    """The result of a call. `outcome` is None while the session goes on normally.

    `attached` says that the session existed before; `attached_age_sec` is the time since it ended,
    or since it was created if it has not ended. `error` says what happened and what to do.
    """

    outcome: FanoutOutcome | None
    reason: Reason | None
    session: Session | None = None
    attached: bool = False
    attached_age_sec: int | None = None
    error: str | None = None
    message: str | None = None
    """Jules' last message."""
    issue: str | None = None
    patch: str | None = None
    """With ``--diff``: the session's changes; empty for none."""
    stop_verified: bool | None = None
    duration_ms: int = 0
    evidence: Evidence = Evidence.SERVICE
    """LOST if Jules did not answer."""

    @classmethod
    def failure(cls, reason: Reason, error: str, session: Session | None = None) -> JulesResult:
        """Return a result with the outcome FAILURE."""
        lost = reason in {Reason.LOST_CONTACT, Reason.CREATE_UNCLEAR}
        return cls(
            outcome=FanoutOutcome.FAILURE,
            reason=reason,
            error=error,
            session=session,
            evidence=Evidence.LOST if lost else Evidence.SERVICE,
        )

    def to_dict(self) -> dict[str, object]:
        """Return a dict for JSON."""
        document = asdict(self)
        del document["session"]
        known = self.session
        return {
            "host": "jules",
            "session_id": known.id if known else None,
            "url": known.url if known else None,
            "jules_state": known.state if known else None,
            "state": "running" if self.outcome is None else "ended",
            "title": known.title if known else None,
            "pull_request": known.pull_request if known else None,
            **document,
        }


def _line(record: _Record, said: str) -> str:
    if said:
        return f"jules: {_shown(said)}"
    for key, show in _KINDS.items():
        if key in record:
            return show(mapping(record, key))
    return _shown(_text(record, "description"))


def _plan(generated: _Record) -> str:
    steps = records(mapping(generated, "plan"), "steps")
    titles = [_shown(_text(each, "title")) for each in steps]
    return "plan:" + "".join(f"\n  {number}. {each}" for number, each in enumerate(titles, 1))


def _progress(update: _Record) -> str:
    parts = [_shown(_text(update, name)) for name in ("title", "description")]
    return ": ".join(part for part in parts if part)


def _results(record: _Record) -> list[str]:
    lines = []
    for each in records(record, "artifacts"):
        bash = mapping(each, "bashOutput")
        if bash:
            lines.append(f"$ {_shown(_text(bash, 'command'))}\n{_shown(_text(bash, 'output'))}")
            lines.append(f"exit code {bash.get('exitCode') or 0}")
        if "changeSet" in each:
            patch = _text(mapping(mapping(each, "changeSet"), "gitPatch"), "unidiffPatch")
            count = patch.count("\ndiff --git ") + patch.startswith("diff --git ")
            lines.append(f"changes so far: {count} file(s)")
    return lines


def _shown(text: str) -> str:
    """Return a short text without secrets and without characters that move the cursor."""
    return "\n".join(printable(line.rstrip()) for line in redact(text).strip().split("\n"))


def moment_of(text: str) -> datetime | None:
    """Return a time of Jules; None if it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def patches_in(record: _Record, name: str) -> list[str]:
    """Return the patches of the change sets in a list of a JSON object, without empty ones."""
    patches = [
        _text(mapping(mapping(each, "changeSet"), "gitPatch"), "unidiffPatch")
        for each in records(record, name)
    ]
    return [patch for patch in patches if patch.strip()]


def mapping(record: _Record, name: str) -> _Record:
    """Return an object in a JSON object; an empty one if there is none."""
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def records(record: _Record, name: str) -> list[_Record]:
    """Return the objects of a list in a JSON object; none if there is no list."""
    value = record.get(name)
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _text(record: _Record, name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


_KINDS: dict[str, Callable[[_Record], str]] = {
    "userMessaged": lambda each: f"user: {_shown(_text(each, 'userMessage'))}",
    "planGenerated": _plan,
    "planApproved": lambda _each: "plan approved",
    "progressUpdated": _progress,
    "sessionCompleted": lambda _each: "completed",
    "sessionFailed": lambda each: f"failed: {_shown(_text(each, 'reason')) or 'no reason given'}",
}
