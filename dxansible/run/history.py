"""The records of commands' runs on several hosts: a file each, in a private directory.

A record has what is needed to run the command again, and how each host ended. It has neither
output nor standard input, and of the command's environment the names alone.
"""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from dxansible.evidence import Evidence
from dxansible.logs import event
from dxansible.private_file import replace_file
from dxansible.record import Document, FanoutOutcome, Reason, read
from dxansible.run.events import Event, HostEnded, HostsKnown
from dxansible.settings import history_dir
from dxansible.value import Value, field, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from dxansible.record import HostRecord
    from dxansible.run.calls import CommandCall

__all__ = ["NEVER_ARRIVED", "UNKNOWN", "WAITING", "History", "HostEnd", "RecordedRun", "Recorder"]

_SCHEMA = 1
_MOST = 1000
"""Records; beyond that the oldest are removed."""
_SECONDS = 30 * 86400
_LEFT_OVER_SECONDS = 3600
"""Age of a file that a process was killed over while it wrote."""
_DIGITS = 20
"""Of the time in a name: names sort by time."""
_PAUSE = 1.0
"""Seconds between writes while hosts end: a run of many hosts must not wait for the disk."""
_LONGEST_COMMAND = 256 * 1024
"""Bytes; a longer command is not kept."""
_TOLD_ENDS = frozenset(
    {Reason.OK, Reason.EXIT_NONZERO, Reason.SIGNALLED, Reason.NOT_STARTED, Reason.ID_CONFLICT}
)
"""Reasons by which a VM tells that nothing of the command is running."""


class HostEnd(Value):
    """How a run ended on a host, as far as the record knows."""

    outcome: FanoutOutcome | None = None
    """None if the run began there and its end was not seen."""
    reason: str | None = None
    stop_verified: bool | None = None
    """None if nothing was stopped."""
    evidence: Evidence = Evidence.LOST
    """What the end was seen from; in the records of earlier releases, nothing."""

    @classmethod
    def of(cls, result: HostRecord) -> HostEnd:
        """Return the end that a result tells."""
        return cls(
            outcome=result.outcome,
            reason=None if result.reason is None else str(result.reason),
            stop_verified=result.stop_verified,
            evidence=result.evidence,
        )

    @property
    def known(self) -> bool:
        """Whether the record proves that the command is not running there any more.

        An outcome of a newer release proves nothing.
        """
        if self.outcome not in set(FanoutOutcome):
            return False
        if self.evidence is not Evidence.TOLD:
            return not self.evidence.may_have_arrived
        killed_in_part = self.reason == Reason.SIGNALLED and self.stop_verified is False
        ended = self.reason in _TOLD_ENDS and not killed_in_part
        return bool(self.stop_verified) or ended or self == NEVER_ARRIVED


UNKNOWN = HostEnd()
WAITING = HostEnd(
    outcome=FanoutOutcome.ABORTED, reason=Reason.NOT_STARTED, evidence=Evidence.NEVER_SENT
)
NEVER_ARRIVED = HostEnd(
    outcome=FanoutOutcome.ABORTED, reason=Reason.UNKNOWN_SESSION, evidence=Evidence.TOLD
)
"""The VM did not have the command, and it can't start there any more."""


