"""Runs one of our playbooks and hands its events on, typed."""

from __future__ import annotations

import functools
import logging
import threading
from typing import TYPE_CHECKING, Any

from dxansible.kept.client import hand_over
from dxansible.kept.fingerprint import EngineUnusable
from dxansible.logs import event
from dxansible.parameters import FORKS, NODE, WHEN_BACK
from dxansible.run.patterns import check_pattern
from dxansible.run.request import CANCELLED, KILLED, PlayRequest
from dxansible.supported import NEWEST_CORE, untested_core
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dxansible.kept.client import Line
    from dxansible.run.events import Event, Receiver
    from dxansible.run.flow import Flow
    from dxansible.run.request import Again, PlayEnd
    from dxansible.settings import Settings

__all__ = ["Play"]


class Play:
    """A run of one of our playbooks.

    An engine gets it at once. The modules for `follow` load while the engine works; without an
    engine, `follow` runs the playbook.
    """

    def __init__(  # noqa: PLR0913 - all but the first two are options by name
        self,
        settings: Settings,
        playbook: str,
        *,
        limit: str,
        variables: Mapping[str, object],
        cancelled: threading.Event | None = None,
        secret_text: bytes | None = None,
        forks: int | None = None,
        flow: Flow | None = None,
    ) -> None:
        """Begin the run on the hosts of an Ansible pattern.

        ``secret_text`` reaches the playbook over a socket. ``forks`` of None is the settings'
        number. With ``flow`` commands wait for the reader of their output. Raises UsageError for an
        empty pattern.
        """
        check_pattern(limit)
        self._receptor = settings.receptor if settings.via != "local" else None
        """None if all hosts are contacted from here."""
        if self._receptor is not None:
            via = {} if settings.via is None else {NODE.variable: settings.via}
            variables = {**variables, **via, "dx_by_node": True}
        self._cancelled = cancelled or threading.Event()
        self._machine = settings.machine
        self._request = PlayRequest(
            playbook=settings.playbooks / playbook,
            inventory=settings.inventory,
            limit=limit,
            variables=variables,
            secret_text=secret_text,
            flow=flow,
            forks=forks or settings.forks or FORKS,
            environment=settings.environment,
            runtime_dir=settings.runtime_dir,
            began=self._machine.now(),
        )
        self._engine = settings.engine
        """Whether an engine may have it; not once one was lost."""
        self._line = self._hand_over()
        _warn_of_untested_core()

    @property
    def began(self) -> float:
        """When the run began, before anything was sent to a host, by the clock of its machine."""
        return self._request.began

    def follow(self, handle: Callable[[Event], None], again: Again) -> PlayEnd:
        """Follow the run to its end; ``handle`` gets the events one at a time.

        Returns early once the run is cancelled or an exception (KeyboardInterrupt) arrives; nothing
        on this machine works on the run then. If Ansible is killed, the run continues as ``again``
        says: at once and without an engine if it was an engine, else after a pause, as after a lost
        connection. Raises EngineError and ContentError, and InventoryError if the inventory has a
        variable for every host of the run that Ansible can't use.
        """
        from dxansible.run.events import Receiver  # noqa: PLC0415 - see the class

        receiver = Receiver(handle)
        if self._receptor is None:
            end = self._follow_here(receiver, receiver.take, again)
        else:
            from dxansible.mesh.parts import Parts  # noqa: PLC0415 - loads ansible-runner

            parts = Parts(self._request, self._receptor, receiver.take, again, self._cancelled)
            end = parts.follow(lambda take, again: self._follow_here(receiver, take, again))
        receiver.check()
        return end

    def _follow_here(
        self, receiver: Receiver, take: Callable[[dict[str, Any]], None], again: Again
    ) -> PlayEnd:
        failures, end = 0, self._follow(take)
        while end.killed and not self._cancelled.is_set():
            if not end.engine_lost:
                failures = 1 if receiver.answered else failures + 1
            left = again.rest()
            if not left or failures > again.max_retries:
                break
            more = again.prepare(left, KILLED, self._request.began)
            variables = {**self._variables_left(), **more}
            self._request = replace(self._request, limit=left, variables=variables)
            if not end.engine_lost:
                self._cancelled.wait(again.retry_delay_sec)
            receiver.answered = False
            self._engine &= not end.engine_lost
            self._line = self._hand_over()
            end = self._follow(take)
        return end

    def _variables_left(self) -> Mapping[str, object]:
        """Return the run's variables, with what is left of the time to wait for hosts."""
        variables = self._request.variables
        seconds = variables.get(WHEN_BACK.variable)
        if not isinstance(seconds, float):
            return variables
        left = max(self._request.began + seconds - self._machine.now(), 0.0)
        return {**variables, WHEN_BACK.variable: left}

    def _hand_over(self) -> Line | None:
        """Return the engine that has taken the run; None without one."""
        if not self._engine:
            return None
        try:
            return hand_over(self._request, self._cancelled)
        except EngineUnusable as reason:
            event("engine_unused", logging.DEBUG, reason=str(reason))
            return None

    def _follow(self, on_event: Callable[[dict[str, Any]], None]) -> PlayEnd:
        if self._line is not None:
            line, self._line = self._line, None
            try:
                return line.follow(on_event)
            except EngineUnusable as reason:
                event("engine_unused", logging.DEBUG, reason=str(reason))
        if self._cancelled.is_set():
            return CANCELLED
        from dxansible.run import backend  # noqa: PLC0415 - loads ansible-runner

        return backend.play(self._request, on_event, self._cancelled)


@functools.cache
def _warn_of_untested_core() -> None:
    """Warn once that ansible-core is newer than what was tested."""
    version = untested_core()
    if version is not None:
        event("core_untested", logging.WARNING, version=version, tested=NEWEST_CORE)
