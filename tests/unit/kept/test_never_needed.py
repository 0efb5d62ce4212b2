"""Whatever becomes of an engine, a call works; the log has one line that says why it was slow."""

from __future__ import annotations

import json
import os
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from tests.unit.kept.person import Person, answer, settle
from tests.unit.local_vm import LOCAL, write_inventory
from tests.unit.waiting import runs, wait_until

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = ("here", "--exec", "echo once >>~/ran; echo hi", "-v")


def test_it_can_be_switched_off(person: Person) -> None:
    person.environment["DX_ENGINE"] = "off"
    said = person.run(*COMMAND)

    assert (said.code, said.out, said.reason) == (0, "hi\n", "")
    assert not person.engines.exists()


@pytest.mark.sampled("which")
@pytest.mark.parametrize("which", [0, 1, 2], ids=["engine", "ansible-playbook", "worker"])
def test_a_stopped_one_is_passed_over_and_runs_nothing_later(person: Person, which: int) -> None:
    person.warm()
    pid = person.family()[which]
    os.kill(pid, signal.SIGSTOP)
    said = person.run(*COMMAND, env={"DX_ENGINE_PATIENCE": "0.5"})
    os.kill(pid, signal.SIGCONT)

    assert (said.code, said.out) == (0, "hi\n")
    if which != 1:  # a stopped ansible-playbook lets the worker take calls
        assert said.err.count('engine_unused reason="it does not answer"') == 1
    assert person.run(*COMMAND).reason == ""
    assert (person.home / "ran").read_text() == "once\n" * 2


@pytest.mark.sampled("which")
@pytest.mark.parametrize("which", [0, 1, 2], ids=["engine", "ansible-playbook", "worker"])
def test_a_killed_one_takes_no_call_with_it_and_is_replaced(person: Person, which: int) -> None:
    person.warm()
    text = "echo once >>~/ran; echo begun; touch ~/ready; sleep 3; echo done"
    process = person.dispatch("here", "--exec", text, "--retries", "0", "-v")
    wait_until((person.home / "ready").exists)
    pids = person.family()
    os.kill(pids[which], signal.SIGKILL)
    called = answer(process)
    wait_until(lambda: not any(map(runs, pids)))
    said = person.run(*COMMAND)

    assert (called.code, called.out) == (0, "begun\ndone\n"), called.err
    assert called.err.count("retry host=here") == 1
    assert (said.code, said.out, said.reason) == (0, "hi\n", "")
    assert (person.home / "ran").read_text() == "once\n" * 2
    assert set(pids).isdisjoint(person.family())


@pytest.mark.sampled("which")
@pytest.mark.parametrize("which", [0, 2], ids=["engine", "worker"])
def test_questions_go_on_where_a_killed_one_left_them(person: Person, which: int) -> None:
    agent = person.home / "bin" / "agent"
    agent.parent.mkdir()
    agent.write_text("#!/bin/sh\nmkfifo ~/gate 2>/dev/null && read -r _ <~/gate\necho 1.0\n")
    agent.chmod(0o755)
    agent_record = {"start": ["agent"], "version": ["agent", "--version"]}
    variables = {
        "dx_agent": "mine",
        "dx_agents": {"mine": agent_record},
        "dx_path": [str(agent.parent)],
    }
    write_inventory(person.inventory, here={**LOCAL, **variables})
    settle(person.inventory)
    person.warm()
    listing = person.dispatch("--list", "--json")
    wait_until((person.home / "gate").exists)
    os.kill(person.family()[which], signal.SIGKILL)
    told = answer(listing)

    assert told.code == 0, told.err
    (host,) = json.loads(told.out)["hosts"]
    assert (host["status"], host["agent_version"]) == ("OK", "1.0")


def test_a_worker_does_not_outlive_those_that_would_read_its_news(person: Person) -> None:
    person.warm()
    engine, playbook, worker = person.family()
    for pid in (engine, playbook):
        os.kill(pid, signal.SIGKILL)

    wait_until(lambda: not runs(worker))


def test_what_can_not_be_kept_is_not_tried_at_each_call(person: Person) -> None:
    (person.home / "ansible.cfg").write_text("[defaults]\nlog_path = ~/log\n")
    settle(person.home / "ansible.cfg")
    first = person.say()
    assert (first.code, (person.home / "log").exists()) == (0, True)
    assert "Ansible keeps a log of each run" in first.reason
    wait_until(lambda: not person.playbooks())
    said = person.say()

    assert (said.code, person.pids()) == (0, [])
    assert "Ansible keeps a log of each run" in said.reason
    (refusal,) = person.engines.iterdir()
    os.utime(refusal, (1, 1))
    assert "Ansible keeps a log of each run" in person.say().reason
    (again,) = person.engines.iterdir()
    assert again.stat().st_mtime > 1  # it is tried again, after a while


