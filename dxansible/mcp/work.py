"""Runs the work of a call in a thread of its own, which goes on when the call ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from dxansible.errors import DxError, EngineError

if TYPE_CHECKING:
    from dxansible.mcp.sight import Sight

__all__ = ["Answer", "Document", "Work"]

Document = dict[str, Any]
Answer = Callable[[Document], None]
"""Gives the answer of a call."""


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
