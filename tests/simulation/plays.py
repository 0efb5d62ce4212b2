"""Plays of the package on virtual time: their hosts are clients of histories."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from ansible_collections.dxansible.fleet.plugins.plugin_utils.operations import OPERATIONS

from dxansible.ids import is_on
from dxansible.mesh.route import Known, Lost, route
from dxansible.run import attach_commands, calls, fanout, history, sent
from dxansible.run.events import Receiver
from dxansible.run.plays import Play
from dxansible.run.request import CANCELLED, PlayEnd, PlayRequest
from dxansible.settings import Settings
from dxansible.value import replace
from tests.simulation.client import Client, ClientMachine

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from dxansible.mesh.route import Attempt
    from dxansible.run.events import Event
    from dxansible.run.request import Again
    from tests.simulation.history import History
    from tests.simulation.loop import Loop

__all__ = ["DiedError", "VirtualEvent", "settings_of", "simulated_plays"]

_KILLED = PlayEnd(status="failed", exit_code=None)
_DONE = PlayEnd(status="successful", exit_code=0)
_PATIENCE = 40 * 86400.0
_ENDS = ("ctrl_c", "cancel", "killed", "dies", "lost")
_NAMES = {"run-command": "run", "follow-command": "follow", "stop-command": "stop"}


class DiedError(BaseException):
    """The process of the call is gone at once, as after SIGKILL: it does nothing more."""


class VirtualEvent(threading.Event):
    """An event for which a call waits on virtual time."""

    def __init__(self, loop: Loop) -> None:
        """``loop`` has the time."""
        super().__init__()
        self._loop = loop

    def wait(self, timeout: float | None = None) -> bool:
        end = self._loop.now + (timeout or 0.0)
        while not self.is_set() and self._loop.step(end):
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
    """A play whose hosts are clients of histories."""

    hosts: ClassVar[Mapping[str, History]]
    caller: ClassVar[dict[str, Any]]
    """What ends the call's own play, and when; each happens once."""

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

    def follow(self, handle: Callable[[Event], None], again: Again) -> PlayEnd:
        nodes = self.caller.pop("nodes", None)
        if not nodes or self._request.playbook.stem != "run-command":
            return super().follow(handle, again)
        receiver = Receiver(handle)
        known = _Known([f"node{number}" for number in range(len(nodes))], again, self._request)
        steps = route("node0", self._request.limit.split(","), known)
        whole, attempt, end = self._request, next(steps, None), _DONE
        while attempt is not None and not self._cancelled.is_set():
            variables = {**whole.variables, **attempt.variables}
            limit = ",".join(attempt.hosts)
            self._request = replace(whole, limit=limit, variables=variables)
            lost = None
            try:
                end = self._follow_at(nodes.pop(0) if attempt.node else {}, receiver)
            except Lost as error:
                lost = error
            attempt = None if self._cancelled.is_set() else _next(steps, lost)
        receiver.check()
        return CANCELLED if self._cancelled.is_set() else end

    def _follow_at(self, node: Mapping[str, Any], receiver: Receiver) -> PlayEnd:
        """Follow an attempt at a node; ``node`` is empty on this machine. Raises Lost."""
        if not node.get("started", True):
            raise Lost("it has no room", started=False)
        if "lost" in node:
            now = self.hosts[self._request.limit.split(",")[0]].loop.now
            self.caller.update(lost=now + node["lost"], lives=node["lives"])
        try:
            return self._follow(receiver.take)
        finally:
            self.caller.pop("lost", None)

    def _follow(self, on_event: Callable[[dict[str, Any]], None]) -> PlayEnd:
        if self.caller.get("dead"):
            raise DiedError
        if self._cancelled.is_set():
            return CANCELLED
        name = self._request.playbook.stem
        names = self._request.limit.split(",")
        _tell(on_event, names[0], {"kind": "hosts", "hosts": names})
        told = [_Told(self._client(each, name)) for each in names]
        loop = told[0].client.history.loop
        while any(each.client.ended is None for each in told):
            moments = [loop.now + _PATIENCE]
            if name == "run-command":
                moments += [self.caller[word] for word in _ENDS if word in self.caller]
            loop.step(min(moments))
            for each in told:
                each.tell(on_event, loop.now, self.caller.get("lag", 0.0))
            end = self._interrupted(loop.now, name)
            if end == "cancel":
                self._cancelled.set()
            if end is not None or self._cancelled.is_set():
                for each in told if end != "lost" or not self.caller["lives"] else ():
                    each.client.kill()
                return self._end(end)
        for each in told:
            each.tell(on_event, loop.now, 0.0)
        return _DONE

    def _client(self, host: str, playbook: str) -> _HostOfPlay:
        history = self.hosts[host]
        loop = history.loop
        history.numbers += 1
        plan = {"kind": _NAMES[playbook], "at": loop.now}
        client = _HostOfPlay(history, plan, history.numbers)
        client.operation, client.variables = playbook.replace("-", "_"), self._request.variables
        client.text = self._request.secret_text
        loop.at(loop.now, client.begin)
        return client

    def _interrupted(self, now: float, playbook: str) -> str | None:
        """Return what ends the call's own play now."""
        for word in _ENDS if playbook == "run-command" else ():
            if self.caller.get(word, now + 1.0) <= now:
                del self.caller[word]
                return word
        return None

    def _end(self, how: str | None) -> PlayEnd:
        match how:
            case "ctrl_c":
                raise KeyboardInterrupt
            case "lost":
                raise Lost("nothing is heard of it", started=True)
            case "dies":
                self.caller["dead"] = True
                raise DiedError
            case _:
                return CANCELLED if self._cancelled.is_set() else _KILLED


