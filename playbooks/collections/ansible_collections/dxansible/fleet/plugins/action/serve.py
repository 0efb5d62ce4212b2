# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.serve``; the module of that name documents it."""

from __future__ import annotations

import threading
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.dxansible.fleet.plugins.plugin_utils.fan import Fan
from ansible_collections.dxansible.fleet.plugins.plugin_utils.freshness import (
    Freshness,
    NotCacheable,
    check_callbacks,
    started,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_run import Crowd
from ansible_collections.dxansible.fleet.plugins.plugin_utils.inputs import Payload
from ansible_collections.dxansible.fleet.plugins.plugin_utils.operations import OPERATIONS
from ansible_collections.dxansible.fleet.plugins.plugin_utils.play_hosts import (
    PlayHosts,
    prepare_worker,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.serving import Call, Serving
from ansible_collections.dxansible.fleet.plugins.plugin_utils.watchdog import Watchdog

_SPEC: dict[str, Any] = {}


class ActionModule(ActionBase):  # type: ignore[misc] # ansible-core has no types
    """Each try of the task returns the news of all calls since the last try."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Start serving on the first try. The task never ends by itself: the engine stops it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        if not _SERVING:
            prepare_worker()
            calls = _Calls(self, variables)
            path = str(variables["dx_serve_socket"])
            _SERVING.append(Serving(path, calls.begin, calls.stale))
            news: list[dict[str, Any]] = [_first_news()]
        else:
            news = _SERVING[0].news()
        return result | {"changed": False, "dx": {"kind": "served", "news": news, "done": False}}


def _first_news() -> dict[str, Any]:
    """Tell that calls may come, or that none may: even the first is for the user's callbacks."""
    try:
        check_callbacks()
    except NotCacheable as found:
        return found.as_news()
    return {"kind": "ready"}


class _Calls:
    """Starts calls on the hosts of this play's inventory."""

    def __init__(self, action: ActionModule, task_vars: dict[str, Any]) -> None:
        self._action, self._task_vars = action, task_vars
        self._inventory = task_vars["hostvars"]._inventory  # noqa: SLF001 - no public way
        self._lock = threading.Lock()
        self._began = started()
        self._freshness: Freshness | None = None
        self._parsing = threading.Lock()
        self._watchdog = Watchdog()

    def stale(self) -> NotCacheable | None:
        """The reason why this run is out of date or can't be kept; None if there is none."""
        with self._parsing:
            try:
                if self._freshness is None:
                    self._freshness = Freshness(self._began)
                changed = self._freshness.changed()
            except NotCacheable as found:
                return found
            except Exception as error:  # noqa: BLE001 - Ansible raises many types
                return NotCacheable(" ".join(str(error).split()))
        return NotCacheable(f"{changed} has changed", lasting=False) if changed else None

    def begin(self, call: Call) -> tuple[Fan, dict[str, Any]]:
        """Start the runs of the hosts that the call's pattern matches."""
        if call.operation not in OPERATIONS:
            raise AnsibleActionFail(f"it has no operation {call.operation}")
        operation = OPERATIONS[call.operation]
        hosts = self._hosts(call.limit)
        if not hosts:
            raise AnsibleActionFail("no host matches")
        play = PlayHosts(
            self._action,
            self._task_vars,
            operation.run,
            given=operation.options,
            payload=Payload(data=call.payload),
            reader=call.reader,
            crowd=Crowd(hosts=len(hosts), width=call.forks),
            hosts=hosts,
            extra=call.variables,
        )
        fan = Fan(call.forks, self._watchdog)
        head = play.start(
            fan,
            hosts,
            most=int(call.variables.get("dx_most_hosts") or 0),
            by_node=bool(call.variables.get("dx_by_node")),
            channel=play.value(hosts[0], "dx_slack_channel"),
        )
        return fan, head

    def _hosts(self, limit: str) -> list[str]:
        """The hosts that ``--limit`` would choose, in the order of the inventory."""
        with self._lock:
            self._inventory.subset(limit)
            try:
                return [host.name for host in self._inventory.get_hosts("all")]
            finally:
                self._inventory.subset(None)
                self._inventory.clear_pattern_cache()
                self._inventory._hosts_patterns_cache.clear()  # noqa: SLF001 - no public way


_SERVING: list[Serving] = []
"""Shared by all tries of the task, which run in one process."""
