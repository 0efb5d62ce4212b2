"""The errors of this package: the tool, not a host, is at fault.

DxError
├── UsageError          the command line or a setting does not make sense
├── InventoryError      the inventory cannot be read, or its contents make no sense
├── NoMatchError        the inventory is fine, but nothing in it has that name
├── UnknownSessionError no VM has a session with that id
├── IssueError          Beads has no such issue, or can't be asked
├── ServiceError        a service other than the VMs refused, or gave no usable answer
├── SilentHostError     the VM that holds the answer does not respond
├── NoFreeHost          no host of any:PATTERN can take the task
├── Declined            the user was asked, and said no
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
    "Declined",
    "DxError",
    "EngineError",
    "InventoryError",
    "IssueError",
    "NoFreeHost",
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
    """Base class; `exit_code` is the exit code of the process."""

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, remedy: str) -> None:
        """``message`` says what went wrong, ``remedy`` what to do; secrets in both are masked."""
        self.message, self.remedy = _redacted(message), _redacted(remedy)
        super().__init__(self.message, self.remedy)

    def __str__(self) -> str:
        """Return message and remedy as one line, without their line breaks."""
        return " ".join(f"{self.message}; {self.remedy}".split())


class UsageError(DxError):
    """The command line or a setting does not make sense."""


class InventoryError(DxError):
    """The inventory is missing, unreadable or malformed."""


class NoMatchError(DxError):
    """Nothing in the inventory matches the pattern, so there is nothing to run on.

    The exit code is that of PREFLIGHT_FAILED, of which the lookup of the host is the first check.
    """

    exit_code = 3

    def __init__(self, pattern: str, suggestions: Sequence[str] = ()) -> None:
        """Take the names nearest to `pattern`, best first; there may be none."""
        remedy = (
            f"did you mean {' or '.join(suggestions)}?"
            if suggestions
            else "see: dx-dispatch --list"
        )
        super().__init__(f"{pattern}: no such host", remedy)
        self.pattern = pattern
        self.suggestions = tuple(suggestions)


class UnknownSessionError(DxError):
    """No VM has a session with that id."""

    def __init__(self, session_id: str, near: Sequence[str], silent: str = "") -> None:
        """``near`` are similar ids; ``silent`` names the VMs that could not be asked."""
        message = f"no session named {session_id}"
        if silent:
            message += f" on the VMs that answered ({silent} could not be asked)"
        hint = f"did you mean {' or '.join(near)}?" if near else "see: dx-dispatch --sessions"
        super().__init__(message, hint)


class IssueError(DxError):
    """The issue can't be read, or can't be claimed."""


class ServiceError(DxError):
    """A service other than the VMs refused, or gave no usable answer."""

    exit_code = 1

    def __init__(self, message: str, remedy: str, reason: Reason) -> None:
        """`reason` is the kind of failure, for results and for retries."""
        super().__init__(message, remedy)
        self.reason = reason


class SilentHostError(DxError):
    """The VM that holds the answer does not respond."""

    exit_code = 3


class ContentError(DxError):
    """The playbooks were not found."""


class EngineError(DxError):
    """Ansible could not be started, or ended without a report about the hosts."""

    exit_code = 1

    def __init__(self, message: str, remedy: str, output: str = "") -> None:
        """Keep the end of Ansible's own `output`, without its secrets, as `output_tail`."""
        super().__init__(message, remedy)
        self.output = output
        """All of it, with its secrets: to look for causes in, not to show."""
        self.output_tail = "\n".join(_redacted(output).splitlines()[-_TAIL_LINES:])


class NoFreeHost(DxError):  # noqa: N818 - the type that --json shows
    """No host of ``any:PATTERN`` can take the task."""

    exit_code = 3

    def __init__(self, pattern: str, why: str) -> None:
        """``why`` is what each of the hosts lacks."""
        super().__init__(f"no host of {pattern} is free: {why}", "wait, or name a host")


class Declined(DxError):  # noqa: N818 - as above
    """The user was asked, and said no."""

    exit_code = 130

    def __init__(self) -> None:
        """Nothing was done."""
        super().__init__("the user declined; nothing was done", "ask the user what to do instead")
