"""The HTTP side of the scripted model."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self, cast

from tests.model.formats import FORMATS, FULL_BODY, error_body
from tests.model.limits import limit_answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.model.formats import Event
    from tests.model.script import Ask

__all__ = ["ModelServer"]


class ModelServer(ThreadingHTTPServer):
    """Answers until the end of `with`; `prompts` has every newest prompt that was asked.

    `results` has what its tools have returned, and `models` which model was asked.
    """

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port of loopback."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.prompts: list[str] = []
        self.results: list[str] = []
        self.models: list[str] = []
        self.limits: dict[str, float] = {}
        """Until when requests with each line that has LIMIT are refused, since the epoch."""
        self._thread = threading.Thread(target=self.serve_forever, name="model", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Answer no more."""
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as in socketserver
        """Agents that are killed go away in the middle; that is what is being tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing."""

    def do_HEAD(self) -> None:
        """As GET, without a body."""
        self._whole(200, {})

    def do_GET(self) -> None:
        """List the one model."""
        self._whole(200, {"object": "list", "data": [{"id": "m", "object": "model"}]})

    def do_POST(self) -> None:
        """Answer an agent."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        path = self.path.partition("?")[0]
        if path.endswith("/count_tokens"):
            self._whole(200, {"input_tokens": 1})
            return
        for ending, (read, answer) in FORMATS.items():
            if path.endswith(ending):
                ask = read(body)
                cast("ModelServer", self.server).models.append(
                    str(body.get("model") or path.rpartition("/")[2].partition(":")[0])
                )
                self._answer(ask, answer(ask))
                return
        self._whole(404, error_body(404))

    def _answer(self, ask: Ask, events: Iterator[Event]) -> None:
        server = cast("ModelServer", self.server)
        if ask.tool is not None and not ask.tools_done:
            server.prompts.append(ask.prompt)
        if ask.results:
            server.results.append(ask.results[-1])
        status = ask.number("ERROR") if ask.command() is None else 0
        if self._is_limited(ask):
            after = ask.number("AFTER")
            until = time.time() + after if after else server.limits[ask.limit]
            headers, body = limit_answer(self.path.partition("?")[0], until)
            self._whole(429, body, headers)
            return
        if status or ask.full:
            self._whole(status or 400, error_body(status) if status else FULL_BODY)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        with suppress(OSError):
            for number, (name, data) in enumerate(events):
                if ask.cut and ask.command() is None and number == 2:  # in the middle of its words
                    return
                text = data if isinstance(data, str) else json.dumps(data)
                head = f"event: {name}\n" if name else ""
                self.wfile.write(f"{head}data: {text}\n\n".encode())
                self.wfile.flush()

    def _is_limited(self, ask: Ask) -> bool:
        if not ask.limit or ask.command() is not None:
            return False
        limits = cast("ModelServer", self.server).limits
        until = limits.setdefault(ask.limit, time.time() + ask.number("LIMIT"))
        return time.time() < until

    def _whole(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            with suppress(OSError):
                self.wfile.write(data)
