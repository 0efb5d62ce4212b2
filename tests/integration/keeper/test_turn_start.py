"""What a turn of an agent session asks for at its start."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import (
    KeeperError,
    ProgramMissingError,
)

from tests.integration.keeper.machine import wait_until
from tests.integration.keeper.trees import Tree

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine

META = '#dx {"agent":"a b","task":"it\\u00e9"}'
BODY = "i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i + 1)); done; printf 'a\\377'"
WRITTEN = b"".join(b"%d\n" % number for number in range(3000)) + b"a\xff"
FIRST, SECOND = "First1", "Second2"
TURN = f"{META}\ncd ~/state/dxansible/sessions/$DX_SESSION; echo secret | tee prompt >verify\n"


def test_every_reply_has_the_token_of_the_start_that_won(machine: Machine) -> None:
    assert machine.poll("s.1").token is None
    first = machine.start("s.1", "sleep 60", token=FIRST)
    second = machine.start("s.1", "sleep 60", token=SECOND)
    assert [first.token, second.token, machine.poll("s.1").token] == [FIRST] * 3
    assert machine.abort("s.1").token == FIRST
    assert machine.abort("never").token is None


def test_a_token_is_one_word(dash: Machine) -> None:
    with pytest.raises(KeeperError, match="bad token"):
        dash.start("s.1", "touch ran", token=f"{FIRST} {SECOND}")
    (dash.session("s.2")).mkdir(parents=True)
    (dash.session("s.2") / "token").write_bytes(bytes(range(256)))
    assert dash.poll("s.2").token is None
    assert not (dash.home / "ran").exists()


def test_the_first_line_and_the_end_of_the_output_outlive_the_text(machine: Machine) -> None:
    machine.start("s.1", TURN + BODY, meta="yes", limit=8192)
    assert machine.wait_for_end("s.1").out_total == len(WRITTEN)
    session = machine.session("s.1")
    assert (session / "meta").read_text() == META + "\n"
    assert (session / "last").read_bytes() == WRITTEN[-4096:]
    assert not [name for name in ("command", "prompt", "verify") if (session / name).exists()]


def test_without_meta_nothing_of_it_is_kept(dash: Machine) -> None:
    dash.run("s", META + "\necho hi")
    assert not (dash.session("s") / "meta").exists()
    assert not (dash.session("s") / "last").exists()


def test_an_abort_of_a_lost_turn_forgets_its_texts(dash: Machine) -> None:
    dash.start("s.1", TURN + "echo up; sleep 60", meta="yes", wait=9)
    session = dash.session("s.1")
    wait_until((session / "prompt").exists)
    (session / "supervisor").write_text("1 1 1\n")
    assert dash.abort("s.1").state == "lost"
    assert not [name for name in ("command", "prompt", "verify") if (session / name).exists()]
    assert (session / "last").read_bytes() == b"up\n"


def test_it_knows_when_it_began_and_ended(machine: Machine) -> None:
    before = int(time.time())
    machine.run("s.1", "sleep 1.1")
    session = machine.session("s.1")
    began = int((session / "began").read_text())
    ended = int((session / "end").read_text().rpartition(" at=")[2])
    assert before <= began < ended <= time.time()


@pytest.mark.parametrize("need", ["nowhere", "list", "~/bin/nowhere", "if", "a b;touch ran"])
def test_nothing_is_started_where_its_program_is_missing(machine: Machine, need: str) -> None:
    with pytest.raises(ProgramMissingError) as error:
        machine.start("s.1", "touch ran", need=need, path="~/bin:/opt/x y")
    assert error.value.path.startswith(f"{machine.home}/bin:/opt/x y:/")
    assert machine.poll("s.1").state == "unknown"
    assert not (machine.home / "ran").exists()
    assert not machine.state.exists()


def test_a_program_is_found_where_the_command_would_find_it(machine: Machine) -> None:
    program = machine.home / "bin" / "tool"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho ours\n")
    for number, need in enumerate(("tool", "~/bin/tool", "bin/tool", str(program))):
        with pytest.raises(ProgramMissingError):
            machine.start(f"s.{number}", "tool", need=need, path="~/bin")
    program.chmod(0o755)
    for number, need in enumerate(("tool", "~/bin/tool", "bin/tool", str(program))):
        assert machine.run(f"s.{number}", "tool", need=need, path="~/bin").out == b"ours\n"
    program.unlink()
    assert machine.start("s.0", "tool", need="tool", path="~/bin").state == "exited"


def test_silence_ends_a_turn_and_all_that_it_started(any_machine: Machine) -> None:
    tree = Tree("sh -c 'trap \"\" TERM; while :; do SLEEP; done' & setsid SLEEP &")
    reply = any_machine.run("s.1", tree.command, idle=1, grace=0, deadline=60)
    assert (reply.state, reply.code, reply.verified) == ("idle", None, True)
    assert not tree.alive()
    wait_until(lambda: not any_machine.processes())


def test_output_on_either_stream_is_no_silence(machine: Machine) -> None:
    loop = "for i in 1 2 3 4; do sleep 0.7; echo 12345678901234567890 {}; done"
    command = f"({loop.format('>&2')}) & {loop.format('')}; wait; exit 3"
    machine.start("s.1", command, idle="1.5", limit=16)
    reply = machine.wait_for_end("s.1")
    assert (reply.state, reply.code) == ("exited", 3)


def test_going_round_in_circles_is_no_progress(any_machine: Machine) -> None:
    command = "for i in 1 2 3; do echo step done; sleep 0.6; done; while :; do echo again; done"
    options = {"idle": 2, "progress": '"x"|(do|fi)ne$', "limit": 100_000}
    any_machine.start("s.1", command, **options)
    reply = any_machine.wait_for_end("s.1")
    assert (reply.state, reply.verified) == ("idle", True)


def test_progress_is_seen_wherever_the_output_is_cut(machine: Machine) -> None:
    step = "echo one; head -c 9000 /dev/zero; echo; sleep 0.3"
    command = f"i=0; while [ $i -lt 10 ]; do {step}; i=$((i+1)); done; exit 3"
    machine.start("s.1", command, idle=2, progress="^one$", limit=32768)
    reply = machine.wait_for_end("s.1")
    assert (reply.state, reply.code) == ("exited", 3)


def test_an_exit_leaves_no_watcher(machine: Machine) -> None:
    for number in range(5):
        reply = machine.run(f"s.{number}", "echo hi", idle=77, deadline=88)
        assert (reply.state, reply.out) == ("exited", b"hi\n")
    wait_until(lambda: not machine.processes())


def test_no_watcher_outlives_a_killed_supervisor(dash: Machine) -> None:
    tree = Tree("")
    tree.start(dash, "s.1", idle=60)
    pid = int((dash.session("s.1") / "supervisor").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    for left in tree.alive():
        os.kill(left, signal.SIGKILL)
    wait_until(lambda: not dash.processes())
