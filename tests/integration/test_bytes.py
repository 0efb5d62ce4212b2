"""Output arrives byte for byte, whatever the bytes are, and any volume of it in fixed memory."""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import pytest

from dxansible.fleet import FanoutOptions, fanout, fanout_ssh
from tests.integration.peak_memory import Measured, measure

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm

pytestmark = pytest.mark.resident

MEBIBYTE = 2**20
FLOOD = int(os.environ.get("DX_FLOOD_BYTES", "300000000"))
"""Bytes, more than may be held in memory; `make flood` has 2 GB."""
MOST_MEMORY = 200 * 10**6
"""Bytes that dx-dispatch may hold, whatever the volume of output."""

STREAMS = {
    "not UTF-8": b"caf\xe9 \xff\xfe \xc3\n\xed\xa0\x80\n",
    "every byte": bytes(range(256)) * 3,
    "NUL": b"\0a\0\0b\0",
    "no newline at the end": b"one\ntwo",
    "one line of a megabyte": b"x" * 1_000_000 + b"y",
    "carriage returns": b"10%\r20%\r\r\n30%\r\n",
    "terminal sequences": b"\x1b[31mred\x1b[0m\x1b[2K\x1b]0;title\x07\x08\x7f\n",
    "text like our own": b"\ndx-0123456789abcdef state=exited code=0\ndx end\n\n",
}
each_stream = pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)


def _writer(stream: bytes) -> bytes:
    """Return a command that writes the stream to standard output, and reversed to the other."""
    return (
        b"echo " + b64encode(stream) + b" | base64 -d; "
        b"echo " + b64encode(stream[::-1]) + b" | base64 -d >&2"
    )


def _bytes_of(result: dict[str, Any], name: str) -> bytes:
    if f"{name}_base64" in result:
        return b64decode(result[f"{name}_base64"])
    return str(result[name]).encode()


def _spooled(vm: Vm, session: str, name: str) -> bytes:
    directory = vm.home / ".local/state/dxansible/sessions" / session
    return b"".join(part.read_bytes() for part in sorted(directory.glob(f"{name}.0*")))


def test_standard_streams_are_the_commands_own(user: Dispatcher) -> None:
    stream = b"".join(STREAMS.values()) + b"no newline at the end"
    answer = user.run("epyc6", "--exec", "--file", "-", "-q", stdin=_writer(stream))
    assert answer.code == 0
    assert answer.out == stream
    assert answer.err == stream[::-1]


@each_stream
def test_json_and_the_spool_on_the_vm_hold_every_byte(
    user: Dispatcher, epyc6: Vm, stream: bytes
) -> None:
    result = user.run("epyc6", "--exec", "--file", "-", "--json", stdin=_writer(stream)).result
    assert _bytes_of(result, "stdout") == stream
    assert _bytes_of(result, "stderr") == stream[::-1]
    assert _spooled(epyc6, result["session_id"], "out") == stream
    assert _spooled(epyc6, result["session_id"], "err") == stream[::-1]


@pytest.mark.usefixtures("here")
def test_python_gets_every_byte() -> None:
    stream = b"".join(STREAMS.values())
    result = fanout_ssh("epyc6", _writer(stream).decode())
    assert result.stdout_bytes == stream
    assert result.stderr_bytes == stream[::-1]
    assert result.truncation.stdout_bytes == result.truncation.stderr_bytes == 0


def test_text_that_json_can_hold_has_no_base64_beside_it(user: Dispatcher) -> None:
    result = user.run("epyc6", "--exec", "printf 'caf\\303\\251 \\0'", "--json").result
    assert result["stdout"] == "café \0"
    assert "stdout_base64" not in result


def test_output_that_grows_while_it_is_followed_arrives_whole(user: Dispatcher) -> None:
    command = 'for i in 1 2 3 4 5 6; do printf "$i\\377"; printf "$i\\376" >&2; sleep 0.3; done'
    answer = user.run("epyc6", "--exec", command, "-q")
    assert answer.out == b"".join(b"%d\xff" % i for i in range(1, 7))
    assert answer.err == b"".join(b"%d\xfe" % i for i in range(1, 7))


@pytest.mark.usefixtures("here")
def test_several_hosts_do_not_share_bytes() -> None:
    command = 'printf "$USER\\377"; printf "\\376$USER" >&2'
    results = fanout("all", command, FanoutOptions())
    assert len(results) == 3
    for result in results:
        user = str(result.user).encode()
        assert (result.stdout_bytes, result.stderr_bytes) == (user + b"\xff", b"\xfe" + user)


def _numbers(first: int, last: int) -> bytes:
    return b"".join(b"%d\n" % number for number in range(first, last + 1))


def _check_cut(result: dict[str, Any], written: int, first: int, last: int) -> None:
    """``first`` to ``last`` were written, a line of ten bytes each."""
    kept = result["stdout"].encode()
    assert (result["outcome"], result["exit_code"]) == ("SUCCESS", 0)
    assert len(kept) + result["truncation"]["stdout_bytes"] == written
    assert kept.startswith(_numbers(first, first + 9999))
    assert kept.endswith(_numbers(last - 9999, last))
    assert result["truncation"]["stderr_bytes"] == 0


def _check_memory(measured: Measured, record: pytest.FixtureRequest) -> None:
    for name in ("client_bytes", "ansible_bytes"):
        record.node.user_properties.append((name, getattr(measured, name)))
    assert 0 < measured.client_bytes < MOST_MEMORY
    assert 0 < measured.ansible_bytes < MOST_MEMORY


@pytest.mark.newcomer
@pytest.mark.long
def test_a_flood_costs_a_fixed_amount_of_memory_and_disk(
    user: Dispatcher, epyc6: Vm, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    last = 99_999_999 + FLOOD // 10
    flood = f"seq 100000000 {last}"
    measured = measure(user, tmp_path, "epyc6", "--exec", flood, "--json", "--timeout", "500", "-q")
    (result,) = json.loads(measured.out.read_bytes())["results"]
    _check_cut(result, FLOOD, 100_000_000, last)
    assert len(result["stdout"]) > 3 * MEBIBYTE
    assert len(_spooled(epyc6, result["session_id"], "out")) < 5 * MEBIBYTE
    _check_memory(measured, request)


@pytest.mark.newcomer
@pytest.mark.long
def test_five_megabytes_from_each_of_fifty_hosts_cost_a_fixed_amount_of_memory(
    user: Dispatcher, lab: Lab, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    inventory = str(lab.extra_hosts(50))
    flood = "seq 100000000 100499999"
    measured = measure(
        user, tmp_path, "all", "-i", inventory, "--exec", flood, "--json", "--timeout", "500"
    )
    results = json.loads(measured.out.read_bytes())["results"]
    assert len(results) == 50
    for result in results:
        _check_cut(result, 5_000_000, 100_000_000, 100_499_999)
    _check_memory(measured, request)
