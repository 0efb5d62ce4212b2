"""A short plain text or output is read by the shell itself, and stays the same to the byte."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import KeeperError

from tests.integration.keeper.machine import wait_until

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine

PRINTABLE = "".join(map(chr, range(32, 127)))
TEXTS = {
    "everything": f"cat <<'END'\n{PRINTABLE}\n\t\\n\\\n  spaces  \n\nEND\n\n",
    "no newline": "echo a\\\n  b",
    "newlines": "\n\necho $LINENO; echo ${text-unset}${line-unset}$#\n\n\n",
}
OUTPUTS = [
    b"",
    b"\n",
    b"\n\n",
    b" a ",
    b"\\n%s\\",
    b"\0",
    b"a\0b\n",
    b"\x01\x7f\x81\x88",
    b"\xc3\xa9\n",
    b"\xff",
]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_plain_text_arrives_as_it_is(machine: Machine, text: str) -> None:
    plain = machine.run("s", text, plain="yes")
    assert plain.code == 0
    assert plain.out == machine.run("t", text).out
    assert plain.out


def test_a_plain_text_that_is_not_whole_never_runs(machine: Machine) -> None:
    for length in (3, 5):
        with pytest.raises(KeeperError, match="did not arrive whole"):
            machine.start("s", "true", plain="yes", length=length)
    assert machine.poll("s").state == "unknown"


@pytest.mark.parametrize("variable", ["C", "C.UTF-8"])
def test_short_outputs_come_back_to_the_byte(machine: Machine, variable: str) -> None:
    machine.variables["LC_ALL"] = variable
    for number, data in enumerate(OUTPUTS):
        (machine.home / "data").write_bytes(data)
        reply = machine.run(f"s{number}", "cat data; cat data >&2", deadline=60)
        assert (reply.out, reply.err) == (data, data)


def test_a_start_is_answered_when_the_supervisor_and_its_clock_are_killed(
    machine: Machine,
) -> None:
    call = machine.begin("s", "sleep 60", deadline=60, wait=50)
    wait_until((machine.session("s") / "leader").exists)
    supervisor = int((machine.session("s") / "supervisor").read_text().split()[0])
    os.kill(supervisor, signal.SIGKILL)
    assert call.reply().state == "lost"
    machine.abort("s")


def test_a_supervisor_file_that_is_being_written_means_starting_or_lost(machine: Machine) -> None:
    call = machine.begin("s", "while [ ! -e go ]; do sleep 0.05; done", deadline=60, wait=0)
    call.reply()
    wait_until((machine.session("s") / "leader").exists)
    record = machine.session("s") / "supervisor"
    text = record.read_text()
    record.write_text("")
    assert machine.poll("s").state == "starting"
    record.write_text(text)
    (machine.home / "go").touch()
    assert machine.follow("s").code == 0
