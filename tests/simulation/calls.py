"""A whole call of the package: its plays, Ctrl-C, killed runs, and the command run again.

The package's own code runs; only the play is a simulated one. The call is the main program of its
history, and drives the loop while it waits for its play.
"""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

from ansible_collections.dxansible.fleet.plugins.plugin_utils.operations import OPERATIONS

from dxansible.results import FanoutResult
from dxansible.run import attach_commands, calls, fanout, sent
from dxansible.run.events import HostEnded
from dxansible.run.fanout import follow_call
from dxansible.run.history import UNKNOWN, HostEnd, RecordedRun
from dxansible.run.options import FanoutOptions
from dxansible.run.plays import Play
from dxansible.run.request import CANCELLED, PlayEnd, PlayRequest
from dxansible.run.rerun import Chain, Which
from dxansible.run.settling import settle
from dxansible.settings import Settings
from dxansible.value import replace
from tests.simulation.client import HOST, Client, ClientMachine, session_of
from tests.simulation.history import History

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dxansible.run.events import Event

__all__ = ["Call", "play_call"]

_KILLED = PlayEnd(status="failed", exit_code=None)
_DONE = PlayEnd(status="successful", exit_code=0)
_PATIENCE = 40 * 86400.0
_NAMES = {"run-command": "run", "follow-command": "follow", "stop-command": "stop"}


class _VirtualEvent(threading.Event):
    """An event for which a call waits on virtual time."""

    history: History

    def wait(self, timeout: float | None = None) -> bool:
        end = self.history.loop.now + (timeout or 0.0)
        while not self.is_set() and self.history.loop.step(end):
            pass
        return self.is_set()


class _HostOfPlay(Client):
    """The run of the play's host, whose options are the play's variables."""

    operation: str
    variables: Mapping[str, Any]
    text: bytes | None

    def _payload(self) -> bytes:
        return self.text or b""

    def _options(self, kind: str) -> dict[str, Any]:
        del kind
        found, given = OPERATIONS[self.operation], dict(self.variables)
        options = {**_taken(found.run.spec, given), **found.options}
        checks = found.run.spec["preflight"]["options"]
        options["preflight"] = {
            **_defaults(checks),
            **_taken(checks, given),
            **options["preflight"],
        }
        if "token" in options:
            self.token = options["token"]
        return options


