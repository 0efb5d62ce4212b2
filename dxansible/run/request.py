"""A run of a playbook, as data: the request and the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.elapsed import now
from dxansible.parameters import RETRIES, RETRY_DELAY
from dxansible.value import Value, field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from dxansible.run.flow import Flow

__all__ = ["CANCELLED", "KILLED", "Again", "PlayEnd", "PlayRequest", "attaching"]

KILLED = "Ansible was killed on this machine"


class PlayRequest(Value):
    """One playbook run."""

    playbook: Path
    inventory: tuple[Path, ...]
    limit: str
    """An Ansible host pattern."""
    variables: Mapping[str, object] = field(default_factory=dict)
    """Extra vars; strings reach Ansible as data, never as templates."""
    secret_text: bytes | None = field(default=None, repr=False)
    """Sent to the playbook over a socket, so that it is never on disk or in a process list."""
    flow: Flow | None = field(default=None, repr=False)
    """Counts the output that the reader has taken; without it, no command waits for a reader."""
    forks: int = 50
    environment: Mapping[str, str] = field(default_factory=dict)
    runtime_dir: Path
    began: float = field(default_factory=now)
    """When the call began, before anything was sent to a host, by the clock of its machine."""


class Again(Value):
    """How a run continues on its remaining hosts if Ansible is killed."""

    rest: Callable[[], str]
    """Returns the pattern of the hosts still to be done; empty if there are none."""
    prepare: Callable[[str, str, float], Mapping[str, object]] = lambda _left, _why, _began: {}
    """Called before each further run with that pattern, how the last run was lost, and when the
    call began; returns variables for it, which replace the first run's."""
    max_retries: int = 0
    """Further runs in a row without an answer of a VM; the loss of an engine costs none."""
    retry_delay_sec: float = 0.0


def attaching(
    rest: Callable[[], str],
    prepare: Callable[[str, str, float], Mapping[str, object]],
    max_retries: int = RETRIES.default,
    retry_delay_sec: float = RETRY_DELAY.default,
) -> Again:
    """Return how a run continues whose next run attaches to what the last one has begun."""
    return Again(
        rest=rest, prepare=prepare, max_retries=max_retries, retry_delay_sec=retry_delay_sec
    )


class PlayEnd(Value):
    """How the run itself ended; the hosts' results are in the events."""

    status: str
    """ansible-runner's word: successful, failed, canceled, timeout, error."""
    output: str = field(default="", repr=False)
    """The end of ansible-playbook's output, for error messages."""
    exit_code: int | None = None
    """ansible-playbook's; None if a signal ended it, 254 if it was cancelled."""
    engine_lost: bool = False
    """The engine ended before the run did; the run can continue without an engine."""

    @property
    def killed(self) -> bool:
        """Whether the run was killed; commands that it had begun may still be running."""
        return self.status == "failed" and self.exit_code is None


CANCELLED = PlayEnd(status="canceled", exit_code=254)
"""As ansible-runner ends a run that was cancelled."""