class _Known(Known):
    """What is known of a part that goes through nodes."""

    def __init__(self, nodes: Sequence[str], again: Again, request: PlayRequest) -> None:
        """``request`` is that of the whole play."""
        self._nodes, self._again, self._request = nodes, again, request

    def left(self, hosts: Sequence[str]) -> Sequence[str]:
        rest = self._again.rest().split(",")
        return [host for host in hosts if host in rest]

    def next_page(self, hosts: Sequence[str]) -> None:
        del hosts

    def usable(self) -> Sequence[str]:
        return self._nodes

    def prepare(self, hosts: Sequence[str], why: str) -> Mapping[str, Any]:
        return self._again.prepare(",".join(hosts), why, self._request.began)


def _next(steps: Generator[Attempt, Lost | None], lost: Lost | None) -> Attempt | None:
    with suppress(StopIteration):
        return steps.send(lost)
    return None


class _Told:
    """What the call was told of a host of its play."""

    def __init__(self, client: Client) -> None:
        """Nothing yet."""
        self.client = client
        self._due: list[float] = []
        self._told = 0
        self._ended = False

    def tell(self, on_event: Callable[[dict[str, Any]], None], now: float, lag: float) -> None:
        """Tell what is due; all of it, and the last record, once the host's run has ended."""
        client, host = self.client, self.client.history.host
        if self._ended:
            return
        self._ended = client.ended is not None
        self._due += [now + lag] * (len(client.news) - len(self._due))
        while self._told < len(client.news) and (self._ended or self._due[self._told] <= now):
            _tell(on_event, host, client.news[self._told])
            self._told += 1
        if self._ended:
            broken = {"kind": "broken", "error": repr(client.broken), "origins": []}
            _tell(on_event, host, broken if client.broken else client.record | {"done": True})


def _tell(on_event: Callable[[dict[str, Any]], None], host: str, record: dict[str, Any]) -> None:
    news = {"kind": "fleet", "news": [{"host": host, **record}]}
    on_event({"event": "runner_retry", "event_data": {"host": host, "res": {"dx": news}}})


_loaded: list[Settings] = []


def settings_of(history: History) -> Settings:
    """Return the settings of a call whose machine has the history's clock."""
    if not _loaded:
        _loaded.append(Settings.load())
    return replace(_loaded[0], machine=ClientMachine(history))


@contextmanager
def _directory() -> Iterator[Path]:
    """Make a directory for a call's notes. Nobody watches over it, as nobody kills this process."""
    with TemporaryDirectory(prefix="dx-simulated-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@contextmanager
def simulated_plays(hosts: Mapping[str, History], caller: dict[str, Any]) -> Iterator[None]:
    """Let the package have simulated plays, and no files.

    ``caller`` is that of the plan; what happens is taken out of it.
    """
    simulated = type("SimulatedPlay", (_SimulatedPlay,), {"hosts": hosts, "caller": caller})
    replaced: list[tuple[Any, str, Any]] = [
        (calls, "Play", simulated),
        (attach_commands, "Play", simulated),
        (attach_commands, "hosts_of", lambda ids, _settings: _hosts_of(ids, hosts)),
        (fanout, "listing_waits", lambda _call: nullcontext(())),
        (history, "history_dir", lambda: None),
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


def _hosts_of(ids: Iterable[str], hosts: Iterable[str]) -> list[str]:
    return [next(host for host in hosts if is_on(each, host)) for each in ids]
