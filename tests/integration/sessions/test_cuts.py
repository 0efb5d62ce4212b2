"""Connections that break during each call: what is told is true, and the next call works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.sessions.work import Work, await_end, begin, read_words, turn_directory
from tests.integration.vm_processes import wait_until
from tests.lab import Fault, Vm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import ThreadPoolExecutor

    from tests.integration.dispatcher import Answer, Dispatcher
    from tests.lab import Lab

pytestmark = pytest.mark.resident

CUTS = ({"up": 4200}, {"down": 3700})
"""Bytes: just after the handshake, which has some 3,500 both ways."""


@pytest.fixture
def mended(epyc6: Vm) -> Iterator[Vm]:
    """The machine, which has our script already."""
    yield epyc6
    epyc6.heal()


def _cut_call(
    user: Dispatcher, vm: Vm, cut: dict[str, int], *arguments: str, times: int = 1
) -> Answer:
    """Make a call on a new connection that breaks, and leave a whole one."""
    user.drop_connections()
    vm.cut_after(**cut, times=times)
    answer = user.run(*arguments, "--json")
    vm.heal()
    assert b"Traceback" not in answer.err
    return answer


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_a_cut_costs_a_turn_one_attempt(
    user: Dispatcher, lab: Lab, pool: ThreadPoolExecutor, cut: dict[str, int]
) -> None:
    first = user.run("all", "echo done", "--wait", "--json").document["results"]
    sessions = {result["host"]: result["session_id"] for result in first}
    starting, resumed, followed = lab.vms
    work = Work(*lab.vms.values())
    work.end()
    calls = {
        starting: (starting, work.task, "--wait"),
        resumed: ("--session", sessions[resumed], work.task, "--wait"),
        followed: ("--logs", sessions[followed], "--raw", "--follow"),
    }
    user.drop_connections()
    for vm in lab.vms.values():
        vm.cut_after(**cut)
    asked = {name: pool.submit(user.run, *call, "--json") for name, call in calls.items()}
    results = {name: answer.result().result for name, answer in asked.items()}
    for vm in lab.vms.values():
        vm.heal()
    for name, result in results.items():
        assert (result["outcome"], result["attempts"]) == ("SUCCESS", 2), (name, result)
    assert [results[name]["turn"] for name in calls] == [1, 2, 1]
    assert work.turns == [f"{results[starting]['session_id']}.1", f"{sessions[resumed]}.2"]


def test_a_start_that_is_cut_for_good_says_that_nothing_is_known(
    user: Dispatcher, mended: Vm, work: Work
) -> None:
    result = _cut_call(user, mended, {"up": 1500}, "epyc6", work.task, times=9).result
    session = result["session_id"]
    if result["outcome"] != "PREFLIGHT_FAILED":
        assert (result["outcome"], result["reason"]) == ("FAILURE", "lost_contact")
        assert f"dx-dispatch --logs {session}" in result["error"]
    known = user.run("--sessions", "epyc6", "--json").document["sessions"]
    assert session not in {each["session_id"] for each in known}
    assert work.turns == []


READERS: dict[str, Callable[[str], tuple[str, ...]]] = {
    "--sessions": lambda _: ("--sessions", "epyc6"),
    "--status": lambda session: ("--status", session),
    "--clean": lambda _: ("--clean", "epyc6", "--age", "9"),
}


def test_a_status_of_a_vm_that_does_not_answer_is_no_usage_error(
    user: Dispatcher, mended: Vm
) -> None:
    mended.fault(Fault.REFUSE)
    answer = user.run("--status", "ses_0123456789abcdef-54150442", "--json")
    assert (answer.code, answer.document["exit_code"]) == (3, 3)


@pytest.mark.parametrize("verb", READERS)
def test_what_could_not_be_asked_is_told_as_that_and_can_be_asked_again(
    user: Dispatcher, mended: Vm, verb: str
) -> None:
    session = begin(user, "echo done")
    await_end(mended, session)
    arguments = READERS[verb](session)
    answer = _cut_call(user, mended, {"up": 1500}, *arguments, times=2)
    document = answer.document
    assert document["exit_code"] == answer.code != 0
    (problem,) = _problems(document)
    assert "epyc6" in problem
    whole = user.run(*arguments, "--json")
    assert (whole.code, _problems(whole.document)) == (0, [])
    assert turn_directory(mended, session).exists()


def _problems(document: dict[str, Any]) -> list[str]:
    """Every error in a document of whichever kind."""
    hosts = [*document.get("hosts", []), *document.get("results", [])]
    found = [each["error"] for each in hosts if each["error"]]
    found += document.get("errors", {}).values()
    return found + ([document["error"]["message"]] if "error" in document else [])


def test_an_abort_that_is_cut_does_not_say_that_the_turn_is_gone(
    user: Dispatcher, mended: Vm, work: Work
) -> None:
    session = begin(user, work.task)
    work.runs()
    answer = _cut_call(user, mended, {"up": 1500}, "--abort", session, times=2)
    assert (answer.code, answer.result["stop_verified"]) == (1, False)
    assert "did not answer the stop" in answer.result["error"]
    again = user.run("--abort", session)
    assert again.code == 0, again.err
    assert (turn_directory(mended, session) / "end").read_text().startswith("state=aborted ")
    assert work.turns == [f"{session}.1"]


BREAKS = {"a reset by the network": Vm.cut_now, "a killed sshd": Vm.kill_sessions}


@pytest.mark.parametrize("break_it", BREAKS.values(), ids=BREAKS)
def test_who_waits_sees_every_byte_once_whatever_becomes_of_the_connection(
    user: Dispatcher, mended: Vm, work: Work, break_it: Callable[[Vm], None]
) -> None:
    with user.start("epyc6", f"printf 'before '; {work.task}", "--wait", bufsize=0) as client:
        assert client.stdout
        read_words(client.stdout, b"before begun")
        break_it(mended)
        work.end()
        out, err = client.communicate(timeout=60)
    assert (client.returncode, out) == (0, b"\nended\n"), err
    assert len(work.turns) == 1


def test_a_wait_whose_connection_stays_lost_tells_how_to_come_back(
    user: Dispatcher, mended: Vm, work: Work
) -> None:
    with user.start("epyc6", work.task, "--wait", "--json") as client:
        work.runs()
        wait_until(lambda: mended.connections > 0, 30, "the client is connected")
        mended.fault(Fault.REFUSE)
        mended.cut_now()
        out, _ = client.communicate(timeout=60)
    session = work.turns[0].removesuffix(".1")
    assert client.returncode == 1
    assert b'"lost_contact"' in out
    assert f"dx-dispatch --logs {session}".encode() in out
    mended.heal()
    work.end()
    later = user.run("--logs", session, "--raw", "--follow")
    assert (later.code, later.out, len(work.turns)) == (0, b"begun\nended\n", 1)
