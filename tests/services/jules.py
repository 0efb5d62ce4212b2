"""A Jules on loopback, as its API is documented, with a switch for every failure.

    with JulesServer() as jules:
        jules.url, jules.key
        jules.fail("POST", "sessions", Fault(status=503, after=True))

It remembers sessions, and each look at one takes it a step on along ``states``.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Fault", "JulesServer", "status_body"]

KEY = "AIzaLoopbackKeyThatOpensNothing0000000"
WRONG_KEY = (
    "API keys are not supported by this API. Expected OAuth2 access token or other authentication"
    " credentials that assert a principal."
)


def status_body(code: int, status: str, message: str, **detail: Any) -> bytes:  # noqa: ANN401 - JSON
    """An error as google.rpc.Status."""
    error: dict[str, Any] = {"code": code, "status": status, "message": message}
    if detail:
        error["details"] = [detail]
    return json.dumps({"error": error}).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with one request. ``after``: only once it has taken effect."""

    status: int | None = None
    """None drops the connection."""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    delay: float = 0.0
    """Seconds before anything happens; with a status of 0 nothing else does."""

    @classmethod
    def quota(cls, retry_after: str | None = None) -> Fault:
        """429, with or without Retry-After."""
        text = "Resource has been exhausted (e.g. check quota)."
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        return cls(status=429, body=status_body(429, "RESOURCE_EXHAUSTED", text), headers=headers)

    @classmethod
    def page(cls, status: int = 502, *, after: bool = False) -> Fault:
        """The web page of a front end."""
        body = b"<html><body><h1>Error</h1></body></html>"
        return cls(status=status, body=body, headers={"Content-Type": "text/html"}, after=after)


@dataclass(slots=True)
class _Rule:
    method: str
    path: str
    fault: Fault
    times: int


