"""Finds the function of a tool, and loads only its module."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dxansible.cli.table import Options
    from dxansible.mcp.asking import Asked
    from dxansible.mcp.work import Work

__all__ = ["CALLS", "begin"]

CALLS = {
    "hosts": "inquiries.list_hosts",
    "exec": "commands.execute",
    "dispatch": "turns.dispatch",
    "sessions": "inquiries.list_work",
    "logs": "looks.read_logs",
    "reply": "turns.reply",
    "stop": "looks.stop",
    "pull_request": "pull_requests.open_pull_request",
}
"""By module and name, as the command line's modes have theirs."""


def begin(name: str, options: Options, given: Mapping[str, Any], asked: Asked) -> Work:
    """Return the work of a call, which has not begun. Raises UsageError."""
    module, _, function = CALLS[name].partition(".")
    call = getattr(import_module(f"dxansible.mcp.{module}"), function)
    limits = {"most_hosts": asked.most_hosts} if name == "exec" else {}
    work: Work = call(options, given, **limits)
    return work
