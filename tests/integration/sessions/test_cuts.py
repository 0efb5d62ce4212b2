"""Connections that break during each call: what is told is true, and the next call works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.sessions.work import Work, await_end, begin, turn_directory
from tests.integration.vm_processes import wait_until
from tests.lab import Fault, Vm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.dispatcher import Answer, Dispatcher

CUTS = ({"up": 4200}, {"down": 1500}, {"down": 3700})
"""Bytes: in the handshake of some 3,500 both ways, and just after it."""


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
def test_a_cut_costs_a_turn_one_attempt(user: Dispatcher, mended: Vm, cut: dict[str, int]) -> None:
    task = 'echo "$DX_SESSION" >>"$HOME/cut"; echo done'
    (mended.home / "cut").unlink(missing_ok=True)
    started = _cut_call(user, mended, cut, "epyc6", task, "--wait").result
    assert (started["outcome"], started["attempts"]) == ("SUCCESS", 2)
    session = started["session_id"]
    resumed = _cut_call(user, mended, cut, "--session", session, task, "--wait").result
    assert (resumed["outcome"], resumed["turn"], resumed["message"]) == ("SUCCESS", 2, "done\n")
    followed = _cut_call(user, mended, cut, "--logs", session, "--follow").result
    assert (followed["outcome"], followed["turn"]) == ("SUCCESS", 2)
    assert (mended.home / "cut").read_text() == f"{session}.1\n{session}.2\n"


@pytest.mark.parametrize("cut", ({"up": 1500}, {"down": 3700}), ids=str)
def test_a_start_that_is_cut_for_good_says_whether_it_may_run(
    user: Dispatcher, mended: Vm, cut: dict[str, int]
) -> None:
    task = 'echo "$DX_SESSION" >>"$HOME/cut"'
    (mended.home / "cut").unlink(missing_ok=True)
    result = _cut_call(user, mended, cut, "epyc6", task, times=9).result
    session = result["session_id"]
    if result["outcome"] == "PREFLIGHT_FAILED":
        assert not (mended.home / "cut").exists()
        return
    assert (result["outcome"], result["reason"]) == ("FAILURE", "lost_contact")
    assert f"dx-dispatch --logs {session}" in result["error"]
    known = user.run("--sessions", "epyc6", "--json").document["sessions"]
    ran = session in {each["session_id"] for each in known}
    if ran:
        await_end(mended, session)
    assert (mended.home / "cut").exists() is ran


READERS: dict[str, Callable[[str], tuple[str, ...]]] = {
    "--sessions": lambda _: ("--sessions", "epyc6"),
    "--status": lambda session: ("--status", session),
    "--logs": lambda session: ("--logs", session),
    "--clean": lambda _: ("--clean", "epyc6", "--age", "9"),
}


@pytest.mark.parametrize("verb", READERS)
def test_what_could_not_be_asked_is_told_as_that_and_can_be_asked_again(
    user: Dispatcher, mended: Vm, verb: str
) -> None:
    session = begin(user, "echo done")
    await_end(mended, session)
    arguments = READERS[verb](session)
    for cut in ({"up": 1500}, {"down": 3700}):
        answer = _cut_call(user, mended, cut, *arguments, times=2)
        document = answer.document
        assert (answer.code != 0) is bool(_problems(document)), document
        assert document["exit_code"] == answer.code
        assert all("epyc6" in problem for problem in _problems(document)), document
    whole = user.run(*arguments, "--json")
    assert (whole.code, _problems(whole.document)) == (0, [])
    assert turn_directory(mended, session).exists()


def _problems(document: dict[str, Any]) -> list[str]:
    """Every error in a document of whichever kind."""
    hosts = [*document.get("hosts", []), *document.get("results", [])]
    found = [each["error"] for each in hosts if each["error"]]
    found += document.get("errors", {}).values()
    return found + ([document["error"]["message"]] if "error" in document else [])


@pytest.mark.parametrize("cut", ({"up": 1500}, {"down": 3700}), ids=str)
def test_an_abort_that_is_cut_does_not_say_that_the_turn_is_gone(
    user: Dispatcher, mended: Vm, work: Work, cut: dict[str, int]
) -> None:
    session = begin(user, work.task)
    work.runs()
    result = _cut_call(user, mended, cut, "--abort", session, times=2).result
    if result["stop_verified"]:
        assert (turn_directory(mended, session) / "end").exists()
    again = user.run("--abort", session)
    assert again.code == 0, again.err
    assert (turn_directory(mended, session) / "end").read_text().startswith("state=aborted ")
    assert work.turns == [f"{session}.1"]


BREAKS = {"a reset by the network": Vm.cut_now, "a killed sshd": Vm.kill_sessions}


@pytest.mark.parametrize("break_it", BREAKS.values(), ids=BREAKS)
def test_who_waits_sees_every_byte_once_whatever_becomes_of_the_connection(
    user: Dispatcher, mended: Vm, work: Work, break_it: Callable[[Vm], None]
) -> None:
    with user.start("epyc6", f"printf 'before '; {work.task}", "--wait") as client:
        assert client.stdout
        assert client.stdout.read(12) == b"before begun"
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
    later = user.run("--logs", session, "--follow")
    assert (later.code, later.out, len(work.turns)) == (0, b"begun\nended\n", 1)