class JulesServer:
    """A stateful Jules; use it in a ``with`` block."""

    def __init__(self) -> None:
        """Know one repository, and nothing else."""
        self.key = KEY
        self.states = ["PLANNING", "IN_PROGRESS", "COMPLETED"]
        """What the next looks at a session show; the last one stays."""
        self.pull_request = True
        """Whether a session that completes has a pull request."""
        self.mode = "AUTOMATION_MODE_UNSPECIFIED"
        """The automation of a session that asks for none."""
        self.patch = ""
        """What a session that completes has changed."""
        self.resumes = True
        """Whether a message sets a session to work that has stopped, a moment later."""
        self.fresh_404 = 0
        """How many looks at a new session find nothing."""
        self.page_size: int | None = None
        """Answers no more than this at a time."""
        self.hook: Callable[[str, str, str], None] = lambda _method, _path, _phase: None
        """Called for each request before it has taken effect, and after."""
        self.requests: list[tuple[str, str, Any]] = []
        self.sessions: dict[str, dict[str, Any]] = {}
        self.activities: dict[str, list[dict[str, Any]]] = {}
        self.messages: list[tuple[str, str]] = []
        self.sources = [_source("acme", "widget", "main")]
        self._left: dict[str, list[str]] = {}
        self._unseen: dict[str, int] = {}
        self._rules: list[_Rule] = []
        self._numbers = itertools.count(11_111_111_111_111_111_111)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.jules = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Without the version, as DX_JULES_URL has it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fail(self, method: str, path: str, fault: Fault, times: int = 1) -> None:
        """Let the next requests whose path ends so go wrong."""
        self._rules.append(_Rule(method, path, fault, times))

    def count(self, method: str, path: str) -> int:
        """How many requests there were whose path ends so."""
        return sum(1 for m, p, _ in self.requests if m == method and p.endswith(path))

    def fault_for(self, method: str, path: str) -> Fault | None:
        """The fault of this request; each is used up."""
        with self._lock:
            for rule in self._rules:
                if rule.method == method and path.endswith(rule.path) and rule.times > 0:
                    rule.times -= 1
                    return rule.fault
        return None

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, bytes]:  # noqa: ANN401 - JSON
        """What the API says, and what it does."""
        with self._lock:
            parts = path.split("/")
            if parts[0] == "sources" and method == "GET":
                return self._source(path, query)
            if path == "sessions":
                return self._create(body) if method == "POST" else self._listed(query)
            name, _, verb = parts[1].partition(":") if len(parts) > 1 else ("", "", "")
            if parts[0] != "sessions" or name not in self.sessions or self._hidden(name):
                return _not_found()
            if method != "GET":
                return self._act(name, verb or method, body)
            if len(parts) > 2:
                return _page("activities", self.activities[name], query, self.page_size)
            self._step(name)
            return 200, json.dumps(self.sessions[name]).encode()

    def _hidden(self, name: str) -> bool:
        left = self._unseen.get(name, 0)
        self._unseen[name] = max(left - 1, 0)
        return left > 0

    def _source(self, path: str, query: dict[str, str]) -> tuple[int, bytes]:
        if path == "sources":
            return _page("sources", self.sources, query, self.page_size)
        for source in self.sources:
            if str(source["name"]).lower() == path.lower():
                return 200, json.dumps(source).encode()
        return _not_found()

    def _listed(self, query: dict[str, str]) -> tuple[int, bytes]:
        shown = [each for each in self.sessions.values() if not each.get("archived")]
        return _page("sessions", shown[::-1], query, self.page_size)

    def _create(self, body: Any) -> tuple[int, bytes]:  # noqa: ANN401 - JSON
        if not body.get("prompt"):
            return 400, status_body(400, "INVALID_ARGUMENT", "prompt is required")
        mode = body.get("automationMode", self.mode)
        if mode not in {"AUTO_CREATE_PR", "AUTOMATION_MODE_UNSPECIFIED"}:
            detail = {"field": "session.automation_mode", "description": f"Invalid value: {mode}"}
            return 400, status_body(
                400, "INVALID_ARGUMENT", "Request contains an invalid argument.",
                fieldViolations=[detail], **{"@type": "type.googleapis.com/google.rpc.BadRequest"},
            )  # fmt: skip
        name = str(next(self._numbers))
        session = {
            "name": f"sessions/{name}", "id": name, "prompt": body["prompt"],
            "title": body.get("title") or "A title", "sourceContext": body.get("sourceContext", {}),
            "state": "QUEUED", "url": f"https://jules.google.com/session/{name}",
            "createTime": _now(), "updateTime": _now(), "automationMode": mode,
        }  # fmt: skip
        self.sessions[name], self.activities[name] = session, []
        waiting = ["PLANNING", "AWAITING_PLAN_APPROVAL"]
        states = waiting if body.get("requirePlanApproval") else self.states
        self._left[name], self._unseen[name] = list(states), self.fresh_404
        return 200, json.dumps(session).encode()

    def _act(self, name: str, verb: str, body: Any) -> tuple[int, bytes]:  # noqa: ANN401 - JSON
        session = self.sessions[name]
        if verb == "DELETE":
            del self.sessions[name]
        elif verb == "sendMessage":
            if set(body) != {"prompt"}:
                text = f'Invalid JSON payload received. Unknown name "{next(iter(body), "")}"'
                return 400, status_body(400, "INVALID_ARGUMENT", text)
            self.messages.append((name, body["prompt"]))
            self._happened(name, userMessaged={"userMessage": body["prompt"]})
            if self.resumes and session["state"] not in {"QUEUED", "PLANNING", "IN_PROGRESS"}:
                self._left[name] = [session["state"], "IN_PROGRESS", "COMPLETED"]
        elif verb == "approvePlan":
            if session["state"] == "AWAITING_PLAN_APPROVAL":
                session["state"] = "IN_PROGRESS"
                self._left[name] = ["IN_PROGRESS", "COMPLETED"]
                self._happened(name, planApproved={"planId": "p1"})
        elif verb == "archive":
            session["archived"] = True
            if session["state"] not in {"COMPLETED", "FAILED"}:
                session["state"], self._left[name] = "PAUSED", ["PAUSED"]
        elif verb == "unarchive":
            session.pop("archived", None)
        else:
            return _not_found()
        session["updateTime"] = _now()
        return 200, b"{}"

    def _step(self, name: str) -> None:
        session, left = self.sessions[name], self._left[name]
        if not left or (state := left.pop(0)) == session["state"]:
            return
        session["state"], session["updateTime"] = state, _now()
        if state == "PLANNING":
            steps = [
                {"id": "s1", "title": "Look around"},
                {"id": "s2", "title": "Mend", "index": 1},
            ]
            self._happened(name, planGenerated={"plan": {"id": "p1", "steps": steps}})
        elif state == "IN_PROGRESS":
            bash = {"command": "make test", "output": "all \x1b[31mgood", "exitCode": 0}
            self._happened(name, progressUpdated={"title": "Mending"},
                           artifacts=[{"bashOutput": bash}])  # fmt: skip
            self._happened(name, somethingNew={"x": 1})
        elif state == "AWAITING_USER_FEEDBACK":
            self._happened(name, agentMessaged={"agentMessage": "Which one?"})
        elif state == "FAILED":
            self._happened(name, sessionFailed={"reason": "the tests can't be run"})
        elif state == "COMPLETED":
            patch = {"unidiffPatch": self.patch, "baseCommitId": "0" * 40}
            change = {"changeSet": {"source": "sources/github/acme/widget", "gitPatch": patch}}
            self._happened(name, sessionCompleted={}, artifacts=[change] if self.patch else [])
            if self.pull_request and session["automationMode"] != "AUTO_CREATE_PR":
                session["outputs"] = [change]
            elif self.pull_request:
                request = {"url": "https://github.com/acme/widget/pull/7", "title": "Mend it"}
                request["description"] = "It is mended."
                session["outputs"] = [change, {"pullRequest": request}]

    def _happened(self, name: str, **what: Any) -> None:  # noqa: ANN401 - JSON
        number = len(self.activities[name]) + 1
        head = {"name": f"sessions/{name}/activities/a{number}", "id": f"a{number}"}
        self.activities[name].append({**head, "createTime": _now(), "originator": "agent", **what})


