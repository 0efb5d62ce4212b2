"""A GitHub of one repository on loopback, with a switch for failures.

    with GitHubServer() as github:
        github.url, github.token
        github.fail(Fault(status=502))

Its answers have the fields of GitHub's that we read, and no others. ``log`` has every request.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

__all__ = ["GitHubFault", "GitHubServer", "refusal"]

TOKEN = "ghp_LoopbackTokenThatOpensNothing0123"  # noqa: S105 - opens nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubFault:
    """One answer that goes wrong."""

    status: int = 0
    """0 closes the connection without an answer."""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    done: bool = False
    """The request is carried out all the same."""
    method: str = ""
    """Only for requests of this kind."""


def refusal(status: int, message: str, *errors: dict[str, str], **headers: str) -> GitHubFault:
    """A failure as the API says it; in names of headers ``_`` is a hyphen."""
    document: dict[str, object] = {"message": message, "status": str(status)}
    if errors:
        document["errors"] = list(errors)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return GitHubFault(status=status, body=json.dumps(document).encode(), headers=names)


class GitHubServer:
    """A stateful GitHub; use it in a ``with`` block."""

    def __init__(self, repository: str = "acme/api") -> None:
        """Have one repository, without pull requests."""
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.github = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.begin(repository)

    def begin(self, repository: str = "acme/api") -> None:
        """Be as new, under the same address."""
        self.repository, self.token = repository, TOKEN
        self.former: set[str] = set()
        """Names that it had before."""
        self.pulls: list[dict[str, Any]] = []
        self.reviewers: list[str] = []
        self.labels: list[str] = []
        self.log: list[tuple[str, str, dict[str, Any]]] = []
        self.authorizations: set[str] = set()
        self.at_create: threading.Event | None = None
        """Waited for by a create, before anything is done."""
        self.create_seen = threading.Event()
        self._faults: list[GitHubFault] = []

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Stop."""
        if self.at_create is not None:
            self.at_create.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """As GITHUB_API_URL has it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/api/v3"

    @property
    def _owner(self) -> str:
        return self.repository.partition("/")[0]

    @property
    def creates(self) -> int:
        """How many creates came in."""
        return sum(method == "POST" and path.endswith("/pulls") for method, path, _ in self.log)

    def fail(self, *faults: GitHubFault) -> None:
        """Let the next requests go wrong."""
        self._faults += faults

    def next_fault(self, method: str) -> GitHubFault | None:
        """The fault of this request; each is used up."""
        with self._lock:
            for fault in self._faults:
                if fault.method in {"", method}:
                    self._faults.remove(fault)
                    return fault
        return None

    def add(self, branch: str, base: str = "main", **changes: object) -> dict[str, Any]:
        """A pull request that there is already."""
        number = len(self.pulls) + 1
        owner, name = self.repository.split("/")
        fork, _, branch = branch.rpartition(":")
        owner = fork or owner
        pull = {
            "number": number, "state": "open", "merged_at": None,
            "html_url": f"https://github.com/{self.repository}/pull/{number}",
            "head": {"ref": branch, "sha": "0" * 40, "label": f"{owner}:{branch}",
                     "repo": {"full_name": f"{owner}/{name}"}},
            "base": {"ref": base}, **changes,
        }  # fmt: skip
        self.pulls.append(pull)
        return pull

    def answer(
        self, method: str, address: str, body: dict[str, Any]
    ) -> tuple[int, object, dict[str, str]]:
        """What GitHub says, and what it does."""
        parts = urlsplit(address)
        path, query = parts.path.removeprefix("/api/v3/"), dict(parse_qsl(parts.query))
        for name in self.former:
            if path.startswith(f"repos/{name}"):
                place = f"{self.url}/repositories/7{path.removeprefix(f'repos/{name}')}"
                return 301, {"message": "Moved Permanently"}, {"Location": place}
        home = f"repos/{self.repository}"
        if path in {home, "repositories/7"}:
            return 200, {"full_name": self.repository}, {}
        if path == f"{home}/pulls" and method == "GET":
            return 200, [each for each in self.pulls if _wanted(each, query)], {}
        if path == f"{home}/pulls":
            return self._create(body)
        return self._add(path, body)

    def _add(self, path: str, body: dict[str, Any]) -> tuple[int, object, dict[str, str]]:
        if path.endswith("/labels"):
            self.labels += body["labels"]
            return 200, [{"name": name} for name in self.labels], {}
        if path.endswith("/requested_reviewers"):
            self.reviewers += body["reviewers"] + [f"team:{n}" for n in body["team_reviewers"]]
            return 201, {}, {}
        return 404, {"message": "Not Found"}, {}

    def _create(self, body: dict[str, Any]) -> tuple[int, object, dict[str, str]]:
        with self._lock:
            for each in self.pulls:
                label = body["head"] if ":" in body["head"] else f"{self._owner}:{body['head']}"
                there = each["head"]["label"] == label and each["base"]["ref"] == body["base"]
                home = (each["head"]["repo"] or {}).get("full_name", "").partition("/")[0]
                ours = home.lower() == label.partition(":")[0].lower()
                if there and ours and each["state"] == "open":
                    text = f"A pull request already exists for {label}."
                    error = {"resource": "PullRequest", "code": "custom", "message": text}
                    return 422, {"message": "Validation Failed", "errors": [error]}, {}
            fields = {key: body[key] for key in ("title", "body", "draft")}
            return 201, self.add(body["head"], body["base"], **fields), {}


def _wanted(pull: dict[str, Any], query: dict[str, str]) -> bool:
    return query.get("head") in {None, pull["head"]["label"]} and (
        query.get("state") == "all" or pull["state"] == "open"
    )


class _Server(ThreadingHTTPServer):
    github: GitHubServer
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer a read."""
        self._answer({})

    def do_POST(self) -> None:
        """Answer a write."""
        length = int(self.headers.get("Content-Length") or 0)
        self._answer(json.loads(self.rfile.read(length)))

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def _answer(self, body: dict[str, Any]) -> None:
        github = self.server.github
        github.log.append((self.command, self.path, body))
        github.authorizations.add(self.headers.get("Authorization", ""))
        fault = github.next_fault(self.command)
        if self.command == "POST" and self.path.endswith("/pulls"):
            github.create_seen.set()
            if github.at_create is not None:
                github.at_create.wait()
        if fault is not None:
            if fault.done:
                github.answer(self.command, self.path, body)
            if fault.status:
                self._send(fault.status, fault.body, fault.headers)
            return
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if kind not in {"Bearer", "token"} or token != github.token:
            self._send(401, b'{"message":"Bad credentials","status":"401"}', {})
            return
        status, document, headers = github.answer(self.command, self.path, body)
        self._send(status, json.dumps(document).encode(), headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            pass  # the client was killed
