# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Access to a host of a play through Ansible's connection plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .keeper import Keeper
from .link import Link
from .option_values import describing_vars
from .preflight import Preflight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .ssh_errors import SshFailure

__all__ = ["HostDoor"]


class HostDoor:
    """The `Door` of a run, on an Ansible connection."""

    def __init__(
        self,
        connection: Any,  # noqa: ANN401 - ansible-core has no types
        templar: Any,  # noqa: ANN401 - as above
        variables: Mapping[str, Any],
    ) -> None:
        """``variables`` are the host's, not yet templated."""
        self._connection, self._templar, self._variables = connection, templar, variables
        self._link: Link | None = None
        self.keeper = Keeper(connection)

    @property
    def reached(self) -> bool:
        """Whether the host has answered a call."""
        return self._link is not None and self._link.reached

    @property
    def failure(self) -> SshFailure | None:
        """How the last call failed; None if it did not."""
        return None if self._link is None else self._link.failure

    def check(self, options: Mapping[str, Any], seconds: float) -> Preflight:
        """Run the checks before first contact; ``seconds`` limits each."""
        found = describing_vars(self._templar, self._variables)
        preflight = Preflight(self._connection, found, options)
        preflight.make(seconds)
        return preflight

    def open(self, ssh: Mapping[str, Any], *, connect_timeout: float, batch_mode: bool) -> None:
        """Add our ssh options and make `keeper` usable."""
        self._link = Link(
            self._connection, ssh, connect_timeout=connect_timeout, batch_mode=batch_mode
        )
        self.keeper = Keeper(self._link)
