"""``--mcp``: serves agents until their end."""

from __future__ import annotations

import os
import signal
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, NoReturn

from dxansible.errors import UsageError
from dxansible.render.show import show

if TYPE_CHECKING:
    from dxansible.cli.table import Options

__all__ = ["serve"]


def serve(options: Options) -> NoReturn:
    """``--mcp``. Any end of it leaves work that goes on to the hosts, without waiting for it."""
    try:
        from dxansible.mcp import server  # noqa: PLC0415 - loads the SDK
    except ImportError as error:
        message = f"--mcp needs the MCP SDK, version 2.3 or newer ({error})"
        remedy = "install it: pip install 'dxansible[mcp]', or pipx inject dxansible 'mcp>=2.3'"
        raise UsageError(message, remedy) from error
    options.settings()  # reports an unusable inventory before the client waits
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.stdin.isatty():
        show("serving MCP on standard input; docs/mcp.md has the clients' settings", err=True)
    server.serve(options, version("dxansible"))
    sys.stderr.flush()
    os._exit(0)