def _taken(spec: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {name: facts.get("variable") for name, facts in spec.items()}
    return {name: given[word] for name, word in wanted.items() if word in given}


def _defaults(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: facts.get("default") for name, facts in spec.items()}


class _SimulatedPlay(Play):
    """A play whose hosts are clients of a history."""

    history: ClassVar[History]

    def __init__(  # noqa: PLR0913 - as a play's
        self,
        settings: Settings,
        playbook: str,
        *,
        limit: str,
        variables: Mapping[str, object],
        cancelled: threading.Event | None = None,
        secret_text: bytes | None = None,
        **_more: object,
    ) -> None:
        self._machine = settings.machine
        self._receptor, self._engine, self._line = None, False, None
        self._cancelled = cancelled or threading.Event()
        self._request = PlayRequest(
            playbook=Path(playbook), inventory=(), limit=limit, variables=variables,
            secret_text=secret_text, runtime_dir=Path("/"), began=self._machine.now(),
        )  # fmt: skip

    def _follow(self, on_event: Callable[[dict[str, Any]], None]) -> PlayEnd:
        if self._cancelled.is_set():
            return CANCELLED
        history, name = self.history, self._request.playbook.stem
        caller, loop = history.plan["caller"], history.loop
        _tell(on_event, {"kind": "hosts", "hosts": [HOST]})
        client = _HostOfPlay(history, {"kind": _NAMES[name], "at": loop.now}, _number(history))
        client.operation, client.variables = name.replace("-", "_"), self._request.variables
        client.text = self._request.secret_text
        loop.at(loop.now, client.begin)
        told, due = 0, list[float]()
        while client.ended is None:
            moments = [loop.now + _PATIENCE]
            if name == "run-command":
                moments += [
                    caller[word] for word in ("ctrl_c", "cancel", "killed") if word in caller
                ]
            loop.step(min(moments))
            due += [loop.now + caller.get("lag", 0.0)] * (len(client.news) - len(due))
            while told < len(due) and due[told] <= loop.now:
                _tell(on_event, client.news[told])
                told += 1
            end = _interrupted(caller, loop.now, name)
            if end == "ctrl_c":
                client.kill()
                raise KeyboardInterrupt
            if end == "cancel":
                self._cancelled.set()
            if self._cancelled.is_set() or end == "killed":
                client.kill()
                return CANCELLED if self._cancelled.is_set() else _KILLED
        for record in client.news[told:]:
            _tell(on_event, record)
        last = {"kind": "broken", "error": repr(client.broken), "origins": []}
        _tell(on_event, last if client.broken else client.record | {"done": True})
        return _DONE


def _interrupted(caller: dict[str, Any], now: float, name: str) -> str | None:
    """Return what ends the call's own play now; each happens once."""
    for word in ("ctrl_c", "cancel", "killed"):
        if name == "run-command" and word in caller and caller[word] <= now:
            del caller[word]
            return word
    return None


def _tell(on_event: Callable[[dict[str, Any]], None], record: dict[str, Any]) -> None:
    news = {"kind": "fleet", "news": [{"host": HOST, **record}]}
    on_event({"event": "runner_retry", "event_data": {"host": HOST, "res": {"dx": news}}})


def _number(history: History) -> int:
    history.numbers += 1
    return history.numbers


class Call:
    """A call, and what it has told of its host."""

    def __init__(self, history: History, name: str) -> None:
        """``name`` is the run's."""
        self.history, self.name = history, name
        self.result: FanoutResult | None = None
        self.began = self.ended = 0.0
        self.living = 0
        """Processes of the command that are alive at the end of the call."""

    def handle(self, news: Event) -> None:
        """Note the result."""
        if isinstance(news, HostEnded) and isinstance(news.result, FanoutResult):
            self.result = news.result

    def make(self, command: int) -> None:
        """Make the call."""
        caller, event = self.history.plan["caller"], _VirtualEvent()
        self.began = self.history.loop.now
        event.history = self.history
        options = FanoutOptions(
            timeout_sec=caller.get("timeout", 60.0), max_retries=caller.get("retries", 1),
            preflight=caller.get("preflight", True), settings=_settings(self.history),
            when_back_sec=caller.get("when_back"),
        )  # fmt: skip
        call = calls.CommandCall(
            HOST, b"run %d" % command, options, cancelled=event, new_id=f"cmd_{self.name}"
        )
        with suppress(KeyboardInterrupt):
            follow_call(call, [self])
        call.end()
        self.ended = self.history.loop.now
        works = self.history.vm.truth.get(session_of(self.name), [])
        self.living = sum(work.living for work in works)


_loaded: list[Settings] = []


def _settings(history: History) -> Settings:
    if not _loaded:
        _loaded.append(Settings.load())
    return replace(_loaded[0], machine=ClientMachine(history))


@contextmanager
def _directory() -> Iterator[Path]:
    """Make a directory for a call's notes. Nobody watches over it, as nobody kills this process."""
    with TemporaryDirectory(prefix="dx-simulated-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@contextmanager
def _plays(history: History) -> Iterator[None]:
    """Let the package have simulated plays."""
    simulated = type("SimulatedPlay", (_SimulatedPlay,), {"history": history})
    replaced: list[tuple[Any, str, Any]] = [
        (calls, "Play", simulated),
        (attach_commands, "Play", simulated),
        (attach_commands, "hosts_of", lambda ids, _settings: [HOST for _ in ids]),
        (fanout, "listing_waits", lambda _call: nullcontext(())),
        (sent, "private_directory", lambda _parent: _directory()),
    ]
    kept = [(module, name, getattr(module, name)) for module, name, _new in replaced]
    for module, name, new in replaced:
        setattr(module, name, new)
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        for module, name, old in kept:
            setattr(module, name, old)


def play_call(plan: Mapping[str, Any]) -> tuple[History, list[Call]]:
    """Play a plan with a ``caller``. Returns the history, and its calls."""
    history = History({**plan, "caller": dict(plan["caller"])})
    history.schedule()
    made = [Call(history, "a")]
    with _plays(history):
        made[0].make(0)
        if plan["caller"].get("rerun") and _runs_again(made[0]):
            made.append(Call(history, "b"))
            made[1].make(0)
    history.loop.run(history.loop.now + 150.0)
    return history, made


def _runs_again(call: Call) -> bool:
    """Whether the package runs a command again, whose run is recorded with this result."""
    end = UNKNOWN if call.result is None else HostEnd.of(call.result)
    run = RecordedRun(
        name="1", run_id=f"cmd_{call.name}", began=0.0, pattern=HOST, inventory="",
        summary="", timeout_sec=60.0, max_retries=1,
        hosts={HOST: end},
    )  # fmt: skip
    chain = Chain((run,))
    records: Any = SimpleNamespace(write=lambda _run: None)
    found = settle(chain, chain.open_ends(Which.ALL), records, _settings(call.history), [HOST])
    open_on = found.running or HOST in found.doubtful
    return HOST in found.chain.choose(Which.ALL) and not open_on
