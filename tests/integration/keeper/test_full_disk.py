"""On a full disk every session ends, gives what it has, and says what is missing."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import KeeperError

from tests.integration.small_disk import fill, small_disk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.keeper.machine import Machine

pytestmark = pytest.mark.directed

SIZE = 300_000
ENOUGH = 20
"""More calls than any of these sessions needs."""


def _use_all_inodes(disk: Path) -> None:
    with suppress(OSError):
        for number in range(10_000):
            (disk / f"file{number}").touch()


@pytest.mark.parametrize("fill_up", [fill, _use_all_inodes])
@pytest.mark.parametrize("chunk", [70_000, 10 * SIZE])
def test_an_ended_session_gives_all_its_output(
    machine: Machine, fill_up: Callable[[Path], None], chunk: int
) -> None:
    machine.state.mkdir(parents=True)
    with small_disk(machine.state, "size=2m,nr_inodes=200"):
        number = "awk 'BEGIN { while (i < 50000) printf \"%05d\\n\", i++ }'"
        machine.start("s", f"{number}; {number} >&2", limit=SIZE, chunk=0, wait=20)
        assert machine.wait_for_end("s").out_total == SIZE
        fill_up(machine.state)
        whole = b"".join(b"%05d\n" % each for each in range(50_000))
        kept = {"out": bytearray(SIZE), "err": bytearray(SIZE)}
        reply = machine.poll("s", chunk=0)
        for _ in range(ENOUGH):
            reply = machine.poll("s", out=reply.out_upto, err=reply.err_upto, chunk=chunk)
            kept["out"][reply.out_from : reply.out_upto] = reply.out
            kept["err"][reply.err_from : reply.err_upto] = reply.err
            if reply.complete:
                break
        assert reply.complete
        assert not reply.full
        for stream in kept.values():
            assert bytes(stream[:100_000]) == whole[:100_000]
            assert bytes(stream[-100_000:]) == whole[-100_000:]


def test_output_that_is_not_there_any_more_is_missing_and_not_waited_for(machine: Machine) -> None:
    size = machine.run("s", "seq 50000").out_total
    for file in (*machine.session("s").glob("out.0*"), machine.session("s") / "out.eof"):
        file.unlink()
    reply = machine.poll("s", out=10)
    assert (reply.out_from, reply.out, reply.complete) == (size, b"", True)


def _dead_claim(machine: Machine, name: str) -> Path:
    session = machine.session(name)
    session.mkdir(parents=True)
    (session / "command").write_text("touch ran\n")
    (session / "claim").write_text("1 1 1\n")
    return session


def test_the_claim_of_a_dead_start_is_settled_from_the_reserve(machine: Machine) -> None:
    machine.state.mkdir(parents=True)
    with small_disk(machine.state, "size=1m"):
        session = _dead_claim(machine, "s")
        (session / "reserve").write_bytes(bytes(65536))
        fill(machine.state)
        assert machine.poll("s", wait=1).state == "unstarted"
        assert machine.start("s", "touch ran", wait=1).state == "unstarted"


@pytest.mark.parametrize("verb", ["poll", "abort"])
def test_a_claim_that_nothing_can_settle_is_said_to_be_so(machine: Machine, verb: str) -> None:
    machine.state.mkdir(parents=True)
    with small_disk(machine.state, "size=1m"):
        _dead_claim(machine, "s")
        fill(machine.state)
        with pytest.raises(KeeperError, match="is the disk full"):
            machine.abort("s", wait=1) if verb == "abort" else machine.poll("s", wait=1)
        (machine.state / "filler").unlink()
        assert machine.poll("s").state == "unstarted"
