# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tells from ssh's own message how far a failed connection had come.

ssh has one exit code, 255, for everything that goes wrong on its side. Its texts are in English
whatever the locale is (it only calls ``setlocale`` for LC_CTYPE). They are searched, not anchored:
Ansible puts words before them.
"""

from __future__ import annotations

import re
from enum import StrEnum

__all__ = ["SshFailure", "check_url", "classify", "summary"]


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
    (
        re.compile(r"tailscale: (?:tailnet policy|access denied|failed to evaluate)"),
        SshFailure.AUTH,
    ),
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
    (re.compile(r"login\.tailscale\.com/"), SshFailure.CONNECT_TIMEOUT),
    (re.compile(r"Connection closed by (?!remote host)\S+ port \d+"), SshFailure.UNREACHABLE),
)


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


def summary(message: str) -> str:
    """The message in one line: its last words, without what ssh and Ansible put around them."""
    text = re.split(r"(?:over|via) ssh:", message)[-1]
    lines = [
        line.strip() for line in text.splitlines() if line.strip() and not line.startswith("@")
    ]
    return "; ".join(lines[-2:])[:400] or "the connection ended without a word"
