# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes the runs of a play's hosts, with Ansible's variables, options and connections.

One worker serves all hosts, so this module does what Ansible does in a worker for each host.
"""

from __future__ import annotations

import os
import re
import resource
import threading
import time
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.vault import EncryptedString
from ansible.plugins.loader import connection_loader
from ansible.template import Templar

from .fan import Running
from .host_door import HostDoor
from .inputs import RAW_TEXTS, Inputs
from .option_values import ONE_AT_A_TIME, fill_from_vars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible.playbook.play import Play
    from ansible.playbook.task import Task
    from ansible.plugins.action import ActionBase
    from ansible.plugins.connection import ConnectionBase

    from .fan import Fan
    from .host_run import Crowd, HostRun, Steps
    from .inputs import Page, Payload, Reader

_OF_PLAY = (
    "ansible_check_mode",
    "ansible_forks",
    "ansible_play_name",
    "groups",
    "hostvars",
)
"""Variables that are the same for all hosts."""
_CLASSES = re.compile(r": <class '[\w.]+'> cannot be converted to an? \w+")
"""What Ansible adds to the complaint about a type."""
_HERE = {"", "local"}
"""Values of ``dx_node`` that name no execution node."""
TOO_MANY = "too_many_hosts"
_HOSTS_OF_PLAY = (
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "play_hosts",
)


def prepare_worker() -> None:
    """Make this worker fit to drive many hosts.

    It may open as many files as it can, since a running call takes about three. It ends within a
    second of its parent, without which nobody reads the news.
    """
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, name="dx-parent", daemon=True).start()


def batch_of(task: Task, task_vars: Mapping[str, Any]) -> list[str] | None:
    """The hosts of the task: the whole batch with ``run_once``, else its own host.

    None if the strategy runs the task for each host despite ``run_once``. Ansible then gives every
    result to all hosts, so the last result would replace the others.
    """
    if not task.run_once:
        return [str(task_vars["inventory_hostname"])]
    if str(_play(task).strategy).rpartition(".")[2] in {"free", "host_pinned"}:
        return None
    return [str(host) for host in task_vars["ansible_play_batch"]]


def refuse_keywords(task: Task, kind: type[HostRun]) -> None:
    """Raise AnsibleActionFail for a keyword that the run can't obey."""
    if task.become:
        raise AnsibleActionFail(
            f"{task.action} runs as ansible_user; set become: false, and use sudo in the command"
        )
    if kind.runs_text and any(task.environment or ()):
        raise AnsibleActionFail(
            f"{task.action} does not pass on environment; export the variables in the command, "
            "or set dx_path"
        )


def _nothing(kind: type[HostRun]) -> Steps[dict[str, Any]]:
    """The run of a host for which the task's ``when`` is false.

    Ansible itself evaluates ``when`` only for the first host.
    """
    yield from ()
    return skipped(kind, "Conditional result was False")


def skipped(
    kind: type[HostRun], message: str = "Would have run if not in check mode"
) -> dict[str, Any]:
    """The result of a task that has nothing to do."""
    return {"skipped": True, "changed": False, "msg": message} | {
        "dx": {"kind": kind.kind, "done": True}
    }


