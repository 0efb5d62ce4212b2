# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The states of a session on its VM, and of a host in a call, as tables.

A table has each state, who may tell it, and the states that may follow. Nobody may tell a state or
a move that is in no table. The keeper's shell has the same words for the states of a session. The
Python package has this same file as ``dxansible.states``, so it imports nothing but the standard
library.
"""

from __future__ import annotations

import warnings
from enum import StrEnum
from typing import TYPE_CHECKING

from .value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "ANSWERS",
    "CONFLICT",
    "ENDED",
    "HOST_STATES",
    "LISTED_STATES",
    "SESSION_STATES",
    "HostState",
    "ListedState",
    "SessionState",
    "State",
    "StateWarning",
    "Teller",
    "is_session_state",
    "teller",
    "warn",
]


class StateWarning(PendingDeprecationWarning):
    """A state or a move that is in no table: an error in tests, and silent otherwise."""


class Teller(StrEnum):
    """Who may tell a state."""

    KEEPER = "the VM's keeper"
    CLIENT = "the client"
    NOBODY = "nobody"


class SessionState(StrEnum):
    """The state of a session on its VM, as the keeper tells it."""

    UNKNOWN = "unknown"
    STARTING = "starting"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    EXITED = "exited"
    TIMEOUT = "timeout"
    IDLE = "idle"
    ABORTED = "aborted"
    KILLED = "killed"
    UNSTARTED = "unstarted"
    LOST = "lost"


class ListedState(StrEnum):
    """The state of a session in listings."""

    WAITING = "waiting"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    LIMITED = "limited"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMEOUT = "timeout"
    ABORTED = "aborted"
    NEEDS_INPUT = "needs_input"
    LOST = "lost"


class HostState(StrEnum):
    """The state of a host in a call."""

    EXPECTED = "expected"
    FOUND = "found"
    CHECKED = "checked"
    UNUSABLE = "unusable"
    WAITING = "waiting"
    BACK = "back"
    QUEUED = "queued"
    SCHEDULED = "scheduled"
    STARTED = "started"
    ANSWERED = "answered"
    SILENT = "silent"
    RUNNING = "running"
    ENDED = "ended"


class State(Value):
    """A row of a table."""

    word: str
    meaning: str
    teller: Teller
    follows: frozenset[str] = frozenset()
    """The states that may come next."""
    final: bool = False
    """The work has ended, or this call tells no more of the host."""


_S, _H, _L = SessionState, HostState, ListedState
_KEEPER, _CLIENT = Teller.KEEPER, Teller.CLIENT


def _state(
    word: str,
    meaning: str,
    follows: Iterable[str] = (),
    *,
    by: Teller = _KEEPER,
    final: bool = False,
) -> State:
    return State(word=word, meaning=meaning, teller=by, follows=frozenset(follows), final=final)


def _table(*rows: State) -> Mapping[str, State]:
    return {row.word: row for row in rows}


_ENDS = (_S.EXITED, _S.TIMEOUT, _S.IDLE, _S.ABORTED, _S.KILLED, _S.LOST)
_REMOVED = (_S.UNKNOWN,)

SESSION_STATES = _table(
    _state(
        _S.UNKNOWN,
        "The VM has no record of the id. This says nothing of the past.",
        (_S.STARTING, _S.SCHEDULED, _S.ABORTED, _S.LOST),
        final=True,
    ),
    _state(
        _S.STARTING,
        "The VM has the command, and its supervisor takes it over.",
        (_S.RUNNING, _S.UNSTARTED, _S.ABORTED, _S.LOST),
    ),
    _state(
        _S.SCHEDULED,
        "The VM has the command, and starts it later.",
        (_S.STARTING, _S.UNSTARTED, _S.ABORTED),
    ),
    _state(_S.RUNNING, "The command runs.", _ENDS),
    _state(_S.EXITED, "The command ended by itself, with an exit code.", _REMOVED, final=True),
    _state(_S.TIMEOUT, "Stopped at the time limit.", _REMOVED, final=True),
    _state(_S.IDLE, "Stopped, as the agent made no progress.", _REMOVED, final=True),
    _state(
        _S.ABORTED,
        "Stopped on request, or settled before it arrived or started: it can't start any more.",
        _REMOVED,
        final=True,
    ),
    _state(_S.KILLED, "The VM itself ended the supervisor and the command.", _REMOVED, final=True),
    _state(
        _S.UNSTARTED,
        "The VM had the command, has run nothing of it, and never will.",
        _REMOVED,
        final=True,
    ),
    _state(
        _S.LOST,
        "The supervisor is gone without a record of the end; or an earlier start may have "
        "arrived before the VM restarted.",
        _REMOVED,
        final=True,
    ),
)
"""The states of a session. After each, the VM may also tell the same state again."""

ENDED = frozenset(word for word, row in SESSION_STATES.items() if row.final)
"""States after which the VM does no more for the session."""

CONFLICT = "conflict"
ANSWERS: Mapping[str, str] = {
    "ok": "The request was served.",
    "error": "The VM can't serve the request; a message says why.",
    "absent": "The VM does not have the keeper's script.",
    "missing": "Nothing was started: a program is not on the PATH.",
    CONFLICT: "The id belongs to something else.",
    "made": "The note was added.",
    "kept": "The session had a note of that name.",
}
"""Words in the keeper's field ``state`` that tell no state of a session."""

