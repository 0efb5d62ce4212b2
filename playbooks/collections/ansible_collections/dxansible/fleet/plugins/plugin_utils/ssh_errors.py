# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tells from ssh's messages how far a failed connection came.

ssh exits with 255 for every failure of its own. Its messages are in English in every locale (it
calls ``setlocale`` only for LC_CTYPE). They are read from its log, because a banner or a shell of
the VM may print the same words on standard error.
"""

from __future__ import annotations

import re
from enum import StrEnum

__all__ = ["SshFailure", "check_url", "classify", "explain_failure", "summary"]


class SshFailure(StrEnum):
    """The stage at which the connection failed."""

    UNRESOLVABLE = "unresolvable"
    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "connect_timeout"
    HOST_KEY = "host_key"
    AUTH = "auth"
    LOST = "lost"
    """Unknown: the connection may have been up, and a command may have arrived."""


_PATTERNS: tuple[tuple[re.Pattern[str], SshFailure], ...] = (
    (
        re.compile(r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed"),
        SshFailure.HOST_KEY,
    ),
    (re.compile(r"No \S+ host key is known for"), SshFailure.HOST_KEY),
    (re.compile(r"Too many authentication failures"), SshFailure.AUTH),
    (re.compile(r"\S+@\S+: Permission denied(?: \(|, please try again)"), SshFailure.AUTH),
    (re.compile(r"Invalid/incorrect (?:username/)?password"), SshFailure.AUTH),
    (re.compile(r"Unable to negotiate with"), SshFailure.AUTH),
    (re.compile(r"Could not resolve hostname"), SshFailure.UNRESOLVABLE),
    (re.compile(r"timed out during banner exchange"), SshFailure.CONNECT_TIMEOUT),
    (
        re.compile(r"ssh: connect to host .*: (?:Connection|Operation) timed out"),
        SshFailure.CONNECT_TIMEOUT,
    ),
    # before a session is up; after that it is "Timeout, server … not responding"
    (re.compile(r"Connection to \S+ port \d+ timed out"), SshFailure.CONNECT_TIMEOUT),
    (re.compile(r"ssh: connect to host "), SshFailure.UNREACHABLE),
    (re.compile(r"(?:kex|banner)_exchange"), SshFailure.UNREACHABLE),
    (re.compile(r"Not allowed at this time"), SshFailure.UNREACHABLE),
    (re.compile(r"Connection closed by (?!remote host)\S+ port \d+"), SshFailure.UNREACHABLE),
)

_TAILSCALE: tuple[tuple[re.Pattern[str], SshFailure], ...] = (
    (
        re.compile(r"tailscale: (?:tailnet policy|access denied|failed to evaluate)"),
        SshFailure.AUTH,
    ),
    (re.compile(r"login\.tailscale\.com/"), SshFailure.CONNECT_TIMEOUT),
)
"""Banners that Tailscale's SSH server prints when it refuses a login."""
_BY_PROXY = "UNKNOWN port"
"""Stands for address and port in ssh's messages if a proxy makes the connection."""
_BEFORE_LOGIN = (SshFailure.AUTH, SshFailure.UNREACHABLE, SshFailure.CONNECT_TIMEOUT)
_FRAME = r"(?:over|via) ssh:"
"""End of the text that Ansible puts before the standard error."""
_SILENT = "the connection ended without a message"
_NOISE = re.compile(
    r"@|\*\*|Warning: Permanently added |ControlSocket .* already exists, disabling multiplexing"
)
"""Beginnings of lines that don't explain a failure."""


def classify(message: str) -> SshFailure:
    """Classify a message; the first matching pattern wins, and unknown text is LOST."""
    for pattern, failure in _PATTERNS:
        if pattern.search(message):
            return failure
    return SshFailure.LOST


def check_url(message: str) -> str | None:
    """The address to visit when Tailscale SSH asks for an additional check; None if it doesn't."""
    found = re.search(r"https://login\.tailscale\.com/\S+", message)
    return found.group() if found else None


def explain_failure(own: str | None, error: str) -> tuple[SshFailure, str]:
    """Return the failure and its explanation in one line.

    ``own`` is ssh's log, None if the connection is not ssh's. ``error`` is Ansible's message with
    the standard error. That comes from a proxy until the connection is up, then from the VM, whose
    banner and shell may print anything.
    """
    if own is None:
        return classify(error), summary(error)
    failure, others = classify(own), re.split(_FRAME, error, maxsplit=1)[1:]
    printed = summary(*others) if others and others[0].strip() else ""
    if failure in _BEFORE_LOGIN and _BY_PROXY in own:
        for line in reversed("".join(others).splitlines()):  # the failed hop prints last
            if (found := classify(line)) is not SshFailure.LOST:
                return found, printed
    if failure in _BEFORE_LOGIN:
        for pattern, found in _TAILSCALE:
            if pattern.search(printed):
                return found, printed
    text = summary(own)
    if text == _SILENT and printed:
        text += f"; the VM had printed: {printed} (does a startup file of its shell exit?)"
    return failure, text


def summary(message: str) -> str:
    """Shorten the message to one line: its last two lines, without noise of ssh and Ansible."""
    lines = [line.strip() for line in re.split(_FRAME, message, maxsplit=1)[-1].splitlines()]
    return "; ".join([line for line in lines if line and not _NOISE.match(line)][-2:])[:400] or (
        _SILENT
    )