class RecordedRun(Document):
    """One run; times are in seconds since 1970."""

    name: str
    """Of its file, without the suffix; unlike an id, it is never used twice."""
    run_id: str
    began: float
    ended: float | None = None
    """None while it runs, and of a run that was killed."""
    parent: str | None = None
    """The name of the run whose hosts this one runs on again; None if there is none."""
    pattern: str
    inventory: str
    command: str | None = field(default=None, repr=False)
    """Bytes that are not UTF-8 are surrogates; None if it was too long to be kept."""
    summary: str
    """One line without secrets."""
    label: str | None = None
    """What listings show of a command from a file; None if it is not from one."""
    cwd: str = ""
    timeout_sec: float
    max_retries: int
    forks: int | None = None
    env: tuple[str, ...] = ()
    """Names of variables that the call set; their values are in no record."""
    stdin: bool = False
    """Whether the command had standard input, which is in no record."""
    serial: tuple[str, ...] = ()
    max_fail: int | None = None
    hosts: dict[str, HostEnd] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The command in one line for people: without secrets, or the name of its file."""
        return self.label or self.summary

    @classmethod
    def new_name(cls, run_id: str, began: float) -> str:
        """Return the name of the record of a run that began then, in seconds since 1970."""
        return f"{int(began * 1e9):0{_DIGITS}d}-{run_id}"


class History(NamedTuple):
    """The directory of the records."""

    directory: Path

    def write(self, run: RecordedRun) -> None:
        """Write a record whole or not at all. Raises OSError."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self.directory / f"{run.name}.json"
        if not target.exists():
            self._remove_old()
        replace_file(target, json.dumps({"schema": _SCHEMA, **run.to_dict()}).encode())

    def runs(self) -> list[RecordedRun]:
        """Return the records, oldest first; one that can't be read is named in the log."""
        found = []
        for path in self._paths():
            try:
                found.append(_read(path.stem, json.loads(path.read_text())))
            except FileNotFoundError:
                continue  # another call has removed it meanwhile
            except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
                problem = f"{path}: {type(error).__name__}: {error}"
                event("run_unreadable", logging.WARNING, error=problem, remedy="remove the file")
        return found

    def _paths(self) -> list[Path]:
        return sorted(
            path for path in self.directory.glob("*-*.json") if path.name[:_DIGITS].isdigit()
        )

    def _remove_old(self) -> None:
        paths, now = self._paths(), time.time()
        extra = max(len(paths) + 1 - _MOST, 0)
        for place, path in enumerate(paths):
            if place < extra or now - int(path.name[:_DIGITS]) / 1e9 > _SECONDS:
                path.unlink(missing_ok=True)
        for path in self.directory.glob(".*-*"):
            with suppress(FileNotFoundError):
                if now - path.stat().st_mtime > _LEFT_OVER_SECONDS:
                    path.unlink()


def _read(name: str, document: Mapping[str, Any]) -> RecordedRun:
    """Return the record of a file. Raises ValueError, TypeError or KeyError for another file."""
    if document["schema"] != _SCHEMA:
        raise ValueError(f"its schema is {document['schema']}, and not {_SCHEMA}")
    hosts = {host: read(HostEnd, end) for host, end in document["hosts"].items()}
    return read(RecordedRun, document, name=name, hosts=hosts)


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
        self._machine = chosen.settings.machine
        began, kept = self._machine.wall(), len(call.text) <= _LONGEST_COMMAND
        self._run = RecordedRun(
            name=RecordedRun.new_name(call.run_id, began),
            run_id=call.run_id,
            began=began,
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
        self._left: frozenset[str] = frozenset()
        self._written = -_PAUSE
        """When it was last written, by its machine's clock."""

    def expect(self, hosts: Iterable[str]) -> None:
        """Record the hosts of the run; none has begun."""
        self._hosts |= dict.fromkeys(hosts, WAITING)
        self._save()

    def leave(self, hosts: Iterable[str]) -> None:
        """Record that the run never begins on these hosts, whatever their results say."""
        self._left = frozenset(hosts)

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
                if self._machine.now() - self._written > _PAUSE:
                    self._save()
            case _:
                pass

    def finish(self, results: Iterable[HostRecord]) -> None:
        """Complete the record."""
        for result in results:
            self._end(result)
        self._run = replace(self._run, ended=self._machine.wall())
        self._save()

    def _end(self, result: HostRecord) -> None:
        if result.host not in self._left:
            self._hosts[result.host] = HostEnd.of(result)

    def _save(self) -> None:
        alone = len(self._hosts) <= 1 and self._run.parent is None
        if self._history is None or alone:
            return
        self._written = self._machine.now()
        try:
            self._history.write(replace(self._run, hosts=dict(self._hosts)))
        except OSError as error:
            self._history = None
            event(
                "run_not_recorded", logging.WARNING, error=str(error),
                remedy="--rerun will not find this run",
            )  # fmt: skip
