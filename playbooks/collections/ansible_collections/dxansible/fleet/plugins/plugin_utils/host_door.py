# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Access to a host of a play through Ansible's connection plugins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ansible.errors import (
    AnsibleActionFail,
    AnsibleAuthenticationFailure,
    AnsibleConnectionFailure,
)

from .checks import invalid
from .keeper import Keeper
from .link import (
    LinkError,
    add_ssh_options,
    control_path,
    own_messages,
    place_of,
    terminal_words,
)
from .option_values import describing_vars
from .preflight import Preflight
from .ssh_errors import SshFailure, explain_failure, summary
from .ssh_session import ConnectionEndedError, run, sent_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible.plugins.connection import ConnectionBase
    from ansible.template import Templar

    from .checks import CheckFailure

_SSH_FAILED = 255
"""ssh's exit code for all its own failures; a command may exit with it too."""


class HostDoor:
    """Access of a run to its host, on an Ansible connection."""

    def __init__(
        self,
        connection: ConnectionBase,
        templar: Templar,
        variables: Mapping[str, Any],
        *,
        place: Mapping[str, Any] | None = None,
    ) -> None:
        """``variables`` are the host's, not yet templated.

        ``place`` has those of the host that the connection leads to, as the user set them; None if
        ``variables`` are these.
        """
        self._connection, self._templar, self._variables = connection, templar, variables
        self._place = variables if place is None else place
        self.keeper = Keeper(self)
        """Usable after `open`."""
        self._sends: list[str] | None = None
        """The patterns of ssh's ``SendEnv``; None if only ssh can make a session."""
        self._master: str | None = None
        """The socket of a live connection, if there is one."""
        self.reached = False
        """The host has answered a call."""
        self.failure: SshFailure | None = None
        """How the last call failed; None if it did not."""

    def check(self, options: Mapping[str, Any], seconds: float) -> Preflight:
        """Run the checks before first contact; ``seconds`` limits each."""
        found = describing_vars(self._templar, self._variables)
        preflight = Preflight(self._connection, found, options)
        guess = self._guess()
        if guess is None:
            preflight.make(seconds)
        else:
            preflight.fail(guess)
            preflight.measure()
        return preflight

    def open(self, ssh: Mapping[str, Any], *, connect_timeout: float, batch_mode: bool) -> None:
        """Add our ssh options, which `keeper` needs.

        Raises AnsibleActionFail for a connection to this machine that the host's variables don't
        name: a wrong guess must never run anything here. Ansible's implicit localhost names it.
        """
        guess = self._guess()
        if guess is not None:
            raise AnsibleActionFail(guess.text)
        add_ssh_options(
            self._connection, ssh, connect_timeout=connect_timeout, batch_mode=batch_mode
        )
        self._sends = ssh.get("sends")
        self._master = None if self._sends is None else control_path(self._connection)

    def _guess(self) -> CheckFailure | None:
        if self._connection.transport != "local" or self._place.get("ansible_connection"):
            return None
        return invalid(
            f"{self._variables['inventory_hostname']} would run on this machine, because the "
            "connection is local, but no variable of the host says that it is this machine; "
            "set ansible_connection: local in its host_vars, or use another connection"
        )

    def terminal(self) -> list[str] | None:
        """The words before a command of the host that gets a terminal; None if there are none."""
        return terminal_words(self._connection)

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, *, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        """Run a command through Ansible's connection. Raises LinkError if the connection fails."""
        answer = self._over_live_connection(cmd, in_data or b"")
        if answer is None:
            answer = self._over_plugin(cmd, in_data, sudoable=sudoable)
        self.failure = None
        self.reached |= 0 <= answer[0] < _SSH_FAILED
        return answer

    def _over_live_connection(self, cmd: str, data: bytes) -> tuple[int, bytes, bytes] | None:
        """Do the same through the connection that the plugin left behind; None if it is gone."""
        if self._master is None:
            return None
        environment = sent_environment(self._sends or (), os.environ)
        try:
            answer = run(self._master, cmd, data, environment)
        except ConnectionEndedError as error:
            raise self._failed(SshFailure.LOST, str(error)) from error
        if answer is not None and answer[0] == _SSH_FAILED:  # as with the plugin
            printed = answer[2].decode(errors="replace")
            raise self._failed(*explain_failure("", f"over ssh: {printed}"))
        return answer

    def _over_plugin(
        self, cmd: str, in_data: bytes | None, *, sudoable: bool
    ) -> tuple[int, bytes, bytes]:
        with own_messages(self._connection) as messages:
            try:
                answer: tuple[int, bytes, bytes] = self._connection.exec_command(
                    cmd, in_data=in_data, sudoable=sudoable
                )
            except AnsibleAuthenticationFailure as error:
                raise self._failed(SshFailure.AUTH, summary(str(error))) from error
            except AnsibleConnectionFailure as error:
                raise self._failed(*explain_failure(messages(), str(error))) from error
        return answer

    def _failed(self, failure: SshFailure, text: str) -> LinkError:
        self.failure = failure
        return LinkError(failure, text, place_of(self._connection))
