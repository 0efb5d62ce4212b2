"""The terminal in which ansible-runner has ansible-playbook, closed without a pause.

ptyprocess sleeps 0.1 s when it closes a terminal, lest a child be killed that has just ended;
ansible-runner closes when it has waited for the child, so nothing is left to be waited for.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

__all__ = ["without_pause"]


def without_pause(pexpect: Any) -> SimpleNamespace:  # noqa: ANN401 - it has no types
    """Return what ansible-runner uses of that module; others in this process keep theirs."""

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
