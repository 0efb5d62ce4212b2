"""Callbacks of others, enabled in the user's ansible.cfg, see our runs: ARA and OpenTelemetry."""

from __future__ import annotations

import os
import sqlite3
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ara.setup import callback_plugins
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.dispatcher import Answer, Dispatcher

_SECRET = "tok_" + "b" * 30
_COMMAND = f"echo hello; : {_SECRET}; exit 3"


def _run(user: Dispatcher, settings: str, **variables: str) -> Answer:
    """Run a command on all machines, where there is such an ansible.cfg."""
    (user.home / "ansible.cfg").write_text(settings)
    answer = user.run("all", "--exec", _COMMAND, "-q", cwd=user.home, env=variables)
    assert (answer.code, answer.out.count(b"hello\n")) == (1, 3), answer.err
    return answer


def test_ara_records_the_run(user: Dispatcher, tmp_path: Path) -> None:
    settings = f"[defaults]\ncallback_plugins = {callback_plugins}\n"
    answer = _run(user, settings, ARA_BASE_DIR=str(tmp_path))
    with sqlite3.connect(f"file:{tmp_path}/ansible.sqlite?mode=ro", uri=True) as database:
        playbooks = database.execute("select path, status from playbooks").fetchall()
        tasks = database.execute("select name, action from tasks").fetchall()
        contents = database.execute("select content from results").fetchall()
        dump = "".join(database.iterdump()).encode()
    database.close()
    results = b"".join(zlib.decompress(each) for (each,) in contents)

    ((path, status),) = playbooks
    assert (Path(path).name, status) == ("run-command.yml", "completed")
    assert ("Run the command", "dxansible.fleet.fan_out") in [
        (name.rpartition(" : ")[2], action) for name, action in tasks
    ]
    assert b"exit code 3" in results
    assert _SECRET.encode() not in dump + results
    assert b"ara" not in answer.err


class _Collector(ThreadingHTTPServer):
    """Receives traces over OTLP/HTTP."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Receiver)


class _Receiver(BaseHTTPRequestHandler):
    server: _Collector

    def do_POST(self) -> None:
        self.server.requests.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[_Collector]:
    """A collector of traces on loopback."""
    with _Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def community() -> Path:
    """The directory that has community.general."""
    given = os.environ.get("DX_TEST_COMMUNITY")
    if given is None or not (Path(given) / "ansible_collections/community/general").is_dir():
        pytest.skip("community.general is not here; make test fetches it")
    return Path(given)


def test_opentelemetry_traces_the_run(
    user: Dispatcher, community: Path, collector: _Collector
) -> None:
    settings = (
        "[defaults]\ncallbacks_enabled = community.general.opentelemetry\n"
        f"collections_path = {community}\n"
    )
    answer = _run(
        user,
        settings,
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}",
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="http/protobuf",
        OTEL_SERVICE_NAME="dispatches",
    )
    messages = [ExportTraceServiceRequest.FromString(each) for each in collector.requests]
    resources = [each for message in messages for each in message.resource_spans]
    spans = [span for each in resources for scope in each.scope_spans for span in scope.spans]

    assert {"run-command.yml", "Run the command"} <= {span.name for span in spans}
    assert len({span.trace_id for span in spans}) == 1
    assert b"dispatches" in collector.requests[0]
    assert not any(_SECRET.encode() in each for each in collector.requests)
    assert b"opentelemetry" not in answer.err
