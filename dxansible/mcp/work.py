"""Runs the work of a call in a thread of its own, which goes on when the call ends.

An answer that comes too late for its call is kept for the same call again.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from dxansible.errors import DxError, EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dxansible.mcp.sight import Sight
    from dxansible.mcp.tools import Tool

__all__ = ["Answer", "Document", "LateAnswers", "Work"]

Document = dict[str, Any]
Answer = Callable[[Document], None]
"""Gives the answer of a call."""
_KEPT_SECONDS = 60.0
"""How long after its call an answer is kept."""


class Work:
    """Work in a thread; its answer may come before its end.

    The thread is a daemon, so a server that ends leaves the work to the hosts.
    """

    def __init__(
        self,
        run: Callable[[Answer], None],
        sight: Sight,
        call_id: str | None = None,
        *,
        leave: threading.Event | None = None,
    ) -> None:
        """``run`` gets the function to answer with; ``call_id`` is the id for ``logs``."""
        self.answer: Future[Document] = Future()
        self.answer.add_done_callback(lambda _answer: sight.handed_over.set())
        self.leave = leave
        """Set to end work that only looks; None of other work."""
        self._thread: threading.Thread | None = None
        self.sight, self._id, self._run = sight, call_id, run

    def start(self) -> None:
        """Begin, unless it has begun, and return at once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="mcp-call", daemon=True)
            self._thread.start()

    def so_far(self) -> Document:
        """Return the answer of a call whose work goes on: ``unknown`` before a host answers."""
        return self._with_state(self.sight.unfinished(), otherwise="running")

    def _work(self) -> None:
        try:
            self._run(self._tell)
        except DxError as error:
            self._fail(error)
        except OSError as error:
            self._fail(EngineError(f"this machine refuses: {error}", "see docs/troubleshooting.md"))
        except BaseException as error:  # a call must not wait for an answer that never comes
            self._fail(error)
            raise

    def _tell(self, document: Document) -> None:
        if not self.answer.done():
            self.answer.set_result(self._with_state(document, otherwise="ended"))

    def _with_state(self, document: Document, *, otherwise: str) -> Document:
        results = document.get("results", ())
        states = {each.get("state", "ended") for each in results}
        unheard = document.get("outcome", "") is None and states <= {"unknown"}
        state = "running" if "running" in states else "unknown" if unheard else otherwise
        found = [each["session_id"] for each in results if each["session_id"]]
        known = self._id or (found[0] if len(found) == 1 else None)
        return {**document, "id": known, "state": state}

    def _fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class LateAnswers:
    """The work of calls that had to return before it ended.

    Without a ``run_id``, the same call of a tool that starts something is new work.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._kept: dict[str, tuple[Work, float]] = {}

    def keep(self, tool: Tool, given: Mapping[str, Any], work: Work) -> None:
        """Keep the work of a call; its next call may be the same."""
        self._forget()
        if tool.repeatable or "run_id" in given:
            self._kept[_key(tool, given)] = work, time.monotonic()

    def take(self, tool: Tool, given: Mapping[str, Any]) -> Work | None:
        """Return the work of the same call, if there is some."""
        self._forget()
        work, _ = self._kept.pop(_key(tool, given), (None, 0))
        return work

    def _forget(self) -> None:
        latest = time.monotonic() - _KEPT_SECONDS
        self._kept = {key: each for key, each in self._kept.items() if each[1] > latest}


def _key(tool: Tool, given: Mapping[str, Any]) -> str:
    words = {name: value for name, value in given.items() if name != "wait"}
    return json.dumps([tool.name, words], sort_keys=True)
