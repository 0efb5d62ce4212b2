# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes the runs of the hosts of a play: variables, options and connections, as Ansible has them.

One worker does it for all hosts, so here is what Ansible would do in a worker for each of them.
"""

from __future__ import annotations

import os
import resource
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.vault import EncryptedString
from ansible.plugins.loader import connection_loader
from ansible.template import Templar

from .fan import Running
from .given import ONE_AT_A_TIME, complete
from .host_door import HostDoor
from .inputs import RAW_TEXTS, Inputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .host_run import Crowd, HostRun, Steps
    from .inputs import Payload, Reader

__all__ = [
    "PlayHosts",
    "allow_many_files",
    "batch_of",
    "one_run",
    "plain",
    "refuse_keywords",
    "skipped",
    "validated",
    "whole_preflight",
]

_OF_PLAY = (
    "ansible_check_mode",
    "ansible_forks",
    "ansible_play_name",
    "groups",
    "hostvars",
)
"""Variables that are the same for all hosts."""
_HOSTS_OF_PLAY = (
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "play_hosts",
)


def allow_many_files() -> None:
    """A call that is under way takes about three file descriptors."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def batch_of(task: Any, task_vars: Mapping[str, Any]) -> list[str] | None:  # noqa: ANN401 - no types
    """The hosts that the task is for: all of the batch where it runs once, else its own.

    None where the strategy runs it for each host all the same: Ansible then gives the result of
    each of them to all, so that the last one would speak for the others.
    """
    if not task.run_once:
        return [str(task_vars["inventory_hostname"])]
    if str(_play(task).strategy).rpartition(".")[2] in {"free", "host_pinned"}:
        return None
    return [str(host) for host in task_vars["ansible_play_batch"]]


def refuse_keywords(task: Any, kind: type[HostRun]) -> None:  # noqa: ANN401 - as above
    """Raise AnsibleActionFail for a keyword that says what can't be done."""
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
    """The run of a host for which the condition of the task is false.

    Ansible itself asks it of the first host only.
    """
    yield from ()
    return {"changed": False, "msg": "Conditional result was False", "skipped": True} | {
        "dx": {"kind": kind.kind, "skipped": True}
    }


def skipped(
    kind: type[HostRun], message: str = "Would have run if not in check mode"
) -> dict[str, Any]:
    """The result of a task that has nothing to do."""
    return {"skipped": True, "changed": False, "msg": message} | {
        "dx": {"kind": kind.kind, "done": True}
    }


