"""Commands on the fleet: the Python interface."""

from dxansible.record import FanoutOutcome, PreflightStatus, Reason, Truncation
from dxansible.results import FanoutResult, HostMapping, PreflightResult
from dxansible.run.attach_commands import (
    abort_command,
    abort_commands,
    follow_command,
    follow_commands,
)
from dxansible.run.fanout import fanout, fanout_ssh
from dxansible.run.hosts import list_hosts
from dxansible.run.options import FanoutOptions
from dxansible.run.preflight import check_hosts, run_preflight_checks

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
