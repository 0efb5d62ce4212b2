"""Jules, Google's coding agent in the cloud: its sources, sessions and their activities.

Jules has no idempotency key for a create. The title of each session therefore carries a marker, a
digest of the request. The client looks for the marker before it creates a session, and after every
create without a clear answer.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, ClassVar, TypeVar

from dxansible.errors import ServiceError, UsageError
from dxansible.http import JsonClient, NotFoundError, RefusedError, UnclearError
from dxansible.jules.model import Activity, Session, Source, mapping, patches_in, records
from dxansible.record import Reason
from dxansible.redact import summarize
from dxansible.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dxansible.http import HttpResponse
    from dxansible.jules.model import CreateRequest

__all__ = ["Created", "JulesClient"]

T = TypeVar("T")

_PAGE = 100
_MOST_PAGES = 20
_SETTLING = (2.0, 5.0, 10.0)
"""Seconds to wait before each search for a session after an unclear create."""
_FRESH = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between tries: Jules may not find a new session at first."""
_AGAIN = (2.0, 5.0)
_UNCLEAR = "it is unknown whether the session was created; none is listed"
_LOOK = "repeat the call: it looks for the session first, and doesn't create a second one"


class Created(Value):
    """A session; ``attached`` if it existed before, with its age as in `Session.age_sec`."""

    session: Session
    attached: bool
    age_sec: float | None = None


