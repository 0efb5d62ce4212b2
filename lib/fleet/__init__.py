"""The specification's import path.

``lib`` is a namespace portion: it has no ``__init__.py``, so no other ``lib`` is hidden.
"""

from dxansible.fleet import (
    FanoutOptions,
    FanoutOutcome,
    FanoutResult,
    HostMapping,
    PreflightResult,
    PreflightStatus,
    fanout,
    fanout_ssh,
    run_preflight_checks,
)

__all__ = [
    "FanoutOptions",
    "FanoutOutcome",
    "FanoutResult",
    "HostMapping",
    "PreflightResult",
    "PreflightStatus",
    "fanout",
    "fanout_ssh",
    "run_preflight_checks",
]
