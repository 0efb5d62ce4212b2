# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can be done on the hosts of a play, by the name of its playbook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .check_run import CheckRun
from .clean_run import CleanRun
from .command_run import CommandRun
from .list_run import ListRun
from .stop_run import StopRun
from .turn_run import TurnRun

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .host_run import HostRun

__all__ = ["OPERATIONS", "Operation"]


class Operation(NamedTuple):
    """A kind of run, and the options that it always has."""

    run: type[HostRun]
    options: Mapping[str, Any]


_OF_SESSIONS = {"id_prefix": "ses"}

OPERATIONS: Mapping[str, Operation] = {
    "check_hosts": Operation(CheckRun, {"connect": True}),
    "clean_sessions": Operation(CleanRun, {"preflight": _OF_SESSIONS}),
    "follow_command": Operation(CommandRun, {"attach": True, "preflight": {"checks": False}}),
    "follow_session": Operation(
        TurnRun, {"mode": "follow", "preflight": {**_OF_SESSIONS, "checks": False}}
    ),
    "list_sessions": Operation(ListRun, {"preflight": _OF_SESSIONS}),
    "run_command": Operation(CommandRun, {"preflight": {}}),
    "start_session": Operation(TurnRun, {"preflight": _OF_SESSIONS}),
    "stop_command": Operation(StopRun, {"preflight": {"checks": False}}),
    "stop_session": Operation(
        StopRun, {"turns": True, "preflight": {**_OF_SESSIONS, "checks": False}}
    ),
}
"""The name is the playbook's, with ``_`` for ``-``."""
