"""Durations for people."""

from __future__ import annotations

from dxansible.render.tables import NOTHING

__all__ = ["duration"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def duration(seconds: int | None) -> str:
    """Format seconds in the largest units that matter: 45s, 12m, 3h 5m, 9d; a dash for None."""
    if seconds is None:
        return NOTHING
    if seconds < _MINUTE:
        return f"{seconds}s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < _DAY:
        return f"{seconds // _HOUR}h {seconds % _HOUR // _MINUTE}m"
    return f"{seconds // _DAY}d"
