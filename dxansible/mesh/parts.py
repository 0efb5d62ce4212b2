"""The parts of a run that go through execution nodes, as one run with the part from here.

A node that is lost hands its part on: to another node, at last to this machine. Each further
attempt has the run's id, so the hosts themselves know what has started.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from dxansible.first_sent import stamp
from dxansible.ids import new_token
from dxansible.logs import event
from dxansible.mesh.part import SIGN_OF_LIFE, Part
from dxansible.mesh.receptor import MeshError, Receptor
from dxansible.mesh.route import Lost, route
from dxansible.mesh.units import Units
from dxansible.parameters import NODE, WHEN_BACK
from dxansible.run import backend
from dxansible.run.request import CANCELLED
from dxansible.run.sent import SENT_FILE
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from dxansible.mesh.receptor import Node
    from dxansible.mesh.route import Attempt
    from dxansible.run.request import Again, PlayEnd, PlayRequest

__all__ = ["Parts"]

_ANY = "auto"
_LOOK = 0.2
_MOST_NAMED = 1000
_PAGE = 32 * 2**20
"""Bytes of output that a part sends at most. The next one begins when the reader has taken them,
so that no more is kept on the way, and the commands wait for a slow reader."""
_NOT_OURS = frozenset({"hosts", "too_many_hosts"})
"""Kinds of records about a run as a whole, which a node has only a part of."""


class Parts:
    """The parts of a run whose hosts may be at execution nodes, as one run."""

    def __init__(
        self,
        request: PlayRequest,
        receptor: Path,
        handle: Callable[[dict[str, Any]], None],
        again: Again,
        cancelled: threading.Event,
    ) -> None:
        """``handle`` gets the raw events of all parts, one at a time.

        ``again`` is how the run continues where it was lost.
        """
        self._request, self._receptor, self._handle = request, Receptor(receptor), handle
        self._again, self._cancelled = again, cancelled
        self._lock = threading.Lock()
        self._ended: set[str] = set()
        self._pages: dict[str, list[int]] = {}
        """Where the output of a host goes on, whose last page is full: offsets in both streams."""
        self._began: dict[str, float] = {}
        """When a host began that has had a full page, by the monotonic clock."""
        self._token = new_token()
        self._hosts: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._units = Units(self._receptor)
        self._bad_end: PlayEnd | None = None
        self._error: BaseException | None = None

    def follow(
        self, follow_here: Callable[[Callable[[dict[str, Any]], None], Again], PlayEnd]
    ) -> PlayEnd:
        """Follow all parts to their ends, and leave no unit behind. Raises DxError.

        ``follow_here`` follows the part from here, which says what the other parts are.
        """
        try:
            end = follow_here(self._take, self._here())
            return self._wait() or end
        except BaseException:
            self._cancelled.set()
            raise
        finally:
            for thread in self._threads:
                thread.join()
            self._units.close()

    def _take(self, raw: dict[str, Any]) -> None:
        """Take an event of the part from here, and begin the parts that it names."""
        nodes: dict[str, list[str]] = {}
        for record in _records(raw):
            nodes |= record.pop("nodes", None) or {}
        with self._lock:
            self._hosts.update(host for hosts in nodes.values() for host in hosts)
            self._handle(raw)
        if nodes:
            self._run(self._begin, nodes)

    def _here(self) -> Again:
        """Return how the part from here continues if Ansible is killed."""

        def rest() -> str:
            with self._lock:
                left = self._again.rest().split(",")
            return ",".join(host for host in left if host not in self._hosts)

        return replace(self._again, rest=rest, prepare=self._prepare)

    def _wait(self) -> PlayEnd | None:
        """Wait for all parts; return an end that is worse than that of the part from here.

        Raises at once what a part has raised: DxError, or an error of ``handle``.
        """
        for thread in self._threads:  # the first one adds others
            while thread.is_alive() and self._error is None:
                thread.join(_LOOK)
        if self._error is not None:
            raise self._error
        return CANCELLED if self._cancelled.is_set() else self._bad_end

    def _run(self, work: Callable[..., None], *arguments: object) -> None:
        def guarded() -> None:
            try:
                work(*arguments)
            except BaseException as error:  # noqa: BLE001 - `_wait` raises it in the caller's thread
                self._error = self._error or error

        thread = threading.Thread(target=guarded, name="dx-part", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _begin(self, wanted: Mapping[str, Sequence[str]]) -> None:
        """Begin the parts, each at its node."""
        nodes = {each.name: each for each in self._usable()}
        plan = {name: list(hosts) for name, hosts in wanted.items() if name != _ANY}
        for number, host in enumerate(wanted.get(_ANY, ())):
            names = list(nodes) or [""]
            plan.setdefault(names[number % len(names)], []).append(host)
        inventory = self._inventory()
        for name, hosts in plan.items():
            self._run(self._follow, name, hosts, inventory)

    def _usable(self) -> list[Node]:
        try:
            return [each for each in self._receptor.nodes() if each.usable]
        except MeshError as error:
            event("mesh_unavailable", logging.WARNING, error=str(error))
            return []

    def _inventory(self) -> dict[str, Any]:
        few = len(self._hosts) < _MOST_NAMED  # an argument has a limit
        pattern = ",".join(sorted(self._hosts)) if few else None
        return backend.read_inventory(self._request, pattern=pattern)[0]

    def _follow(self, first: str, hosts: Sequence[str], inventory: dict[str, Any]) -> None:
        """See one part through."""
        steps = route(first or None, hosts, self)
        attempt: Attempt | None = next(steps)
        while attempt is not None and not self._cancelled.is_set():
            lost: Lost | None = None
            if attempt.node is None:
                self._follow_here(attempt)
            else:
                try:
                    self._follow_at(attempt.node, attempt, inventory)
                except Lost as why:
                    lost = why
            if self._cancelled.is_set():
                return
            try:
                attempt = steps.send(lost)
            except StopIteration:
                return

    def left(self, hosts: Sequence[str]) -> Sequence[str]:
        """Return those of the hosts that have not ended."""
        return [host for host in hosts if host not in self._ended]

    def next_page(self, hosts: Sequence[str]) -> Mapping[str, object] | None:
        """Return variables for a run that goes on where the last one had a full page."""
        if not self._pages.keys() >= set(hosts):
            return None
        with self._lock:
            pages = {host: self._pages.pop(host) for host in hosts}
        sent = {"dx_may_have_arrived": True, "dx_first_sent": stamp(self._request.began)}
        return {"dx_preflight": False, **sent, "dx_offsets": pages}

    def usable(self) -> Sequence[str]:
        """Return the names of the nodes that can have a part now."""
        return [each.name for each in self._usable()]

    def prepare(self, hosts: Sequence[str], why: str) -> Mapping[str, object]:
        """Return variables for a run that attaches to what a lost one may have started."""
        return self._prepare(",".join(hosts), why, self._request.began)

    def _follow_at(self, name: str, attempt: Attempt, inventory: dict[str, Any]) -> None:
        """Run a part at a node. Raises Lost."""
        node = self._receptor.find(name)
        if not node.usable:
            raise Lost(f"{node.error}", started=False)
        own, variables = set(attempt.hosts), attempt.variables
        if self._request.flow is not None and WHEN_BACK.variable not in self._request.variables:
            variables = {**variables, "dx_page": _PAGE}
        variables = {**variables, SENT_FILE: ""}  # the file is here, and not at the node
        payload = backend.payload(self._request_of(attempt.hosts, variables), _only(inventory, own))

        def take(raw: dict[str, Any]) -> bool:
            if raw.get("event") in {"runner_on_failed", "runner_on_unreachable"}:
                result = raw.get("event_data", {}).get("res") or {}
                if "dx" not in result:
                    raise Lost(f"Ansible failed there: {result.get('msg')}", started=True)
            self._take_of(own, raw)
            return self._ended >= own

        Part(self._receptor, node, self._units, take, self._cancelled).follow(payload)

    def _follow_here(self, attempt: Attempt) -> None:
        own = set(attempt.hosts)
        request = self._request_of(attempt.hosts, attempt.variables)
        request = replace(request, flow=self._request.flow)

        def take(raw: dict[str, Any]) -> None:
            if _records(raw):
                self._take_of(own, raw)
            else:  # it may say that Ansible failed
                with self._lock:
                    self._handle(raw)

        end = backend.play(request, take, self._cancelled)
        if end.killed:
            self._bad_end = end

    def _request_of(self, hosts: Sequence[str], variables: Mapping[str, object]) -> PlayRequest:
        """Return the request of a part, to which its hosts are not those of a node."""
        here = {NODE.variable: "local", "dx_most_hosts": 0, "dx_patience": SIGN_OF_LIFE}
        given = {"dx_token": self._token, **self._request.variables, **variables, **here}
        return replace(self._request, limit=",".join(hosts), variables=given, flow=None)

    def _is_news(self, record: dict[str, Any]) -> bool:
        """Whether a record is for the caller; it is not if a page has ended, and another follows.

        The end of the last page gets the time of them all.
        """
        host, now = record["host"], time.monotonic()
        if "page_end" in record:
            self._pages[host] = record["page_end"]
            self._began.setdefault(host, now - record["duration_ms"] / 1000)
            return False
        if record.get("done") and host in self._began:
            record["duration_ms"] = round((now - self._began[host]) * 1000)
        return True

    def _prepare(self, left: str, why: str, began: float) -> Mapping[str, object]:
        with self._lock:
            return self._again.prepare(left, why, began)

    def _take_of(self, own: Collection[str], raw: dict[str, Any]) -> None:
        """Take an event of a part, which can speak of the part's own hosts alone."""
        kept = [
            each
            for each in _records(raw)
            if each.get("host") in own and each.get("kind") not in _NOT_OURS
        ]
        kept = list(filter(self._is_news, kept))
        if not kept:
            return
        raw["event_data"]["res"]["dx"] = {"kind": "fleet", "news": kept}
        with self._lock:
            self._ended.update(each["host"] for each in kept if each.get("done"))
            self._handle(raw)


def _records(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the records in an event; most events have none."""
    found = ((raw.get("event_data") or {}).get("res") or {}).get("dx")
    news = found.get("news") if isinstance(found, dict) else None
    return news if isinstance(news, list) else []


def _only(inventory: Mapping[str, Any], hosts: Collection[str]) -> dict[str, Any]:
    """Return the inventory with these hosts alone, and their variables."""
    meta = inventory.get("_meta", {})
    found: dict[str, Any] = {}
    for name, group in inventory.items():
        if name != "_meta":
            found[name] = {
                **group,
                "hosts": [each for each in group.get("hosts", []) if each in hosts],
            }
    known = {name: each for name, each in meta.get("hostvars", {}).items() if name in hosts}
    missing = [host for host in hosts if host not in known]
    found.setdefault("all", {}).setdefault("hosts", []).extend(missing)
    return {**found, "_meta": {**meta, "hostvars": known}}