class JulesClient(JsonClient):
    """The requests to Jules. All of them raise ServiceError."""

    name = "Jules"
    root = "/v1alpha/"
    headers: ClassVar = {"X-Goog-Api-Key": "KEY", "Accept": "application/json"}
    key_variable, url_variable = "JULES_API_KEY", "DX_JULES_URL"
    key_remedy = "create a key at jules.google.com/settings, and set JULES_API_KEY"
    failed, bad_key = Reason.JULES_ERROR, Reason.JULES_AUTH
    read_seconds = 90.0
    largest = 64 * 2**20
    tries = 6
    longest_pause = 60.0

    def find_source(self, repository: str) -> Source:
        """Return the source for ``owner/name``, whatever its name at Jules."""
        try:
            direct = Source.of(self.read(f"sources/github/{repository}"))
        except (NotFoundError, RefusedError):
            pass
        else:
            if direct.name:
                return direct
        listed, _ = self._list("sources", "sources")
        for source in map(Source.of, listed):
            if source.name and source.repository.lower() == repository.lower():
                return source
        text = f"Jules has no access to {repository}"
        remedy = "install the Jules GitHub App on the repository, by hand, at jules.google.com"
        raise ServiceError(text, remedy, Reason.NO_SOURCE)

    def create(self, request: CreateRequest, before: Callable[[], None] | None = None) -> Created:
        """Create a session once, or attach to the one created for the same request.

        ``before`` is called if there is none yet, and may raise to prevent the create.
        """
        source = self.find_source(request.repository)
        branch = request.branch or source.default_branch
        if branch is None:
            message = f"Jules reports no default branch for {request.repository}"
            raise UsageError(message, "name one with --branch")
        known, _ = self._find_by_marker(request)
        if known is not None:
            return Created(session=known, attached=True, age_sec=known.age_sec(time.time()))
        if before is not None:
            before()
        body = request.body(source.name, branch)
        for attempt in (1, 2):
            try:
                return self._create(body)
            except UnclearError as error:
                found, absent = self._find_after_unclear_create(request)
                if found is not None:
                    return Created(session=found, attached=False)
                if attempt > 1 or not (error.answered and absent):
                    text = f"{error.message}: {_UNCLEAR}"
                    raise ServiceError(text, _LOOK, Reason.CREATE_UNCLEAR) from error
        raise AssertionError  # pragma: no cover - the second attempt is the last

    def get(self, session_id: str, *, fresh: bool = False) -> Session:
        """Return a session. ``fresh``: it was just created. Raises UsageError if there is none."""
        with _missing(session_id):
            found = self._repeat(
                lambda: self.read(f"sessions/{session_id}"), NotFoundError, _FRESH if fresh else ()
            )
        return Session.of(found)

    def activities(self, session_id: str) -> list[Activity]:
        """Return the activities of a session, oldest first; none yet if the session is too new."""
        try:
            listed, _ = self._list(f"sessions/{session_id}/activities", "activities")
        except NotFoundError:
            return []
        known = {each.name: each for each in map(Activity.of, listed)}
        return list(known.values())

    def sessions(self) -> list[Session]:
        """Return all sessions that are not archived, the newest first."""
        listed, _ = self._list("sessions", "sessions")
        return sorted(map(Session.of, listed), key=lambda each: each.create_time, reverse=True)

    def send_message(self, session_id: str, text: str) -> None:
        """Send a message; never twice."""
        try:
            self._act(session_id, "sendMessage", {"prompt": text})
        except UnclearError as error:
            remedy = f"check whether it arrived: dx-dispatch --logs {session_id}"
            raise ServiceError(f"{error.message}: the message may have been sent", remedy,
                               Reason.JULES_ERROR) from error  # fmt: skip

    def approve(self, session_id: str) -> None:
        """Approve the plan."""
        self._post_idempotent(session_id, "approvePlan")

    def archive(self, session_id: str) -> None:
        """Take a session off the list; Jules pauses it if it is at work."""
        self._post_idempotent(session_id, "archive")

    def unarchive(self, session_id: str) -> None:
        """Put an archived session back on the list."""
        self._post_idempotent(session_id, "unarchive")

    def delete(self, session_id: str) -> None:
        """Delete a session for good. One that is not there any more is no error."""

        def once() -> None:
            with suppress(NotFoundError):
                self.write(f"sessions/{session_id}", None, "DELETE")

        self._repeat(once, UnclearError, _AGAIN)

    def get_with_patch(self, session_id: str) -> tuple[Session, str]:
        """Return a session, and its changes as a patch; empty for none.

        The last change set has all. Raises UsageError if there is no such session.
        """
        with _missing(session_id):
            record = self.read(f"sessions/{session_id}")
        found = patches_in(record, "outputs")
        if not found:
            listed, _ = self._list(f"sessions/{session_id}/activities", "activities")
            found = [patch for each in listed for patch in patches_in(each, "artifacts")]
        return Session.of(record), found[-1] if found else ""

    def _post_idempotent(self, session_id: str, verb: str) -> None:
        """Post a request that is safe to repeat; repeat it after an unclear answer."""
        self._repeat(lambda: self._act(session_id, verb, {}), UnclearError, _AGAIN)

    def _repeat(
        self, call: Callable[[], T], failure: type[ServiceError], pauses: Sequence[float]
    ) -> T:
        """Repeat a call after each failure of this kind, with a pause in seconds before each."""
        for pause in pauses:
            try:
                return call()
            except failure:
                self.sleep(pause)
        return call()

    def _act(self, session_id: str, verb: str, body: Mapping[str, object]) -> None:
        with _missing(session_id):
            self.write(f"sessions/{session_id}:{verb}", body)

    def _create(self, body: Mapping[str, object]) -> Created:
        session = Session.of(self.write("sessions", body))
        if not session.id:
            raise UnclearError("the answer has no session", "look for it", self.failed)
        return Created(session=session, attached=False)

    def _find_after_unclear_create(self, request: CreateRequest) -> tuple[Session | None, bool]:
        """Look for the session of an unclear create until it must have appeared.

        The second value says whether the session certainly doesn't exist.
        """
        absent = True
        for pause in _SETTLING:
            self.sleep(pause)
            try:
                found, complete = self._find_by_marker(request)
            except ServiceError:
                found, complete = None, False
            if found is not None:
                return found, False
            absent = absent and complete
        return None, absent

    def _find_by_marker(self, request: CreateRequest) -> tuple[Session | None, bool]:
        """Return the newest session to attach to, and whether all sessions were seen."""
        listed, complete = self._list("sessions", "sessions")
        now = time.time()
        found = [each for each in map(Session.of, listed) if request.may_attach(each, now)]
        return max(found, key=lambda each: each.create_time, default=None), complete

    def _list(self, path: str, key: str) -> tuple[list[Mapping[str, object]], bool]:
        """Return the records of all pages, and whether the last page was reached."""
        found: list[Mapping[str, object]] = []
        query: dict[str, str | int] = {"pageSize": _PAGE}
        seen: set[str] = set()
        for _ in range(_MOST_PAGES):
            page = self.read(path, **query)
            found += records(page, key)
            token = str(page.get("nextPageToken") or "")
            if not token or token in seen:
                return found, not token
            seen.add(token)
            query["pageToken"] = token
        return found, False

    def own_error(self, response: HttpResponse, words: str, path: str) -> ServiceError | None:
        """Return the error for a bad key, a used-up quota, or something that Jules doesn't know."""
        reason, remedy = self.bad_key, self.key_remedy
        invalid = b"API_KEY_INVALID" in response.body or b"API key not valid" in response.body
        match response.status:
            case 401:
                text = f"JULES_API_KEY is not a Jules API key ({words})"
            case 400 if invalid:
                text = f"JULES_API_KEY is not valid ({words})"
            case 403:
                text = f"Jules refused JULES_API_KEY, which may be disabled ({words})"
            case 404:
                text, remedy = f"Jules has no {path} ({words})", "check that it still exists"
                return NotFoundError(text, remedy, self.failed)
            case 429:
                asked = response.headers.get("retry-after")
                wait = summarize(f"; retry after {asked} s") if asked else ""
                text = f"the Jules quota is used up{wait} ({words})"
                remedy = "wait, end other sessions, or check the limits of your plan"
                reason = Reason.JULES_QUOTA
            case _:
                return None
        return ServiceError(text, remedy, reason)

    def own_words(self, record: Mapping[str, object]) -> str | None:
        """Return the message, and the fields of the request that were wrong."""
        if not isinstance(record.get("error"), dict):
            return None
        error = mapping(record, "error")
        violations = [
            f"; {each.get('field')}: {each.get('description')}"
            for detail in records(error, "details")
            for each in records(detail, "fieldViolations")
        ]
        return f"{error.get('status') or ''} {error.get('message') or ''}{''.join(violations)}"


@contextmanager
def _missing(session_id: str) -> Iterator[None]:
    """Turn Jules' 404 for a session into a UsageError."""
    try:
        yield
    except NotFoundError as error:
        message = f"Jules has no session {session_id}"
        raise UsageError(message, "see: dx-dispatch --sessions --jules") from error
