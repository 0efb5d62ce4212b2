"""What this package raises when the tool, not a host, is at fault.

DxError
├── UsageError          the command line or a setting does not make sense
├── InventoryError      the inventory cannot be read, or says something that makes no sense
├── NoMatchError        the inventory is fine, but nothing in it has that name
├── UnknownSessionError no VM has a session of that id
├── IssueError          Beads has no such issue, or can't be asked
├── ServiceError        a service beyond the VMs refused, or gave no answer that can be used
├── SilentHostError     the VM that would have to say does not answer
├── ContentError        the playbooks are not where they should be
└── EngineError         Ansible itself broke

A host that fails is not an error: it is a `FanoutResult`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.record import Reason

__all__ = [
    "ContentError",
    "DxError",
    "EngineError",
    "InventoryError",
    "IssueError",
    "NoMatchError",
    "ServiceError",
    "SilentHostError",
    "UnknownSessionError",
    "UsageError",
]

_TAIL_LINES = 20


def _redacted(text: str) -> str:
    from dxansible.redact import redact  # noqa: PLC0415 - its patterns take longer than all else here

    return redact(text)


class DxError(Exception):
    """Base of all of them; `exit_code` is what the process exits with."""

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, remedy: str) -> None:
        """Take what went wrong, and what the reader can do about it; secrets in them are masked."""
        self.message, self.remedy = _redacted(message), _redacted(remedy)
        super().__init__(self.message, self.remedy)

    def __str__(self) -> str:
        """Return both as one line, whatever line breaks the parts have."""
        return " ".join(f"{self.message}; {self.remedy}".split())


class UsageError(DxError):
    """The command line or a setting does not make sense."""


class InventoryError(DxError):
    """The inventory is missing, unreadable or malformed."""


class NoMatchError(DxError):
    """Nothing in the inventory matches the pattern, so there is nothing to run on."""

    def __init__(self, pattern: str, suggestions: Sequence[str] = ()) -> None:
        """Take the names nearest to `pattern`, best first; there may be none."""
        remedy = (
            f"did you mean {' or '.join(suggestions)}?"
            if suggestions
            else "dx-dispatch --list shows the hosts there are"
        )
        super().__init__(f"{pattern}: no such host", remedy)
        self.pattern = pattern
        self.suggestions = tuple(suggestions)


class UnknownSessionError(DxError):
    """No VM has a session of that id."""

    def __init__(self, session_id: str, near: Sequence[str], silent: str = "") -> None:
        """``near`` are ids like it; ``silent`` names the VMs that could not be asked."""
        message = f"no session is called {session_id}"
        if silent:
            message += f" on the VMs that answer ({silent} could not be asked)"
        hint = f"did you mean {' or '.join(near)}?" if near else "see: dx-dispatch --sessions"
        super().__init__(message, hint)


class IssueError(DxError):
    """The issue can't be read, or can't be claimed."""


class ServiceError(DxError):
    """A service beyond the VMs refused, or gave no answer that can be used."""

    exit_code = 1

    def __init__(self, message: str, remedy: str, reason: Reason) -> None:
        """`reason` says which kind of failure it is, for results and for those who retry."""
        super().__init__(message, remedy)
        self.reason = reason


class SilentHostError(DxError):
    """The VM that would have to say does not answer."""

    exit_code = 3


class ContentError(DxError):
    """The playbooks were not found."""


class EngineError(DxError):
    """Ansible could not be started, or ended without a word about the hosts."""

    exit_code = 1

    def __init__(self, message: str, remedy: str, output: str = "") -> None:
        """Keep the end of Ansible's own `output`, without its secrets, as `output_tail`."""
        super().__init__(message, remedy)
        self.output_tail = "\n".join(_redacted(output).splitlines()[-_TAIL_LINES:])
