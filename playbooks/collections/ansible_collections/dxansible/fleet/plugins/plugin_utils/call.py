# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What actions have in common that ask a VM once: their options, the preflight, the connection."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from ansible.plugins.action import ActionBase

from . import link
from .given import complete, of_host
from .preflight import OPTIONS, VARIABLES, Preflight, first_contact

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CALL_SPEC", "CALL_VARIABLES", "CallAction"]

CALL_SPEC: Mapping[str, Mapping[str, Any]] = {
    "connect_timeout": {"type": "float", "default": 5.0},
    "ssh": {"type": "dict", "default": {}},
    "batch_mode": {"type": "bool", "default": True},
    "preflight": {"type": "dict", "options": OPTIONS},
}
CALL_VARIABLES: Mapping[str, Any] = {
    "connect_timeout": "dx_preflight_timeout",
    "batch_mode": "dx_batch_mode",
    "preflight": VARIABLES,
}
"""Where an option comes from that a task doesn't give."""


class CallAction(ActionBase):  # type: ignore[misc] # ansible-core has no types
    """One call of a VM. A subclass says in `_call` what it asks, and what the answer means."""

    spec: ClassVar[Mapping[str, Mapping[str, Any]]]
    variables: ClassVar[Mapping[str, Any]]
    kind: ClassVar[str]
    _preflight_id = ""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Check the host, if that is wanted, ask it, and say in ``dx`` what came of it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        self._host = str(variables["inventory_hostname"])
        self._task.args = complete(self._templar, self._task.args, variables, self.variables)
        _, self._arguments = self.validate_argument_spec(self.spec)
        self._timeout = float(self._arguments["connect_timeout"])
        record: dict[str, Any] = {"kind": self.kind}
        if self._arguments["preflight"] is not None:
            found = of_host(self._templar, variables)
            preflight = Preflight(self._connection, found, self._arguments["preflight"])
            preflight.make(self._timeout)
            if preflight.failure is not None:
                failed = {"failed": True, "msg": preflight.failure.text, "changed": False}
                return result | failed | {"dx": preflight.record}
            record["preflight"] = preflight.record | {"status": None}
            self._arguments["ssh"] = preflight.record["ssh"]
            self._preflight_id = str(preflight.record["id"])
        self._link = link.Link(
            self._connection,
            self._arguments["ssh"],
            connect_timeout=self._timeout,
            batch_mode=self._arguments["batch_mode"],
        )
        result |= {"changed": False, "dx": record} | self._call(record)
        if "preflight" in record:
            first_contact(record["preflight"], self._link, record["error"])
            record["preflight"]["attempts"] = 1
        return result

    @abstractmethod
    def _call(self, record: dict[str, Any]) -> dict[str, Any]:
        """Ask the VM, complete the record, and return what else the task's result has."""
