# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sends the start of work, and finds out what became of a start that was not answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .evidence import Evidence, nothing_began
from .keeper_reply import CallError, CutShortError, KeeperError, NoAnswerError
from .sent_file import SentFile
from .states import CONFLICT

if TYPE_CHECKING:
    from collections.abc import Callable

    from .attempts import AttemptRun
    from .host_door import HostDoor
    from .host_run import Steps
    from .keeper_reply import Reply


class CallEndedError(CallError):
    """The caller has gone, knowing that nothing was sent to this host."""


def send_start(
    run: AttemptRun,
    name: str,
    seconds: float,
    make: Callable[[HostDoor], Reply],
    about: bytes = b"",
) -> Steps[Reply | None]:
    """Make the call that starts the work. Returns None if a poll has to tell the work's state.

    ``name`` is the work's id at the keeper, and ``about`` is as in `Keeper.start`. An unanswered
    start may begin later, so the VM is asked to settle it. Raises CallError, and a KeeperError that
    is no `NoAnswerError` only if nothing has begun and nothing will.
    """
    path = run.options["sent_file"]
    if path and not SentFile(path).note_start(run.host):
        raise CallEndedError
    try:
        return (yield from run.call(seconds, make))
    except CutShortError:
        raise
    except KeeperError as error:
        if not (isinstance(error, NoAnswerError) or run.progress.may_have_arrived):
            raise  # the keeper's own word
        return (yield from _settle(run, name, about, error))


def _settle(run: AttemptRun, name: str, about: bytes, error: KeeperError) -> Steps[Reply | None]:
    try:
        since = run.seconds_since_start()
        reply = yield from run.call(0, lambda door: door.keeper.settle(name, about, since=since))
    except CallError as silent:
        if _is_refused(error) and _is_refused(silent) and not run.progress.may_have_arrived:
            raise _settled(error) from silent
        raise NoAnswerError(str(error)) from silent
    earlier = run.progress.may_have_arrived
    if nothing_began(reply, first_sent_here=not earlier):
        run.progress.joined = Evidence.REFUSED  # by the VM: nothing has begun, and nothing will
        raise _settled(error) from error
    if reply.state == CONFLICT or reply.restarted:
        return reply
    run.progress.hear(reply)
    return None


def _is_refused(error: CallError) -> bool:
    return isinstance(error, NoAnswerError) and error.refused


def _settled(error: KeeperError) -> KeeperError:
    """Return the error that says the same of a start of which it is known that nothing has run."""
    return KeeperError(str(error)) if isinstance(error, NoAnswerError) else error