_SCHEDULES = (_H.SCHEDULED, _H.STARTED, _H.RUNNING, _H.ENDED)
_BEGINS = (_H.QUEUED, *_SCHEDULES)
_ANSWERS = (_H.ANSWERED, _H.SILENT)
_TRIES = (_H.CHECKED, _H.UNUSABLE, _H.WAITING, *_ANSWERS, *_BEGINS)

HOST_STATES = _table(
    _state(_H.EXPECTED, "The host takes part in the call.", (_H.FOUND, *_TRIES), by=_CLIENT),
    _state(
        _H.FOUND,
        "The host is in the inventory, and the session has an id.",
        _TRIES,
        by=_CLIENT,
    ),
    _state(
        _H.CHECKED,
        "The checks passed, and the host answered if there is work for it.",
        (_H.UNUSABLE, _H.WAITING, *_ANSWERS, *_BEGINS),
        by=_CLIENT,
    ),
    _state(
        _H.UNUSABLE,
        "A check failed.",
        (_H.CHECKED, _H.WAITING, *_ANSWERS, _H.ENDED),
        by=_CLIENT,
    ),
    _state(
        _H.WAITING,
        "The host can't be reached, and is waited for.",
        (_H.BACK, _H.CHECKED, _H.UNUSABLE, *_BEGINS),
        by=_CLIENT,
    ),
    _state(
        _H.BACK,
        "The host that was waited for answers.",
        (_H.CHECKED, _H.UNUSABLE, _H.WAITING, *_BEGINS),
        by=_CLIENT,
    ),
    _state(_H.QUEUED, "The prompt waits behind a turn of its session.", (*_SCHEDULES, _H.WAITING)),
    _state(
        _H.SCHEDULED,
        "The VM has the work, and starts it later.",
        (*_SCHEDULES[1:], _H.WAITING),
    ),
    _state(
        _H.STARTED,
        "The VM has the work. A session that is followed may start a further turn.",
        (*_SCHEDULES, _H.WAITING),
    ),
    _state(
        _H.ANSWERED,
        "The host answered a question, and may answer it again.",
        (_H.CHECKED, _H.UNUSABLE, _H.SILENT, _H.ENDED),
    ),
    _state(
        _H.SILENT,
        "The host did not answer a question, and may be asked again.",
        (_H.CHECKED, _H.UNUSABLE, _H.ANSWERED, _H.ENDED),
        by=_CLIENT,
    ),
    _state(
        _H.RUNNING,
        "The work goes on, and this call no longer watches.",
        final=True,
        by=_CLIENT,
    ),
    _state(_H.ENDED, "The host has an outcome.", final=True, by=_CLIENT),
)
"""The states of a host in a call. Silence is no news: a lost connection changes no state."""

LISTED_STATES = _table(
    _state(_L.WAITING, "A call of this machine waits for the host.", by=_CLIENT),
    _state(_L.SCHEDULED, "The VM has the work, and starts it later."),
    _state(_L.RUNNING, "The work is running."),
    _state(_L.LIMITED, "The turn waits until the agent's usage limit resets."),
    _state(_L.SUCCEEDED, "The outcome is SUCCESS.", final=True),
    _state(_L.FAILED, "The outcome is FAILURE.", final=True),
    _state(_L.TIMEOUT, "The outcome is TIMEOUT.", final=True),
    _state(_L.ABORTED, "The outcome is ABORTED.", final=True),
    _state(
        _L.NEEDS_INPUT,
        "The agent needs a decision, or the session has reached its cost limit.",
        final=True,
    ),
    _state(_L.LOST, "Nobody knows how the work ended.", final=True),
)
"""The words of listings. They are judged from the keeper's states and the output."""


def teller(table: Mapping[str, State], word: str, before: str | None = None) -> Teller:
    """Return who may tell a state; NOBODY if it is not in the table, or can't follow ``before``.

    A state may always be told again.
    """
    row = table.get(word)
    if row is None or not (before in {None, word} or word in table[before].follows):
        return Teller.NOBODY
    return row.teller


def is_session_state(word: str) -> bool:
    """Return whether the keeper may tell the state of a session; warn if not."""
    if teller(SESSION_STATES, word) is Teller.KEEPER:
        return True
    warn(f"no session has the state {word!r}")
    return False


def warn(text: str) -> None:
    """Warn of a state or a move that can't be."""
    warnings.warn(text, StateWarning, stacklevel=3)
