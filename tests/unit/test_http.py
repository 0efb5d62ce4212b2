"""Rules of the one client of HTTP."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from dxansible.http import HttpClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Echo(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(self.headers.get("Authorization")).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    """A server that answers with the Authorization that it got."""
    with HTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("headers", "got"), [({"Authorization": "Bearer ours"}, b"Bearer ours"), ({}, b"None")]
)
def test_no_password_of_netrc_replaces_a_token_or_joins_a_request(
    url: str,
    headers: dict[str, str],
    got: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password hers\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    client = HttpClient(url)
    client._headers = headers
    client._session.trust_env = True  # as for an address that is encrypted

    assert client.send_once("GET").body == got
