# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The operations on hosts, by the name of the playbook and of the module."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .host_run import HostRun


@dataclass(frozen=True, slots=True)
class Operation:
    """A kind of run, and its fixed options."""

    module: str
    """Module in this directory, imported on first use.

    Ansible compiles a collection's modules in every run, so a run imports only what it needs.
    """
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def run(self) -> type[HostRun]:
        """The class of the run."""
        found: type[HostRun] = getattr(import_module(f".{self.module}", __package__), self.name)
        return found


_OF_SESSIONS = {"id_prefix": "ses"}

OPERATIONS: Mapping[str, Operation] = {
    "check_hosts": Operation("check_run", "CheckRun", {"connect": True}),
    "clean_sessions": Operation("clean_run", "CleanRun", {"preflight": _OF_SESSIONS}),
    "follow_command": Operation(
        "command_run", "CommandRun", {"attach": True, "preflight": {"checks": False}}
    ),
    "follow_session": Operation(
        "turn_run", "TurnRun", {"mode": "follow", "preflight": {**_OF_SESSIONS, "checks": False}}
    ),
    "list_sessions": Operation("list_run", "ListRun", {"preflight": _OF_SESSIONS}),
    "run_command": Operation("command_run", "CommandRun", {"preflight": {}}),
    "start_session": Operation("turn_run", "TurnRun", {"preflight": _OF_SESSIONS}),
    "stop_command": Operation("stop_run", "StopRun", {"preflight": {"checks": False}}),
    "stop_session": Operation(
        "stop_run", "StopRun", {"turns": True, "preflight": {**_OF_SESSIONS, "checks": False}}
    ),
}
"""By playbook, with ``_`` for ``-``."""

MODULES: Mapping[str, Operation] = {
    "clean_sessions": Operation("clean_run", "CleanRun"),
    "list_sessions": Operation("list_run", "ListRun"),
    "preflight": Operation("check_run", "CheckRun"),
    "run_command": Operation("command_run", "CommandRun"),
    "run_turn": Operation("turn_run", "TurnRun"),
    "stop_command": Operation("stop_run", "StopRun"),
}
"""By module. A module's options all come from its task."""
