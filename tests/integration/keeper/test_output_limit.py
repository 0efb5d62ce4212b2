"""Any volume of output takes bounded space, and what is cut is counted."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.integration.keeper.machine import wait_until
from tests.integration.small_disk import fill, small_disk

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine

LINE = 100
LINES = 524_288
TOTAL = LINE * LINES
"""50 MB."""
LIMIT = 1 << 20
SEGMENT = LIMIT // 8
NUMBERS = f"awk 'BEGIN {{ for (i = 0; i < {LINES}; i++) printf \"%0{LINE - 1}d\\n\", i }}'"


def _kept(machine: Machine, name: str) -> int:
    kept = 0
    for path in machine.session(name).glob("out.0*"):
        with suppress(FileNotFoundError):
            kept += path.stat().st_size
    return kept


def _lines(first: int, last: int) -> bytes:
    return b"".join(b"%0*d\n" % (LINE - 1, number) for number in range(first, last))


def test_head_and_tail_are_kept_and_the_gap_is_counted(machine: Machine) -> None:
    machine.start("s", NUMBERS, limit=LIMIT, chunk=0)
    reply = machine.wait_for_end("s")
    assert (reply.state, reply.out_total) == ("exited", TOTAL)
    pieces, offset = [], 0
    while offset < TOTAL:
        piece = machine.poll("s", out=offset)
        pieces.append((piece.out_from, piece.out))
        offset = piece.out_from + len(piece.out)
    whole = bytearray(TOTAL)
    for begin, data in pieces:
        whole[begin : begin + len(data)] = data
    assert whole.startswith(_lines(0, LIMIT // 2 // LINE - 1))
    assert whole.endswith(_lines(LINES - LIMIT // 2 // LINE + 1, LINES))
    assert sum(len(data) for _, data in pieces) == _kept(machine, "s")


def test_the_space_is_bounded_all_the_time(dash: Machine) -> None:
    call = dash.begin("s", NUMBERS, limit=LIMIT, wait=60, chunk=0, out=TOTAL)
    seen = [0]

    def ended() -> bool:
        seen.append(_kept(dash, "s"))
        return (dash.session("s") / "end").exists()

    wait_until(ended)
    assert max(seen) < 2 * LIMIT + SEGMENT
    assert call.reply().out_total == TOTAL


@pytest.mark.parametrize("limit", [9_999, 700_000])
def test_of_a_small_limit_hardly_more_is_kept_in_the_end(machine: Machine, limit: int) -> None:
    size = 3_000_000
    machine.start("s", f"seq 1000000 | head -c {size}", limit=limit, chunk=0)
    reply = machine.wait_for_end("s")
    kept = _kept(machine, "s")
    assert limit - 1 <= kept <= limit * 1.2, "whole segments before the gap"
    assert (reply.out_total, reply.out_cut) == (size, size - kept)
    whole = b"".join(b"%d\n" % number for number in range(1, 500_000))[:size]
    head = machine.poll("s", chunk=size)
    tail = machine.poll("s", out=len(head.out), chunk=size)
    assert (head.out_from, head.out) == (0, whole[: kept - limit // 2])
    assert (tail.out_from, tail.out) == (size - limit // 2, whole[-(limit // 2) :])


def test_a_follower_that_keeps_up_gets_every_byte(dash: Machine) -> None:
    wait_for_him = "while [ ! -e got$i ]; do sleep 0.02; done"
    piece = f"head -c 10000 /dev/zero; {wait_for_him}"
    command = f"i=0; while [ $i -lt 40 ]; do {piece}; i=$((i+1)); done"
    reply = dash.start("s", command, limit=65536, wait=3)
    offset = 0
    while True:
        assert reply.out_from == offset
        offset += len(reply.out)
        if reply.complete:
            break
        (dash.home / f"got{offset // 10000 - 1}").touch()
        reply = dash.poll("s", out=offset, wait=3)
    assert offset == 400_000


def test_a_full_disk_is_said_and_does_not_block_the_command(machine: Machine) -> None:
    machine.state.mkdir(parents=True)
    with small_disk(machine.state, "size=1m"):
        machine.start("s", "yes | head -c 3000000; exit 3", chunk=0)
        reply = machine.wait_for_end("s")
    assert (reply.state, reply.code, reply.full) == ("exited", 3, True)


def test_what_a_full_disk_has_no_room_to_answer_with_is_not_called_lost(machine: Machine) -> None:
    size = 300_000
    machine.run("first", "true")
    with small_disk(machine.state, "size=1m"):
        wait = 'while [ ! -e "$HOME/go" ]; do sleep 0.05; done'
        machine.start("s", f"head -c {size} /dev/zero; {wait}", limit=4 * size, chunk=0)
        wait_until(lambda: machine.poll("s", chunk=0).out_total == size)
        fill(machine.state)
        offset = 0
        while offset < size:
            reply = machine.poll("s", out=offset, chunk=size)
            assert reply.out_from == offset
            offset += len(reply.out)
        (machine.home / "go").touch()
        assert not machine.wait_for_end("s").full, "nothing is missing"