def validated(spec: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with their defaults, in their types. Raises AnsibleActionFail."""
    found = ArgumentSpecValidator(dict(spec)).validate(dict(options))
    if found.error_messages:
        raise AnsibleActionFail("; ".join(found.error_messages))
    return {**options, **found.validated_parameters}


def one_run(  # noqa: PLR0913 - what a run is made of
    kind: type[HostRun],
    host: str,
    given: Mapping[str, Any],
    *,
    connection: Any,  # noqa: ANN401 - ansible-core has no types
    templar: Any,  # noqa: ANN401 - as above
    variables: Mapping[str, Any],
    inputs: Inputs,
    crowd: Crowd,
    check_mode: bool,
) -> Running:
    """The run of a host whose variables and connection are known. Raises AnsibleActionFail."""
    given = {**given, **(kind.in_check_mode if check_mode else {})}
    options = validated(kind.spec, complete(templar, given, variables, kind.variables))
    door = HostDoor(connection, templar, variables)
    try:
        run = kind(host, options, inputs, crowd, door)
    except ValueError as error:
        raise AnsibleActionFail(str(error)) from error
    return Running(host=host, door=door, steps=run.steps())


def whole_preflight(before: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """What the news before have told of the preflight, which is told once."""
    known = record.get("preflight") or before.get("preflight")
    return {"preflight": known} if known else {}


def plain(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables; texts of the user's are decrypted, which are no templates.

    Raises AnsibleError without the vault's password.
    """
    found = {name: variables[name] for name in RAW_TEXTS if name in variables}
    return {**variables, **{name: _decrypted(value) for name, value in found.items()}}


def _decrypted(value: object) -> object:
    return str(value) if isinstance(value, EncryptedString) else value


class PlayHosts:
    """The hosts of the play that an action runs in."""

    def __init__(  # noqa: PLR0913 - what all runs have in common
        self,
        action: Any,  # noqa: ANN401 - ansible-core has no types
        task_vars: Mapping[str, Any],
        kind: type[HostRun],
        *,
        given: Mapping[str, Any],
        payload: Payload,
        reader: Reader | None,
        crowd: Crowd,
        hosts: Sequence[str] = (),
        extra: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """``action`` is the action plugin that drives them; ``given`` the options of their runs.

        ``hosts`` are those of a call that is not the play's, ``extra`` its extra variables.
        """
        self._task, self._loader = action._task, action._loader  # noqa: SLF001 - a plugin's own
        self._play_context = action._play_context  # noqa: SLF001 - as above
        self._hostvars = task_vars["hostvars"]
        self._manager = self._hostvars._variable_manager  # noqa: SLF001 - no public way
        self._shared = {name: task_vars[name] for name in _OF_PLAY if name in task_vars}
        for name in _HOSTS_OF_PLAY:
            self._shared[name] = list(hosts) or task_vars.get(name, [])
        self._shared |= extra
        self._kind, self._given, self._crowd = kind, given, crowd
        self._payload, self._reader = payload, reader

    def run(self, host: str) -> Running:
        """The run of one host. Raises AnsibleError for what the inventory says of it."""
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
                connection=self._connection(variables, templar),
                templar=templar,
                variables=variables,
                inputs=inputs,
                crowd=self._crowd,
                check_mode=self._task.check_mode,
            )

    def value(self, host: str, name: str) -> Any:  # noqa: ANN401 - whatever the inventory has
        """A variable of a host, with its templates filled in; None if it has none."""
        with ONE_AT_A_TIME:
            variables = self._variables(host)
            return Templar(loader=self._loader, variables=variables).template(variables.get(name))

    def _variables(self, host: str) -> dict[str, Any]:
        found = self._hostvars._inventory.get_host(host)  # noqa: SLF001 - no public way
        alone = [host]  # the names of all are in the shared variables; to list them takes long
        variables: dict[str, Any] = self._manager.get_vars(
            play=_play(self._task), host=found, task=self._task, include_hostvars=False,
            _hosts=alone, _hosts_all=alone,
        )  # fmt: skip
        return variables | self._shared

    def _connection(self, variables: Mapping[str, Any], templar: Any) -> Any:  # noqa: ANN401 - no types
        name = variables.get("ansible_connection") or self._task.connection
        name = templar.template(name)
        connection = connection_loader.get(
            name,
            self._play_context,
            new_stdin=None,
            task_uuid=self._task._uuid,  # noqa: SLF001 - as Ansible does
            ansible_playbook_pid=str(os.getppid()),
        )
        if connection is None:
            message = f"the connection plugin {name!r} was not found"
            raise AnsibleActionFail(message)
        keys = self._task.dump_attrs() | {"timeout": self._play_context.timeout}
        keys.pop("retries", None)
        if self._play_context.password:
            keys["password"] = self._play_context.password
        options = connection._resolve_option_variables(variables, templar)  # noqa: SLF001 - as Ansible does
        connection.set_options(task_keys=keys, var_options=options)
        return connection


def _play(task: Any) -> Any:  # noqa: ANN401 - ansible-core has no types
    parent = task._parent  # noqa: SLF001 - no public way
    while getattr(parent, "_play", None) is None:
        parent = parent._parent  # noqa: SLF001 - as above
    return parent._play  # noqa: SLF001 - as above
