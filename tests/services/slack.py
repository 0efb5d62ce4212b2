"""A Slack on loopback, as its Web API and its webhooks are documented, with a switch for failures.

    with SlackServer() as slack:
        slack.url, slack.token, slack.webhook
        slack.fail(Fault(status=429, headers={"Retry-After": "1"}))

It keeps what was posted in ``messages``.
"""

from __future__ import annotations

import itertools
import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from tests.services.jules import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SlackServer", "api_error"]

TOKEN = "xoxb-1111-2222-LoopbackTokenThatOpensNothing"  # noqa: S105 - opens nothing
HOOK = "/services/T000/B000/LoopbackHookThatOpensNothing"
CHANNEL = "C09MQGMFKDE"


def api_error(error: str, **more: str) -> Fault:
    """A failure as the Web API says it: with status 200."""
    body = json.dumps({"ok": False, "error": error, **more}).encode()
    return Fault(status=200, body=body)


class SlackServer:
    """A stateful Slack; use it in a ``with`` block."""

    def __init__(self) -> None:
        """Have one channel, with nothing in it."""
        self.token = TOKEN
        self.channels = {CHANNEL}
        self.messages: list[dict[str, Any]] = []
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.hold = threading.Event()
        """A fault with a delay ends early once this is set, as it is at the end."""
        self.hook: Callable[[str], object] = lambda _phase: None
        """Is called with "before" and "after" around what a request does; "drop" prevents it."""
        self._faults: list[Fault] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.slack = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Stop."""
        self.hold.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def _base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """As DX_SLACK_URL has it."""
        return f"{self._base}/api"

    @property
    def webhook(self) -> str:
        """As SLACK_WEBHOOK_URL has it."""
        return f"{self._base}{HOOK}"

    @property
    def texts(self) -> list[str]:
        """What was posted, in order."""
        return [each["text"] for each in self.messages]

    def fail(self, fault: Fault, times: int = 1) -> None:
        """Let the next requests go wrong."""
        self._faults += [fault] * times

    def next_fault(self) -> Fault | None:
        """The fault of this request; each is used up."""
        with self._lock:
            return self._faults.pop(0) if self._faults else None

    def answer(self, path: str, authorization: str, body: dict[str, Any]) -> tuple[int, bytes]:
        """What Slack says, and what it does."""
        with self._lock:
            if path == HOOK:
                error = _wrong(body)
                if error:
                    return 400, error.encode()
                self._keep(CHANNEL, body)
                return 200, b"ok"
            if path.startswith("/services/"):
                return 404, b"no_service"
            if path != "/api/chat.postMessage":
                return 200, _no("unknown_method")
            if authorization != f"Bearer {self.token}":
                return 200, _no("invalid_auth" if authorization else "not_authed")
            return 200, self._posted(body)

    def _posted(self, body: dict[str, Any]) -> bytes:
        if body.get("channel") not in self.channels:
            return _no("channel_not_found")
        if error := _wrong(body):
            return _no(error)
        parents = {each["ts"] for each in self.messages if "thread_ts" not in each}
        if "thread_ts" in body and body["thread_ts"] not in parents:
            return _no("thread_not_found")
        kept = self._keep(body["channel"], body)
        document = {"ok": True, "channel": kept["channel"], "ts": kept["ts"], "message": kept}
        return json.dumps(document).encode()

    def _keep(self, channel: str, body: dict[str, Any]) -> dict[str, Any]:
        ts = f"1503435956.{next(self._numbers):06d}"
        kept = {**body, "type": "message", "channel": channel, "ts": ts}
        self.messages.append(kept)
        return kept


def _wrong(body: dict[str, Any]) -> str | None:
    """Which of the documented rules a message breaks."""
    if not body.get("text") and not body.get("blocks"):
        return "no_text"
    blocks = body.get("blocks") or []
    if len(blocks) > 50:
        return "invalid_blocks"
    for block in blocks:
        texts = [block["text"]] if block["type"] == "section" else block["elements"]
        kinds = {each["type"] for each in texts}
        lengths = [len(each["text"]) for each in texts]
        if kinds - {"mrkdwn", "plain_text"} or not all(0 < each <= 3000 for each in lengths):
            return "invalid_blocks"
        if len(texts) > 10:
            return "invalid_blocks"
    return "msg_too_long" if len(body.get("text") or "") > 40_000 else None


def _no(error: str) -> bytes:
    return json.dumps({"ok": False, "error": error}).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    slack: SlackServer


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        slack = self.server.slack
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(raw)
        slack.requests.append((self.path, body))
        fault = slack.next_fault()
        if fault is not None and not fault.after:
            self._go_wrong(fault)
            return
        if slack.hook("before") == "drop":
            self.close_connection = True
            return
        status, answer = slack.answer(self.path, self.headers.get("Authorization") or "", body)
        slack.hook("after")
        if fault is not None:
            self._go_wrong(fault)
            return
        self._reply(status, answer, {})

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def _go_wrong(self, fault: Fault) -> None:
        if fault.delay:
            self.server.slack.hold.wait(fault.delay)
        if fault.status:
            self._reply(fault.status, fault.body, fault.headers)
        else:
            self.close_connection = True

    def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        kind = "application/json; charset=utf-8" if body[:1] == b"{" else "text/plain"
        with suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            whole = {"Content-Type": kind, **headers, "Content-Length": str(len(body))}
            for name, value in whole.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
