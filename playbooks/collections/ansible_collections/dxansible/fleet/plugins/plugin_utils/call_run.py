# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The run of a host that asks the VM for one thing, in one go."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from .host_run import HostRun, Steps
from .preflight import OPTIONS, VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CALL_SPEC", "CALL_VARIABLES", "CallRun"]

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


class CallRun(HostRun):
    """A subclass says in `call` what it asks the VM, and what the answer means."""

    def work(self) -> Steps[dict[str, Any]]:
        """Ask, and complete the record with what came of the preflight."""
        record: dict[str, Any] = {"kind": self.kind}
        result = yield from self.call(record)
        self.tell_preflight(record, record["error"], attempts=1, ended=True)
        return {"changed": False, "dx": record | {"done": True}} | result

    @abstractmethod
    def call(self, record: dict[str, Any]) -> Steps[dict[str, Any]]:
        """Ask the VM, complete the record, and return what else the task's result has."""
