# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tells from ssh's own message how far a failed connection had come.

ssh has one exit code, 255, for everything that goes wrong on its side. Its texts are in English
whatever the locale is (it only calls ``setlocale`` for LC_CTYPE). They are read from its log: a
banner or a shell of the VM may print the same words on standard error.
"""

from __future__ import annotations

import re
from enum import StrEnum

__all__ = ["SshFailure", "check_url", "classify", "explain_failure", "summary"]


class SshFailure(StrEnum):
    """How far the connection had come."""

    UNRESOLVABLE = "unresolvable"
    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "connect_timeout"
    HOST_KEY = "host_key"
    AUTH = "auth"
    LOST = "lost"
    """Nothing is known: the connection may have been up, and a command may have arrived."""


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
"""Of the banner with which Tailscale's server says why it lets nobody in."""
_BY_PROXY = "UNKNOWN port"
"""Instead of an address and a port, where a proxy makes the connection."""
_BEFORE_LOGIN = (SshFailure.AUTH, SshFailure.UNREACHABLE, SshFailure.CONNECT_TIMEOUT)
_FRAME = r"(?:over|via) ssh:"
"""The end of what Ansible puts before what has come on standard error."""
_SILENT = "the connection ended without a word"
_NOISE = re.compile(r"@|\*\*|Warning: Permanently added ")
"""Lines that say nothing of a failure begin so."""


def classify(message: str) -> SshFailure:
    """The most specific pattern wins; a text that is not known is LOST, which claims least."""
    for pattern, failure in _PATTERNS:
        if pattern.search(message):
            return failure
    return SshFailure.LOST


def check_url(message: str) -> str | None:
    """The address a person has to visit when Tailscale SSH asks for an additional check."""
    found = re.search(r"https://login\.tailscale\.com/\S+", message)
    return found.group() if found else None


def explain_failure(own: str | None, error: str) -> tuple[SshFailure, str]:
    """What failed, and the words that say so, in one line.

    ``own`` is what ssh has logged, None where the connection is not ssh's. ``error`` is Ansible's
    message, with what has come on standard error: from a proxy while there is no connection, then
    from the VM, whose banner and shell may print anything.
    """
    if own is None:
        return classify(error), summary(error)
    failure, others = classify(own), re.split(_FRAME, error, maxsplit=1)[1:]
    printed = summary(*others) if others and others[0].strip() else ""
    if failure in _BEFORE_LOGIN and _BY_PROXY in own:
        for line in reversed("".join(others).splitlines()):  # last speaks what has failed
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
    """The message in one line: its last words, without what ssh and Ansible put around them."""
    lines = [line.strip() for line in re.split(_FRAME, message, maxsplit=1)[-1].splitlines()]
    return "; ".join([line for line in lines if line and not _NOISE.match(line)][-2:])[:400] or (
        _SILENT
    )
