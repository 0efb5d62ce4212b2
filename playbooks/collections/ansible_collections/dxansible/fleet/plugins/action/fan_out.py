# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.fan_out``; the module of that name documents it."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.dxansible.fleet.plugins.plugin_utils.fan import Fan
from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_run import Crowd
from ansible_collections.dxansible.fleet.plugins.plugin_utils.inputs import (
    Page,
    Payload,
    SocketReader,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.operations import OPERATIONS
from ansible_collections.dxansible.fleet.plugins.plugin_utils.option_values import fill_from_vars
from ansible_collections.dxansible.fleet.plugins.plugin_utils.play_hosts import (
    TOO_MANY,
    PlayHosts,
    batch_of,
    prepare_worker,
    refuse_keywords,
    skipped,
    validated,
    whole_preflight,
)

_SPEC: dict[str, dict[str, Any]] = {
    "operation": {"type": "str", "required": True, "choices": sorted(OPERATIONS)},
    "options": {"type": "dict", "default": {}},
    "news": {"type": "bool", "default": False, "variable": "dx_news"},
    "command_socket": {"type": "str", "default": "", "variable": "dx_command_socket"},
    "payload": {"type": "str", "default": "", "variable": "dx_payload"},
    "flow_socket": {"type": "str", "default": "", "variable": "dx_flow_socket"},
    "page": {"type": "int", "default": 0, "variable": "dx_page"},
    "most_hosts": {"type": "int", "default": 0, "variable": "dx_most_hosts"},
    "by_node": {"type": "bool", "default": False, "variable": "dx_by_node"},
    "patience": {"type": "float", "default": 3600.0, "variable": "dx_patience"},
    "slack_channel": {"type": "str", "default": "", "variable": "dx_slack_channel"},
}


class ActionModule(ActionBase):  # type: ignore[misc] # ansible-core has no types
    """Each try of the task returns the news of all hosts since the last try.

    It fails no host: another task does that.
    """

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Start the runs on the first try, then return news. Without ``news``, wait for the end."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        given = fill_from_vars(self._templar, self._task.args, variables, _SPEC)
        arguments = validated(_SPEC, given)
        kind = OPERATIONS[arguments["operation"]].run
        refuse_keywords(self._task, kind)
        if self._task.check_mode and kind.starts_work:
            return result | skipped(kind)
        hosts = batch_of(self._task, variables)
        if hosts is None:
            return result | skipped(kind, "The strategy has a task for each host")
        play = _PLAYS.get(self._task._uuid)  # noqa: SLF001 - names the task
        if play is None:
            play = _PLAYS[self._task._uuid] = self._begin(hosts, arguments, variables)  # noqa: SLF001 - as above
        news = play.next_news(arguments["patience"])
        while not (arguments["news"] or play.done):
            news = play.next_news(arguments["patience"])
        if play.done:
            del _PLAYS[self._task._uuid]  # noqa: SLF001 - as above
        dx = {"kind": "fleet", "done": play.done, "failed": play.failed}
        dx |= {"news": news} if arguments["news"] else {"hosts": play.hosts}
        return result | {"changed": play.changed, "dx": dx}

    def _begin(
        self, hosts: list[str], arguments: dict[str, Any], variables: dict[str, Any]
    ) -> _Play:
        crowd = Crowd(hosts=len(hosts), width=int(variables.get("ansible_forks") or 5))
        prepare_worker()
        fan = Fan(crowd.width)
        operation = OPERATIONS[arguments["operation"]]
        play = PlayHosts(
            self,
            variables,
            operation.run,
            given={**operation.options, **arguments["options"]},
            payload=Payload(arguments["command_socket"], b64decode(arguments["payload"])),
            reader=_reader(arguments),
            crowd=crowd,
        )
        head = play.start(
            fan,
            hosts,
            most=arguments["most_hosts"],
            by_node=arguments["by_node"],
            channel=arguments["slack_channel"],
        )
        if head["kind"] == TOO_MANY and not arguments["news"]:
            raise AnsibleActionFail(
                f"{len(hosts)} hosts are more than dx_most_hosts: {arguments['most_hosts']}"
            )
        return _Play(fan, keep=not arguments["news"], head=[head])


def _reader(arguments: dict[str, Any]) -> SocketReader | Page | None:
    if arguments["flow_socket"]:
        return SocketReader(arguments["flow_socket"])
    return Page(arguments["page"]) if arguments["page"] > 0 else None


@dataclass(slots=True)
class _Play:
    fan: Fan
    keep: bool
    """The result has everything, because nobody reads the news."""
    head: list[dict[str, Any]]
    """News to return first."""
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Results by host if ``keep``. A host that is not done has only its preflight here."""
    failed: dict[str, str] = field(default_factory=dict)
    changed: bool = False

    @property
    def done(self) -> bool:
        return self.fan.left == 0

    def next_news(self, patience: float) -> list[dict[str, Any]]:
        news, self.head = self.head, []
        for host, record in self.fan.news(patience):
            news.append({"host": host} | record)
            if self.keep:
                self.hosts[host] = whole_preflight(self.hosts.get(host, {}), record)
            if record.get("done"):
                self._take(host, self.fan.results.pop(host), record)
        if self.done:
            self.fan.close()
        return news

    def _take(self, host: str, result: dict[str, Any], record: dict[str, Any]) -> None:
        self.changed |= bool(result.get("changed"))
        if result.get("failed"):
            self.failed[host] = str(result["msg"])
        if self.keep:
            self.hosts[host] = result | {"dx": record | self.hosts[host]}


_PLAYS: dict[str, _Play] = {}
"""By the task's uuid. All tries of a task run in one process."""
