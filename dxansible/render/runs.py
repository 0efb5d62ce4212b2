"""Renders recorded runs as text for people and as JSON for programs."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from dxansible.record import FanoutOutcome, Reason
from dxansible.redact import summarize
from dxansible.render.documents import document
from dxansible.render.tables import columns, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dxansible.run.history import HostEnd, RecordedRun
    from dxansible.run.rerun import Chain, Which

__all__ = [
    "nothing_document",
    "nothing_line",
    "recall_line",
    "rerun_line",
    "runs_document",
    "runs_table",
]

_COMMAND_LENGTH = 60
_RUNS = columns(
    "RUN", "BEGAN", "TARGET", "ENDS", "AGAIN OF", "COMMAND",
    shown="ENDS",
    leave=("COMMAND", "AGAIN OF", "TARGET"),
    text=("COMMAND",),
)  # fmt: skip
_MOST_HOSTS = 8
_UNKNOWN = "unknown"
"""The end of a host that nobody has seen."""


def runs_table(runs: Sequence[RecordedRun], width: int | None = None) -> str:
    """Return a table of the runs, newest last, or a line that says that there are none."""
    if not runs:
        return "no run is recorded\n"
    ids = {run.name: run.run_id for run in runs}
    rows = [
        (
            run.run_id,
            _when(run.began),
            run.pattern,
            _ends(run.hosts.values()),
            "-" if run.parent is None else ids.get(run.parent, "removed"),
            summarize(run.title, _COMMAND_LENGTH),
        )
        for run in runs
    ]
    return table(_RUNS, rows, [_colour(run) for run in runs], width)


def runs_document(runs: Sequence[RecordedRun]) -> str:
    """Return the JSON document of the runs."""
    ids = {run.name: run.run_id for run in runs}
    return document(
        exit_code=0,
        runs=[
            {
                "run_id": run.run_id,
                "began": run.began,
                "ended": run.ended,
                "parent": ids.get(run.parent or ""),
                "pattern": run.pattern,
                "inventory": run.inventory,
                "command_summary": summarize(run.title),
                "hosts": [
                    {"host": host, "outcome": end.outcome, "reason": end.reason}
                    for host, end in run.hosts.items()
                ],
            }
            for run in runs
        ],
    )


def rerun_line(chain: Chain, which: Which, hosts: Sequence[str], serial: Sequence[str]) -> str:
    """Return what is run again and where, for people."""
    named = ", ".join(hosts[:_MOST_HOSTS])
    more = f" and {len(hosts) - _MOST_HOSTS} more" if len(hosts) > _MOST_HOSTS else ""
    steps = f", in batches of {','.join(serial)}" if serial else ""
    run = chain.newest
    where = f"{len(hosts)} of {len(chain.ends)} hosts ({which}): {named}{more}{steps}"
    return f"again {run.run_id} of {_when(run.began)}, {summarize(run.title)}: on {where}"


def recall_line(open_ends: Mapping[str, Sequence[str]]) -> str:
    """Return that the VMs are asked first, for people."""
    hosts = {host for each in open_ends.values() for host in each}
    return f"asking {len(hosts)} host(s) how the command ended there: nobody saw the end"


def nothing_line(chain: Chain, which: Which) -> str:
    """Return that no host has to be done again."""
    hosts = len(chain.ends)
    return f"nothing to do again: of {chain.newest.run_id}, none of {hosts} hosts is {which}"


def nothing_document() -> str:
    """Return the JSON document of a call that has nothing to do again."""
    return document(outcome=None, exit_code=0, results=[])


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _ends(ends: Iterable[HostEnd]) -> str:
    """Count the hosts by their ends, the good ones first."""
    counts = Counter(map(_word, ends))
    others = [word for word in counts if word != _UNKNOWN]
    order = dict.fromkeys([*FanoutOutcome, Reason.NOT_STARTED, *others, _UNKNOWN])
    return ", ".join(f"{counts[word]} {word}" for word in order if counts[word])


def _word(end: HostEnd) -> str:
    if end.outcome is None:
        return _UNKNOWN
    return end.reason if end.reason == Reason.NOT_STARTED else end.outcome


def _colour(run: RecordedRun) -> str:
    good = all(end.outcome is FanoutOutcome.SUCCESS for end in run.hosts.values())
    return "green" if good else "red"
