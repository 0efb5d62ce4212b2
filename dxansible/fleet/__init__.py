"""Commands on the fleet: the Python interface."""

from dxansible.fleet.by_id import (
    abort_command,
    abort_commands,
    follow_command,
    follow_commands,
)
from dxansible.fleet.fanout import fanout, fanout_ssh
from dxansible.fleet.hosts import list_hosts
from dxansible.fleet.options import FanoutOptions
from dxansible.fleet.preflight import check_hosts, run_preflight_checks
from dxansible.outcome import FanoutResult, HostMapping, PreflightResult
from dxansible.record import FanoutOutcome, PreflightStatus, Reason, Truncation

__all__ = [
    "FanoutOptions",
    "FanoutOutcome",
    "FanoutResult",
    "HostMapping",
    "PreflightResult",
    "PreflightStatus",
    "Reason",
    "Truncation",
    "abort_command",
    "abort_commands",
    "check_hosts",
    "fanout",
    "fanout_ssh",
    "follow_command",
    "follow_commands",
    "list_hosts",
    "run_preflight_checks",
]
