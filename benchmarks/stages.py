"""Where the time of one warm call goes, stage by stage.

The call runs as it always does, but its Pythons note when some functions begin and end
(`benchmarks/tracing`). That costs a little itself, so the whole is given without it as well.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.caller import ROOT
from benchmarks.timing import BenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.bench import Bench
    from benchmarks.caller import Caller

__all__ = ["profile"]

_TRACING = str(ROOT / "benchmarks" / "tracing")
_PREFLIGHT = "worker: preflight"
_ROUND_TRIP = "worker: round trip over ssh, the command"
_STAGES = (
    ("+ python", "client: Python starts"),
    ("+ cli", "client: imports of the command line"),
    ("+ call", "client: command line, settings"),
    ("+ play", "client: options"),
    ("+ offer", "client: who we are, the engine's socket"),
    ("- offer", "engine: looks whether anything has changed, says yes"),
    ("+ preflight", "worker: hosts, variables, connection"),
    ("- preflight", _PREFLIGHT),
    ("+ keeper", "worker: opens the connection"),
    ("- keeper", _ROUND_TRIP),
    ("- follow", "worker, ansible-runner, engine: the result's way back"),
    ("- cli", "client: summary, end"),
    ("end", "client: Python ends"),
)
"""The moment that ends a stage, and the stage; in order."""
_DETAILS = ("dns", "auth")
"""Parts of the preflight."""
_BESIDE = "  beside all that, client: imports of what shows results"
_CALL = ("--exec", "echo hi")

_Moments = dict[str, float]


@dataclass(frozen=True, slots=True)
class _Trace:
    began: float
    moments: Sequence[tuple[float, str]]
    """Milliseconds, in order, and what began (+) or ended (-) then."""

    def stages(self) -> _Moments:
        """Milliseconds of each stage. Raises BenchError if a moment is missing."""
        found, last, position = {}, self.began, 0
        for mark, name in _STAGES:
            while position < len(self.moments) and self.moments[position][1] != mark:
                position += 1
            if position == len(self.moments):
                raise BenchError(f"the trace has no {mark!r} after the stages before it")
            moment = self.moments[position][0]
            found[name] = moment - last
            last = moment
        return found

    def details(self) -> _Moments:
        """Milliseconds of the parts of a stage."""
        at = {mark: moment for moment, mark in self.moments}
        found = {f"  of that: {name}": at[f"- {name}"] - at[f"+ {name}"] for name in _DETAILS}
        return found | {_BESIDE: at["+ follow"] - at["- play"]}


def profile(bench: Bench) -> str:
    """A Markdown table of medians in milliseconds, over all samples."""
    (host,) = bench.fleet.names(1)
    with bench.caller(1) as plain, bench.caller(1) as traced:
        traced.environment["PYTHONPATH"] = _TRACING
        for caller in (plain, traced):
            caller.warm(host, *_CALL)
        usual, traces = [], []
        for _ in range(bench.samples):
            usual.append(1000 * plain.dispatch_warm(host, *_CALL).seconds)
            traces.append(_take(traced, host))
    found: dict[str, list[float]] = {}
    for trace in traces:
        for name, value in {**trace.stages(), **trace.details()}.items():
            found.setdefault(name, []).append(value)
    lines = ["| stage | median, ms | from | to |", "|---|---|---|---|"]
    for name, values in _in_order(found).items():
        middle = statistics.median(values)
        lines.append(f"| {name} | {middle:.1f} | {min(values):.1f} | {max(values):.1f} |")
    whole = [trace.moments[-1][0] - trace.began for trace in traces]
    lines.append(f"| **whole, traced** | {statistics.median(whole):.1f} | | |")
    lines.append(f"| **whole, not traced** | {statistics.median(usual):.1f} | | |")
    return "\n".join(lines)


def _take(caller: Caller, host: str) -> _Trace:
    file = caller.home / "trace"
    for _ in range(20):
        file.unlink(missing_ok=True)
        began = time.monotonic_ns()
        caller.dispatch_warm(host, *_CALL)
        end = time.monotonic_ns()
        lines = [line.split(" ", 2) for line in file.read_text().splitlines()]
        moments = sorted((int(at) / 1e6, what) for at, _pid, what in lines)
        if sum(what == "+ offer" for _, what in moments) == 1:  # else it was called again
            return _Trace(began / 1e6, [*moments, (end / 1e6, "end")])
    raise BenchError("no call found its engine at once")


def _in_order(found: dict[str, list[float]]) -> dict[str, list[float]]:
    """The details right after the stage that they are of."""
    ordered = {}
    for _, name in _STAGES:
        ordered[name] = found[name]
        if name == _PREFLIGHT:
            ordered |= {each: found[each] for each in found if each.startswith("  of")}
        if name == _ROUND_TRIP:
            ordered[_BESIDE] = found[_BESIDE]
    return ordered
