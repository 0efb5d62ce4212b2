"""Ids of runs, made before first contact so that "did it start?" can always be asked."""

from __future__ import annotations

import secrets

__all__ = ["new_run_id"]


def new_run_id() -> str:
    """Return ``cmd_`` and 64 random bits; the playbooks add the host to it."""
    return f"cmd_{secrets.token_hex(8)}"