def _source(owner: str, repo: str, branch: str) -> dict[str, Any]:
    return {
        "name": f"sources/github/{owner}/{repo}",
        "id": f"github/{owner}/{repo}",
        "githubRepo": {"owner": owner, "repo": repo, "defaultBranch": {"displayName": branch}},
    }


def _now() -> str:
    second, rest = divmod(time.time_ns(), 10**9)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)) + f".{rest:09d}Z"


def _not_found() -> tuple[int, bytes]:
    return 404, status_body(404, "NOT_FOUND", "Requested entity was not found.")


def _page(
    key: str, items: list[dict[str, Any]], query: dict[str, str], most: int | None
) -> tuple[int, bytes]:
    """One page; an empty list is left out, and so is the token after the last page."""
    size = min(int(query.get("pageSize", 30)), most or 100)
    start = int(query.get("pageToken") or 0)
    page: dict[str, Any] = {}
    if items[start : start + size]:
        page[key] = items[start : start + size]
    if start + size < len(items):
        page["nextPageToken"] = str(start + size)
    return 200, json.dumps(page).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    jules: JulesServer


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def _serve(self, method: str) -> None:
        jules = self.server.jules
        parts = urlsplit(self.path)
        path = parts.path.removeprefix("/v1alpha/")
        query = {key: value[-1] for key, value in parse_qs(parts.query).items()}
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(raw) if raw else {}
        jules.requests.append((method, path, body))
        jules.hook(method, path, "before")
        fault = jules.fault_for(method, path)
        if fault is not None and not fault.after:
            self._go_wrong(fault)
            return
        status, answer = self._judged(method, path, query, body)
        jules.hook(method, path, "after")
        if fault is not None:
            self._go_wrong(fault)
            return
        self._reply(status, answer, {})
        jules.hook(method, path, "answered")

    def _judged(
        self, method: str, path: str, query: dict[str, str], body: object
    ) -> tuple[int, bytes]:
        jules = self.server.jules
        if self.headers.get("X-Goog-Api-Key") != jules.key:
            return 401, status_body(401, "UNAUTHENTICATED", WRONG_KEY,
                                    reason="CREDENTIALS_MISSING")  # fmt: skip
        return jules.answer(method, path, query, body)

    def _go_wrong(self, fault: Fault) -> None:
        time.sleep(fault.delay)
        if fault.status:
            self._reply(fault.status, fault.body, fault.headers)
        else:
            self.close_connection = True

    def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            kind = {"Content-Type": "application/json; charset=UTF-8"}
            for name, value in {**kind, **headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
