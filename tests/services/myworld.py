"""A GitHub that was not written here: PyPI's myworld, as a process of its own on loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["World", "serve"]

_SECONDS = 60


class World:
    """One world of it: a token, and the repository acme/api."""

    def __init__(self, address: str) -> None:
        """Make it."""
        spec = {"name": "t", "task": "x", "servers": {"github": {}}}
        made = requests.post(f"{address}/envs", json={"spec": spec}, timeout=10).json()
        self.token = str(made["credentials"]["agent"]["github_token"])
        self.api = f"{address}/gw/api.github.com"

    def push(self, branch: str, *, commit: bool = True) -> None:
        """Have a branch as if it had been pushed; with a commit that the base has not."""
        head = self.ask("GET", "git/ref/heads/main")["object"]["sha"]
        self.ask("POST", "git/refs", ref=f"refs/heads/{branch}", sha=head)
        if commit:
            self.ask("PUT", "contents/new", message="m", content="aGVsbG8=", branch=branch)

    def pulls(self) -> list[tuple[str, str, bool]]:
        """Branch, title and whether it is a draft, of all that are open."""
        found = self.ask("GET", "pulls")
        return [(each["head"]["ref"], each["title"], each["draft"]) for each in found]

    def ask(self, method: str, path: str, **body: str) -> Any:  # noqa: ANN401 - any JSON
        """A request about the repository, which has to be answered well."""
        answer = requests.request(
            method,
            f"{self.api}/repos/acme/api/{path}",
            json=body or None,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=10,
        )
        answer.raise_for_status()
        return answer.json()


@contextmanager
def serve(place: Path) -> Iterator[str]:
    """Run it, with its log in a directory, and give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "myworld.cli", "serve", "--port", str(port)]
    with (place / "log").open("wb") as log:
        running = subprocess.Popen(program, cwd=place, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        _await(address, running, place / "log")
        yield address
    finally:
        running.terminate()
        running.wait()


def _await(address: str, running: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _SECONDS
    while True:
        try:
            World(address).ask("GET", "pulls")
        except (requests.ConnectionError, requests.HTTPError):  # its first answer is an error
            assert time.monotonic() < end, log.read_text()
            assert running.poll() is None, log.read_text()
            time.sleep(0.2)
        else:
            return
