"""Runs one of our playbooks and hands its events on, typed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from dxansible.runner.backend import play
from dxansible.runner.events import parse
from dxansible.runner.request import PlayEnd, PlayRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dxansible.runner.events import Event
    from dxansible.settings import Settings

__all__ = ["DEFAULT_FORKS", "run_play"]

DEFAULT_FORKS = 200


def run_play(  # noqa: PLR0913 - all but the first two are options by name
    settings: Settings,
    playbook: str,
    *,
    limit: str,
    variables: Mapping[str, object],
    take: Callable[[Event], None],
    cancelled: threading.Event | None = None,
    secret_text: bytes | None = None,
    forks: int | None = None,
) -> PlayEnd:
    """Run it on the hosts of an Ansible pattern; ``take`` gets the events one at a time.

    ``secret_text`` reaches the playbook over a socket. Raises EngineError and ContentError.
    """
    request = PlayRequest(
        playbook=settings.playbooks / playbook,
        inventory=settings.inventory,
        limit=limit,
        variables=variables,
        secret_text=secret_text,
        forks=forks or DEFAULT_FORKS,
        environment=settings.environment,
        runtime_dir=settings.runtime_dir,
    )

    def take_raw(raw: dict[str, Any]) -> None:
        for news in parse(raw):
            take(news)

    return play(request, take_raw, cancelled or threading.Event())
