"""Damaged state is never read as a running session, and harms no other."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import read_listing

from tests.integration.keeper.trees import Tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.keeper.machine import Machine

GARBAGE = {
    "empty": b"",
    "text": b"what is this\n",
    "binary": bytes(range(256)),
    "no-newline": b"1 2 3",
    "other-pid": b"1 1 1\n",
    "words": b"state=running code=; $(touch pwned) * ../.. \\\n",
}


def _damage(path: Path, garbage: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(garbage)


def test_an_ended_session_is_lost_when_its_end_is_garbage(machine: Machine) -> None:
    machine.run("s", "echo hi")
    for garbage in GARBAGE.values():
        _damage(machine.session("s") / "end", garbage)
        reply = machine.wait_for_end("s")
        assert (reply.state, reply.out) == ("lost", b"hi\n")


@pytest.mark.parametrize("file", ["supervisor", "leader", "claim"])
def test_no_garbage_makes_an_ended_session_run(machine: Machine, file: str) -> None:
    machine.run("s", "exit 3")
    end = machine.session("s") / "end"
    record = end.read_bytes()
    for garbage in GARBAGE.values():
        _damage(machine.session("s") / file, garbage)
        assert machine.poll("s").code == 3
        end.unlink()
        assert machine.wait_for_end("s").state == "lost"
        end.write_bytes(record)
    assert not (machine.home / "pwned").exists()


def test_a_claim_that_makes_no_sense_never_starts(machine: Machine) -> None:
    for kind, garbage in GARBAGE.items():
        machine.session(kind).mkdir(parents=True)
        (machine.session(kind) / "command").write_text("touch pwned\n")
        _damage(machine.session(kind) / "claim", garbage)
        assert machine.poll(kind).state == "unstarted"
        assert machine.start(kind, "touch pwned", wait=1).state == "unstarted"
    assert not (machine.home / "pwned").exists()


@pytest.mark.parametrize("kind", ["empty", "binary", "other-pid"])
def test_an_abort_ends_what_runs_under_damaged_records(machine: Machine, kind: str) -> None:
    tree = Tree("SLEEP & setsid SLEEP &")
    tree.start(machine, "s")
    for file in ("supervisor", "leader", "claim"):
        _damage(machine.session("s") / file, GARBAGE[kind])
    assert machine.poll("s").state == "lost"
    assert machine.abort("s").state == "lost"
    assert not tree.alive()


def test_other_sessions_and_the_list_go_on(machine: Machine) -> None:
    machine.run("good", "echo hi; exit 3")
    machine.run("bad", "echo hi")
    for file in ("end", "supervisor", "leader", "claim"):
        _damage(machine.session("bad") / file, GARBAGE["binary"])
    machine.wait_for_end("bad")
    (machine.state / "sessions" / "stray file").write_bytes(b"x")
    assert machine.poll("good").code == 3
    assert machine.run("new", "exit 5").code == 5
    listed = {entry.name: entry for entry in read_listing(machine.answer("list")).sessions}
    bad, good = (listed[f"{machine.prefix}{name}"] for name in ("bad", "good"))
    assert (bad.state, bad.code, bad.out_total) == ("lost", None, 3)
    assert (good.state, good.code, good.out_total) == ("exited", 3, 3)


def test_nothing_but_replies_is_printed(machine: Machine) -> None:
    machine.run("s", "exit 3")
    for file in ("end", "supervisor", "leader", "claim"):
        _damage(machine.session("s") / file, GARBAGE["binary"])
    machine.wait_for_end("s")
    printed = machine.ask("poll", id="s")
    assert printed.startswith(b"\ndx-mark state=lost ")
    assert printed.endswith(b"\n\ndx-mark end\n")


def test_a_vanished_state_directory_is_unknown_and_the_job_still_ends(machine: Machine) -> None:
    tree = Tree("")
    tree.start(machine, "s", deadline=2)
    shutil.rmtree(machine.session("s"))
    assert machine.poll("s").state == "unknown"
    while tree.alive():
        assert machine.poll("s").state == "unknown"