_CALLBACK = """
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "aggregate", "mine"

    def v2_playbook_on_start(self, playbook):
        with open({path!r}, "a") as file:
            file.write(playbook._file_name.rpartition("/")[2] + chr(10))
"""


@pytest.mark.parametrize("place", ["callbacks", ".ansible/plugins/callback"])
def test_a_callback_of_the_user_s_sees_every_call_from_the_first(
    person: Person, place: str
) -> None:
    seen, plugin = person.home / "seen", person.home / place / "mine.py"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(_CALLBACK.format(path=str(seen)))
    if place == "callbacks":
        (person.home / "ansible.cfg").write_text("[defaults]\ncallback_plugins = callbacks\n")
    for calls in (1, 2):
        said = person.say()

        assert (said.code, said.out) == (0, "hi\n")
        assert f"there are callbacks in {plugin.parent}" in said.reason
        assert seen.read_text() == "run-command.yml\n" * calls


def test_a_new_callback_of_the_user_s_sees_the_next_call(person: Person) -> None:
    plugin = person.home / ".ansible" / "plugins" / "callback" / "mine.py"
    plugin.parent.mkdir(parents=True)
    settle(plugin.parent)
    person.warm()
    plugin.write_text(_CALLBACK.format(path=str(person.home / "seen")))

    assert person.say().code == 0
    assert (person.home / "seen").read_text() == "run-command.yml\n"


def make_loose(place: Path) -> None:
    place.mkdir()
    place.chmod(0o711)


def make_link(place: Path) -> None:
    target = place.with_name("target")
    target.mkdir(mode=0o700)
    place.symlink_to(target)


def make_anothers(place: Path) -> None:
    if os.geteuid():
        pytest.skip("needs root")
    place.mkdir(mode=0o700)
    os.chown(place, 12345, -1)


@pytest.mark.parametrize("make", [make_loose, make_link, make_anothers])
def test_a_directory_that_others_could_have_made_or_use_is_refused(
    person: Person, make: object
) -> None:
    assert callable(make)
    make(person.engines)
    said = person.run(*COMMAND)

    assert (said.code, said.out) == (0, "hi\n")
    assert said.err.count("is not a directory of ours alone") == 1
    assert list(person.engines.iterdir()) == []


def test_sockets_and_their_directory_are_the_owners_alone(regular: Person) -> None:
    assert regular.engines.stat().st_mode & 0o777 == 0o700
    found = list(regular.engines.iterdir())
    assert len(found) == 3
    for path in found:
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "noise",
    [b"", b"\0", b"{}\n", b"[]\n", b'{"began": 0, "payload": 0}\n', b"\xff" * 100 + b"\n"],
)
def test_a_client_that_says_nothing_sensible_does_no_harm(regular: Person, noise: bytes) -> None:
    for path in regular.engines.glob("*.sock*"):
        if path.is_socket():
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(str(path))
                line.sendall(noise)

    assert regular.run(*COMMAND).reason == ""


def test_it_is_gone_after_a_while_without_calls(person: Person) -> None:
    person.environment["DX_ENGINE_IDLE"] = "0.5"
    person.say()
    wait_until(lambda: not person.pids())
    wait_until(lambda: not person.playbooks())

    wait_until(lambda: list(person.engines.iterdir()) == [])
    wait_until(lambda: list(person.run_directory.iterdir()) == [person.engines])


def test_it_stays_while_a_call_lasts(person: Person) -> None:
    person.environment["DX_ENGINE_IDLE"] = "2"
    process = person.dispatch("here", "--exec", "touch ~/ready; sleep 5; echo hi", "-v")
    wait_until((person.home / "ready").exists)
    family = person.family()
    said = answer(process)

    assert (said.code, said.out, said.reason, "retry" in said.err) == (0, "hi\n", "", False)
    wait_until(lambda: not any(map(runs, family)))


def test_of_those_that_start_at_once_one_stays(person: Person) -> None:
    processes = [person.dispatch(*COMMAND) for _ in range(6)]
    for process in processes:
        said = answer(process)
        assert (said.code, said.out, said.reason) == (0, "hi\n", "")

    assert len(person.pids()) == 1
    assert len(person.playbooks()) == 2
    assert (person.home / "ran").read_text() == "once\n" * 6


@pytest.mark.parametrize("patience", ["-1", "nan", "1e300"])
def test_a_patience_that_makes_no_sense_is_no_reason_to_fail(
    regular: Person, patience: str
) -> None:
    said = regular.say(env={"DX_ENGINE_PATIENCE": patience})
    assert (said.code, said.out) == (0, "hi\n")
