"""The bytes that a command writes are the bytes that a follower gets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.keeper.machine import PATIENCE

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine

OUTPUTS = {
    "nothing": b"",
    "no-newline-at-the-end": b"a\nb",
    "only-newlines": b"\n\n\n",
    "every-byte": bytes(range(256)) * 3,
    "not-utf-8": b"\xff\xfe\x80caf\xe9\n",
    "nul": b"\0a\0\0b\n\0",
    "cr-and-ansi": b"10%\r20%\r\n\x1b[31mred\x1b[0m\x07\n",
    "like-a-reply": b"\ndx-mark state=exited code=0\n\ndx-mark end\n",
    "a-megabyte-in-one-line": bytes(range(1, 9)) * (1 << 17),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_both_streams_arrive_byte_for_byte_and_apart(machine: Machine, kind: str) -> None:
    data = OUTPUTS[kind]
    (machine.home / "data").write_bytes(data)
    command = "cat data; tr '\\000-\\377' '\\001-\\377\\000' <data >&2; exit 9"
    out, err, code = _in_pieces(machine, command, 100_000)
    assert code == 9
    assert out == data
    assert err == bytes((byte + 1) % 256 for byte in data)


def test_pieces_of_one_byte_make_the_whole(dash: Machine) -> None:
    out, err, _ = _in_pieces(dash, "printf 'a\\000b\\n'; printf xyz >&2", 1)
    assert (out, err) == (b"a\0b\n", b"xyz")


def test_a_text_is_run_byte_for_byte_too(machine: Machine) -> None:
    reply = machine.run("s", b"printf '%s' '\xff\xe9 $HOME {{ 7*7 }} `id` %s \\n'")
    assert reply.out == b"\xff\xe9 $HOME {{ 7*7 }} `id` %s \\n"


def test_what_is_written_in_pieces_is_followed_live(machine: Machine) -> None:
    machine.start("s", "for i in 1 2 3; do echo $i; sleep 0.5; done; sleep 30", wait=5)
    heard: list[bytes] = []
    end = time.monotonic() + PATIENCE
    while sum(map(len, heard)) < 6:
        assert time.monotonic() < end
        reply = machine.poll("s", wait=5, out=sum(map(len, heard)))
        assert reply.state == "running"
        heard.append(reply.out)
    assert b"".join(heard) == b"1\n2\n3\n"
    assert len(heard) >= 2


def _in_pieces(machine: Machine, command: str, chunk: int) -> tuple[bytes, bytes, int | None]:
    out, err = bytearray(), bytearray()
    reply = machine.start("s", command, wait=3, chunk=chunk)
    while True:
        assert len(reply.out) <= chunk
        assert len(reply.err) <= chunk
        assert (reply.out_from, reply.err_from) == (len(out), len(err))
        out += reply.out
        err += reply.err
        if reply.complete:
            return bytes(out), bytes(err), reply.code
        reply = machine.poll("s", wait=3, out=len(out), err=len(err), chunk=chunk)