def validated(spec: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Validate and convert the options, and add defaults. Raises AnsibleActionFail."""
    for name, facts in spec.items():
        if facts["type"] == "str" and isinstance(options.get(name), (list, dict)):
            # Ansible would take how Python writes it
            raise AnsibleActionFail(f"{_named(spec, name)} is not a string; write it as one")
    found = ArgumentSpecValidator(dict(spec)).validate(dict(options))
    if found.error_messages:
        raise AnsibleActionFail(
            "; ".join(_plain_words(spec, each) for each in found.error_messages)
        )
    return {**options, **found.validated_parameters}


def _named(spec: Mapping[str, Any], option: str) -> str:
    """Return an option's name, with that of the variable that it may come from."""
    variable = spec[option].get("variable")
    return f"{option} ({variable})" if variable else option


def _plain_words(spec: Mapping[str, Any], complaint: str) -> str:
    """Return what Ansible says of an option, without the names of classes."""
    for option in spec:
        complaint = complaint.replace(f"argument '{option}'", f"argument {_named(spec, option)}")
    unknown, _sep, known = complaint.partition(". Supported parameters include: ")
    if known:
        return f"there is no option {unknown}; there are {known.rstrip('.')}"
    return _CLASSES.sub("", complaint)


def one_run(  # noqa: PLR0913 - what a run is made of
    kind: type[HostRun],
    host: str,
    given: Mapping[str, Any],
    *,
    door: HostDoor,
    templar: Templar,
    variables: Mapping[str, Any],
    inputs: Inputs,
    crowd: Crowd,
    check_mode: bool,
) -> Running:
    """Make the run of one host. Raises AnsibleActionFail for invalid options."""
    given = {**given, **(kind.in_check_mode if check_mode else {})}
    options = validated(kind.spec, fill_from_vars(templar, given, variables, kind.spec))
    try:
        run = kind(host, options, inputs, crowd, door)
    except ValueError as error:
        raise AnsibleActionFail(str(error)) from error
    return Running(host=host, door=door, steps=run.steps())


def whole_preflight(before: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """The preflight from this record or those before; only one record of a run has it."""
    known = record.get("preflight") or before.get("preflight")
    return {"preflight": known} if known else {}


def plain(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables, with the user's texts decrypted and not templated.

    Raises AnsibleError without the vault's password.
    """
    texts = {name: variables.get(name) for name in RAW_TEXTS}
    secret = {name: str(text) for name, text in texts.items() if isinstance(text, EncryptedString)}
    return {**variables, **secret}


class PlayHosts:
    """Makes the runs of the hosts of an action's play."""

    def __init__(  # noqa: PLR0913 - what all runs have in common
        self,
        action: ActionBase,
        task_vars: Mapping[str, Any],
        kind: type[HostRun],
        *,
        given: Mapping[str, Any],
        payload: Payload,
        reader: Reader | Page | None,
        crowd: Crowd,
        hosts: Sequence[str] = (),
        extra: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """``action`` is the action plugin that drives the runs; ``given`` are their options.

        A call to an engine has its own ``hosts``, and ``extra`` variables.
        """
        self._task, self._loader = action._task, action._loader  # noqa: SLF001 - a plugin's own
        self._play_context = action._play_context  # noqa: SLF001 - as above
        self._hostvars = task_vars["hostvars"]
        self._shared = {name: task_vars[name] for name in _OF_PLAY if name in task_vars}
        for name in _HOSTS_OF_PLAY:
            self._shared[name] = list(hosts) or task_vars.get(name, [])
        self._shared |= extra
        self._kind, self._given, self._crowd = kind, given, crowd
        self._payload, self._reader = payload, reader

    def start(
        self, fan: Fan, hosts: Sequence[str], *, most: int, by_node: bool, channel: str | None
    ) -> dict[str, Any]:
        """Start the runs of the hosts. Returns the first record of the batch.

        No run starts if there are more than ``most`` hosts, unless that is 0. With ``by_node``
        those of execution nodes don't start here: the caller has them contacted by their nodes.
        """
        too_many = 0 < most < len(hosts)
        head: dict[str, Any] = {
            "host": hosts[0],
            "kind": TOO_MANY if too_many else "hosts",
            "hosts": hosts,
            "slack_channel": channel or None,
        }
        starting = [] if too_many else hosts
        if by_node:
            here: list[str] = []
            nodes: dict[str, list[str]] = {}
            head["nodes"] = nodes
            for host in starting:
                node = self.node(host)
                (here if node in _HERE else nodes.setdefault(node, [])).append(host)
            starting = here
        for host in starting:
            fan.add(host, partial(self.run, host))
        return head

    def run(self, host: str) -> Running:
        """Make the run of one host. Raises AnsibleError for invalid data in the inventory."""
        with ONE_AT_A_TIME:
            variables = self._variables(host)
            templar = Templar(loader=self._loader, variables=variables)
            when = self._task.when
            if when and not self._task._resolve_conditional(when, variables):  # noqa: SLF001 - no public way
                door = HostDoor(None, templar, variables)
                return Running(host=host, door=door, steps=_nothing(self._kind))
            inputs = Inputs(variables=plain(variables), payload=self._payload, reader=self._reader)
            return one_run(
                self._kind,
                host,
                self._given,
                door=HostDoor(self._connection(variables, templar), templar, variables),
                templar=templar,
                variables=variables,
                inputs=inputs,
                crowd=self._crowd,
                check_mode=self._task.check_mode,
            )

    def value(self, host: str, name: str) -> Any:  # noqa: ANN401 - whatever the inventory has
        """A variable of a host, templated; None if the host doesn't have it."""
        with ONE_AT_A_TIME:
            variables = self._variables(host)
            return Templar(loader=self._loader, variables=variables).template(variables.get(name))

    def node(self, host: str) -> str:
        """The execution node that the host's work goes through; empty if it is this machine.

        A template that can't be evaluated is a node that does not exist.
        """
        with ONE_AT_A_TIME:
            try:
                return str(self.value(host, "dx_node") or "")
            except AnsibleError:
                return str(self._variables(host).get("dx_node"))

    def _variables(self, host: str) -> dict[str, Any]:
        return variables_of(self._task, self._hostvars, host) | self._shared

    def _connection(self, variables: Mapping[str, Any], templar: Templar) -> ConnectionBase:
        """The host's connection: as its variables say, else the play, ``-c`` or ansible.cfg.

        Never as the task says: it is delegated to this machine, and since 2.21 ansible-core writes
        the connection of where it is delegated to into the task.
        """
        name = variables.get("ansible_connection") or _play(self._task).connection
        name = templar.template(name)
        connection = connection_loader.get(
            name,
            self._play_context,
            new_stdin=None,
            task_uuid=self._task._uuid,  # noqa: SLF001 - as Ansible does
            ansible_playbook_pid=str(os.getppid()),
        )
        if connection is None:
            raise AnsibleActionFail(f"the connection plugin {name!r} was not found")
        keys = self._task.dump_attrs() | {"timeout": self._play_context.timeout}
        keys.pop("retries", None)
        if self._play_context.password:
            keys["password"] = self._play_context.password
        options = connection._resolve_option_variables(variables, templar)  # noqa: SLF001 - as Ansible does
        connection.set_options(task_keys=keys, var_options=options)
        return connection


def variables_of(task: Task, hostvars: Any, host: str) -> dict[str, Any]:  # noqa: ANN401 - Ansible's, without types
    """Return a host's variables as the user set them, but for those of the whole play.

    Those that Ansible gives an action also have what it added, like an ``ansible_connection`` that
    nobody set.
    """
    found = hostvars._inventory.get_host(host)  # noqa: SLF001 - no public way
    alone = [host]  # listing all hosts is slow
    variables: dict[str, Any] = hostvars._variable_manager.get_vars(  # noqa: SLF001 - as above
        play=_play(task), host=found, task=task, include_hostvars=False,
        _hosts=alone, _hosts_all=alone,
    )  # fmt: skip
    return variables


def _play(task: Task) -> Play:
    parent = task._parent  # noqa: SLF001 - no public way
    while getattr(parent, "_play", None) is None:
        parent = parent._parent  # noqa: SLF001 - as above
    return parent._play  # noqa: SLF001 - as above
