"""Records a command's run while it goes on: who has it, and how each host ended."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from dxansible.logs import event
from dxansible.run.events import Event, HostEnded, HostsKnown
from dxansible.run.history import UNKNOWN, WAITING, History, HostEnd, RecordedRun
from dxansible.settings import history_dir
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dxansible.record import HostRecord
    from dxansible.run.calls import CommandCall

__all__ = ["Recorder"]

_PAUSE = 1.0
"""Seconds between writes while hosts end: a run of many hosts must not wait for the disk."""
_LONGEST_COMMAND = 256 * 1024
"""Bytes; a longer command is not kept."""


class Recorder:
    """Observer that keeps the record of a run on several hosts, or of one that is run again.

    A record that can't be written is named in the log, and the run goes on.
    """

    def __init__(
        self,
        call: CommandCall,
        *,
        parent: str | None = None,
        serial: Sequence[str] = (),
        max_fail: int | None = None,
    ) -> None:
        """Write nothing yet; ``parent`` is the name of the record that the run comes from."""
        directory, chosen = history_dir(), call.options
        self._history = None if directory is None else History(directory)
        kept = len(call.text) <= _LONGEST_COMMAND
        self._run = RecordedRun(
            name=RecordedRun.new_name(call.run_id),
            run_id=call.run_id,
            began=time.time(),
            parent=parent,
            pattern=call.pattern,
            inventory=chosen.settings.inventory_name,
            command=call.text.decode("utf-8", "surrogateescape") if kept else None,
            summary=call.summary,
            label=chosen.label,
            cwd=chosen.cwd,
            timeout_sec=chosen.timeout_sec,
            max_retries=chosen.max_retries,
            forks=chosen.settings.forks,
            env=tuple(chosen.env),
            stdin=bool(chosen.stdin),
            serial=tuple(serial),
            max_fail=max_fail,
        )
        self._hosts: dict[str, HostEnd] = {}
        self._written = 0.0
        """Monotonic time of the last write; 0 before the first."""

    def expect(self, hosts: Iterable[str]) -> None:
        """Record the hosts of the run; none has begun."""
        self._hosts |= dict.fromkeys(hosts, WAITING)
        self._save()

    def begin(self, hosts: Iterable[str]) -> None:
        """Record that these hosts may have the command from now on."""
        self._hosts |= dict.fromkeys(hosts, UNKNOWN)
        self._save()

    def handle(self, news: Event) -> None:
        """Take an event of the run."""
        match news:
            case HostsKnown() if not self._hosts:
                self.begin(news.hosts)
            case HostEnded():
                self._end(news.result)
                if time.monotonic() - self._written > _PAUSE:
                    self._save()
            case _:
                pass

    def finish(self, results: Iterable[HostRecord]) -> None:
        """Complete the record."""
        for result in results:
            self._end(result)
        self._run = replace(self._run, ended=time.time())
        self._save()

    def _end(self, result: HostRecord) -> None:
        reason = None if result.reason is None else str(result.reason)
        self._hosts[result.host] = HostEnd(outcome=result.outcome, reason=reason)

    def _save(self) -> None:
        alone = len(self._hosts) <= 1 and self._run.parent is None
        if self._history is None or alone:
            return
        self._written = time.monotonic()
        try:
            self._history.write(replace(self._run, hosts=dict(self._hosts)))
        except OSError as error:
            self._history = None
            event(
                "run_not_recorded", logging.WARNING, error=str(error),
                remedy="--rerun will not find this run",
            )  # fmt: skip
