"""Whatever becomes of an engine, a call works; the log has one line that says why it was slow."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.unit.engine.person import Person, answer
from tests.unit.local_vm import write_playbook
from tests.unit.waiting import runs, wait_until

COMMAND = ("here", "--exec", "echo once >>~/ran; echo hi", "-v")


@pytest.mark.parametrize("off", ["off", "0", "No"])
def test_it_can_be_switched_off(person: Person, off: str) -> None:
    person.environment["DX_ENGINE"] = off
    said = answer(person.dispatch(*COMMAND))

    assert (said.code, said.out, person.reason(said)) == (0, "hi\n", "")
    assert not person.engines.exists()


def test_a_stopped_engine_is_passed_over_and_runs_nothing_later(person: Person) -> None:
    person.warm()
    del person.environment["DX_ENGINE_PATIENCE"]
    for pid in person.pids():
        os.kill(pid, signal.SIGSTOP)
    said = answer(person.dispatch(*COMMAND))
    for pid in person.pids():
        os.kill(pid, signal.SIGCONT)
    person.environment["DX_ENGINE_PATIENCE"] = "20"

    assert (said.code, said.out) == (0, "hi\n")
    assert said.err.count('engine_unused reason="it does not answer"') == 1
    assert said.err.count('engine_unused program=ansible-playbook reason="it does not answer"') == 1
    assert person.reason(answer(person.dispatch(*COMMAND))) == ""
    assert (person.home / "ran").read_text() == "once\n" * 2


def test_a_killed_engine_takes_no_call_with_it_and_is_replaced(person: Person) -> None:
    person.warm()
    process = person.dispatch("here", "--exec", "touch ~/ready; sleep 1; echo done")
    wait_until((person.home / "ready").exists)
    for pid in person.pids():
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: not runs(pid))  # type: ignore[misc]
    called = answer(process)
    said = answer(person.dispatch(*COMMAND))

    assert (called.code, called.out) == (0, "done\n")
    assert (said.code, said.out) == (0, "hi\n")
    assert said.err.count("there is none yet") == 1
    wait_until(lambda: len(list(person.engines.glob("*.sock"))) == 2)
    assert person.reason(answer(person.dispatch(*COMMAND))) == ""


def test_what_no_engine_can_load_is_not_tried_at_each_call(person: Person) -> None:
    (person.home / "ansible.cfg").write_text("[defaults]\nlog_path = ~/log\n")
    play = write_playbook(person.home / "show.yml")
    for _ in range(2):
        said = answer(person.playbook("-i", "here,", str(play)))

        assert said.code == 0
        assert person.reason(said) == "Ansible warns of its settings, or keeps a log"
    (refusal,) = person.engines.iterdir()
    os.utime(refusal, (1, 1))
    assert answer(person.playbook("-i", "here,", str(play))).code == 0
    assert refusal.stat().st_mtime > 1  # it was tried again, after a while


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
    said = answer(person.dispatch(*COMMAND))

    assert (said.code, said.out) == (0, "hi\n")
    assert said.err.count("is not a directory of ours alone") == 2
    assert list(person.engines.iterdir()) == []


def test_sockets_and_their_directory_are_the_owners_alone(regular: Person) -> None:
    assert regular.engines.stat().st_mode & 0o777 == 0o700
    for path in regular.engines.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_client_that_says_nothing_sensible_does_no_harm(regular: Person) -> None:
    for path in regular.engines.glob("*.sock"):
        for noise in (b"", b"\0", b"\0\0\0\4abcd", b"\xff" * 100):
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(str(path))
                line.sendall(noise)

    assert regular.reason(answer(regular.dispatch(*COMMAND))) == ""


def test_it_is_gone_after_a_while_without_calls(person: Person) -> None:
    person.environment["DX_ENGINE_IDLE"] = "0.5"
    answer(person.dispatch("--version"))
    wait_until(lambda: bool(person.pids()))
    (engine,) = person.pids()
    wait_until(lambda: not runs(engine))

    assert list(person.engines.iterdir()) == []


def test_it_stays_while_a_call_lasts(person: Person) -> None:
    person.environment["DX_ENGINE_IDLE"] = "0.5"
    answer(person.dispatch("--version"))
    wait_until(lambda: bool(list(person.engines.glob("*.sock"))))
    (engine,) = person.pids()
    said = answer(person.dispatch("here", "--exec", "sleep 1.5; echo hi", "-v"))

    assert "engine_unused reason" not in said.err
    assert runs(engine)


def test_of_two_that_are_started_at_once_one_stays(person: Person) -> None:
    for process in [person.dispatch("--version") for _ in range(6)]:
        assert answer(process).code == 0
    wait_until(lambda: bool(list(person.engines.glob("*.sock"))))
    time.sleep(0.3)

    assert len(person.pids()) == 1
    assert len([1 for path in Path("/proc").glob("[0-9]*/cmdline") if named(path, person)]) == 1


def named(path: Path, person: Person) -> bool:
    try:
        home = f"HOME={person.home}".encode()
        ours = home in path.with_name("environ").read_bytes().split(b"\0")
        return ours and path.read_bytes().startswith(b"dx-engine")
    except OSError:
        return False


def test_there_are_never_more_than_a_few(person: Person) -> None:
    for number in range(11):
        said = answer(person.dispatch("--version", env={"PYTHON_NUMBER": str(number)}))
        assert said.code == 0
    wait_until(lambda: len(person.pids()) == 8)

    assert len(list(person.engines.glob("*.lock"))) == 8
