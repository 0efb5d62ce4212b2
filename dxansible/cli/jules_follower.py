"""Makes what follows sessions of Jules, as the options say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.terminal import SCREEN, cancel_on_signals
from dxansible.errors import UsageError
from dxansible.jules.client import JulesClient
from dxansible.jules.follow import Follower
from dxansible.parameters import TURN_SECONDS
from dxansible.redact import safe
from dxansible.render.screen import Outlet
from dxansible.services import ServiceSettings

if TYPE_CHECKING:
    from dxansible.cli.table import Options

__all__ = ["follower_of"]

_DETACHED = "stopped following; the work continues at Jules"


def follower_of(options: Options) -> Follower:
    """Return what follows sessions as these options say; Ctrl-C stops it from now on.

    Raises UsageError without a key.
    """
    settings = ServiceSettings.load()
    if settings.jules_key is None:
        message = "JULES_API_KEY is not set"
        raise UsageError(message, "create a key at jules.google.com/settings, and export it")
    cancelled = cancel_on_signals(options, _DETACHED, _DETACHED)

    outlet = Outlet(SCREEN, cancelled.set)

    def tell(text: str) -> None:
        if not options.json:
            outlet.write(safe(text).encode())

    return Follower(
        client=JulesClient(settings.jules_url, settings.jules_key, sleep=cancelled.wait),
        tell=tell,
        wait=options.wait,
        timeout_sec=TURN_SECONDS if options.timeout is None else options.timeout,
        idle_timeout_sec=options.idle_timeout,
        allow_no_pr=options.allow_no_pr or options.no_auto_pr,
        cancelled=cancelled,
    )
