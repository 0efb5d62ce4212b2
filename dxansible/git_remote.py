"""Finds the GitHub repository of the working directory, by its remote ``origin``.

An address may hold a password; it is never shown.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from dxansible.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_repository", "parse_remote", "read_repository", "run"]

_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}")
_URL = re.compile(r"(?:ssh|git\+ssh|https?|git)://(?:[^@/]*@)?([^/:@]+)(?::\d+)?/+(.+)")
_SCP = re.compile(r"(?:[^@/:]+@)?([^/:@]+):(?!//)/?(.+)")
_GITHUB = frozenset({"github.com", "ssh.github.com", "www.github.com"})
_SECONDS = 10
_REMEDY = "name the repository: --repo owner/name"


def check_repository(name: str) -> str:
    """Return the name. Raises UsageError if it isn't ``owner/name``."""
    if _REPOSITORY.fullmatch(name) is None:
        raise UsageError(f"{name!r} is not a GitHub repository", "use --repo owner/name")
    return name


def parse_remote(address: str) -> tuple[str, str] | None:
    """Return host and ``owner/name`` of a remote's address; None if it has another form."""
    found = _URL.fullmatch(address.strip()) or _SCP.fullmatch(address.strip())
    if found is None:
        return None
    name = found[2].rstrip("/").removesuffix(".git")
    return (found[1].lower(), name) if _REPOSITORY.fullmatch(name) else None


def read_repository(directory: Path) -> str:
    """Return ``owner/name`` of a directory's repository. Raises UsageError."""
    asked = run(["git", "-C", str(directory), "remote", "get-url", "origin"])
    if asked is None:
        message = "git can't be run, so the remote can't be read"
        raise UsageError(message, _REMEDY)
    if asked.returncode:
        inside = "No such remote" in asked.stderr
        message = (
            "this repository has no remote called origin"
            if inside
            else "the working directory is not in a git repository"
        )
        raise UsageError(message, _REMEDY)
    parsed = parse_remote(asked.stdout)
    if parsed is None:
        raise UsageError("the remote origin is not a GitHub repository", _REMEDY)
    host, name = parsed
    if host not in _GITHUB and _real_host(host) not in _GITHUB:
        raise UsageError(f"the remote origin is on {host}, but Jules supports only GitHub", _REMEDY)
    return name


def _real_host(alias: str) -> str:
    """Return the host name that ssh's own configuration gives an alias."""
    if alias.startswith("-"):
        return alias
    answer = run(["ssh", "-G", alias])
    found = re.search(r"^hostname (\S+)$", answer.stdout, re.MULTILINE) if answer else None
    return found[1].lower() if found else alias


def run(words: list[str]) -> subprocess.CompletedProcess[str] | None:
    """Run a read-only program; None if it can't run, or takes too long."""
    try:
        return subprocess.run(
            words,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
