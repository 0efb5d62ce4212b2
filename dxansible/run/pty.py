"""Closes the terminal of ansible-runner's ansible-playbook without a pause.

ptyprocess sleeps 0.1 s when it closes a terminal, so that a child that is about to end is not
killed. ansible-runner waits for the child before it closes the terminal, so the pause serves
nothing.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

__all__ = ["without_pause"]


def without_pause(pexpect: Any) -> SimpleNamespace:  # noqa: ANN401 - it has no types
    """Return the names of pexpect that ansible-runner uses; the module itself is unchanged."""

    class Terminal(pexpect.spawn):  # type: ignore[misc] # as above
        def close(self, force: bool = True) -> None:  # noqa: FBT001, FBT002 - pexpect's own
            if not self.isalive():
                self.ptyproc.delayafterclose = 0
            super().close(force)

    return SimpleNamespace(
        spawn=Terminal,
        EOF=pexpect.EOF,
        TIMEOUT=pexpect.TIMEOUT,
        exceptions=pexpect.exceptions,
    )
