"""Rules of the run of a command, and of its retries by phase, without a network."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.command_run import CommandRun
from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_run import (
    Ask,
    Crowd,
    News,
    Pause,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.inputs import Inputs
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import (
    KeeperError,
    Reply,
    UnknownStateError,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.link import (
    CallTimeoutError,
    LinkError,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.machine import THIS_MACHINE, Machine
from ansible_collections.dxansible.fleet.plugins.plugin_utils.session import CommandError
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_errors import SshFailure

from tests.unit.collection.answers import make_run

RUNNING = Reply(state="running")
ENDED = Reply(state="exited", code=0)


class Vm:
    """Answers each call with the next of its answers; notes the calls."""

    mark = "dx-test"

    def __init__(self, *answers: Reply | Exception) -> None:
        self.answers, self.calls = list(answers), list[tuple[str, dict[str, Any]]]()

    def start(self, _id: str, text: bytes, options: dict[str, Any], **_more: object) -> Reply:
        return self._next("start", {**options, "text": text})

    def poll(self, _id: str, options: dict[str, Any]) -> Reply:
        return self._next("poll", dict(options))

    def settle(self, _id: str, _about: bytes) -> Reply:
        return self._next("settle", {})

    def _next(self, verb: str, options: dict[str, Any]) -> Reply:
        self.calls.append((verb, options))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def run(
    vm: Vm, machine: Machine = THIS_MACHINE, **options: object
) -> tuple[dict[str, Any], list[dict[str, Any]], list[float]]:
    """Drive a run to its end: its result, its news, its pauses."""
    given = {name: each.get("default") for name, each in CommandRun.spec.items()}
    door: Any = SimpleNamespace(keeper=vm, open=lambda *_a, **_k: None, reached=True, failure=None)
    inputs = Inputs(variables={"dx_command": "echo {{ hi }}"})
    chosen = {**given, "id": "cmd_1", **options}
    made = CommandRun("epyc6", chosen, inputs, Crowd(), door, machine=machine)
    steps, news, pauses = made.steps(), list[dict[str, Any]](), list[float]()
    move = steps.send
    argument: Any = None
    while True:
        try:
            step = move(argument)
        except StopIteration as end:
            return end.value, news, pauses
        move, argument = steps.send, None
        match step:
            case Ask():
                try:
                    argument = step.make(door)
                except Exception as error:  # noqa: BLE001 - the run's own business
                    move, argument = steps.throw, error
            case News():
                news.append(step.record)
            case Pause():
                pauses.append(step.seconds)


def lost(failure: SshFailure = SshFailure.LOST) -> LinkError:
    return LinkError(failure, "gone")


def test_a_short_command_is_one_call_and_its_output_is_in_the_result() -> None:
    vm = Vm(Reply(state="exited", code=0, out=b"hi\n", out_total=3))

    result, news, _ = run(vm)

    assert [verb for verb, _ in vm.calls] == ["start"]
    assert (result["stdout"], result["rc"], result["failed"]) == ("hi\n", 0, False)
    assert result["dx"]["outcome"] == "SUCCESS"
    assert news == []


def test_the_command_is_raw_unless_it_is_an_option() -> None:
    raw, given = Vm(ENDED), Vm(ENDED)

    run(raw)
    run(given, cmd="echo given")

    assert raw.calls[0][1]["text"] == b"echo {{ hi }}"
    assert given.calls[0][1]["text"] == b"echo given"


def test_a_command_that_is_known_to_run_is_polled_and_never_started_again() -> None:
    vm = Vm(RUNNING, lost(), RUNNING, ENDED)

    result, _, pauses = run(vm)

    assert [verb for verb, _ in vm.calls] == ["start", "poll", "poll", "poll"]
    assert (result["dx"]["attempts"], pauses) == (2, [2.0])


def test_a_lost_start_is_sent_again_with_its_token() -> None:
    vm = Vm(lost(), ENDED)

    result, (record,), _ = run(vm)

    assert [verb for verb, _ in vm.calls] == ["start", "start"]
    assert vm.calls[0][1]["token"] == vm.calls[1][1]["token"]
    assert record["retry"]["failure"] == "lost"
    assert result["dx"]["outcome"] == "SUCCESS"


def test_the_budget_counts_failures_in_a_row() -> None:
    result, _, _ = run(Vm(RUNNING, lost(), RUNNING, lost(), RUNNING, lost(), ENDED))
    assert (result["dx"]["outcome"], result["dx"]["attempts"]) == ("SUCCESS", 4)

    result, _, _ = run(Vm(RUNNING, lost(), CallTimeoutError()))
    assert (result["dx"]["outcome"], result["dx"]["reason"]) == ("FAILURE", "lost_contact")
    assert result["failed"]


def test_a_state_that_no_table_has_is_no_end() -> None:
    vm = Vm(RUNNING, UnknownStateError("melted"), RUNNING, ENDED)
    assert run(vm)[0]["dx"]["outcome"] == "SUCCESS"

    unread = UnknownStateError("melted")
    result, _, _ = run(Vm(RUNNING, unread, unread))
    assert (result["dx"]["outcome"], result["dx"]["reason"]) == ("FAILURE", "lost_contact")
    assert "'melted'" in result["dx"]["error"]


@pytest.mark.parametrize("failure", [SshFailure.AUTH, SshFailure.HOST_KEY])
def test_who_is_not_let_in_does_not_try_again(failure: SshFailure) -> None:
    vm = Vm(lost(failure))

    result, _, _ = run(vm, max_retries=5)

    assert len(vm.calls) == 1
    assert result["failed"]
    assert not result["changed"]


def test_an_error_of_the_keeper_is_an_end_and_no_lost_connection() -> None:
    result, _, _ = run(Vm(KeeperError("disk broken")), max_retries=5)

    assert (result["dx"]["outcome"], result["dx"]["reason"]) == ("FAILURE", "vm_error")
    assert "disk broken" in result["msg"]


def test_an_error_of_the_keeper_says_so_where_the_command_may_be_running() -> None:
    result, _, _ = run(Vm(RUNNING, KeeperError("garbled")))

    assert (result["dx"]["outcome"], result["dx"]["reason"]) == ("FAILURE", "lost_contact")
    assert result["msg"] == (
        "epyc6: garbled; the command may be running there; see: dx-dispatch --logs cmd_1"
    )


@pytest.mark.parametrize(
    "failure", [SshFailure.UNRESOLVABLE, SshFailure.UNREACHABLE, SshFailure.CONNECT_TIMEOUT]
)
def test_who_can_not_reach_what_was_begun_earlier_has_lost_contact(failure: SshFailure) -> None:
    followed, _, _ = run(Vm(lost(failure)), attach=True, max_retries=0)
    begun, _, _ = run(Vm(lost(failure)), max_retries=0)

    assert (followed["dx"]["outcome"], followed["dx"]["reason"]) == ("FAILURE", "lost_contact")
    assert begun["dx"]["outcome"] == "PREFLIGHT_FAILED"


def test_who_is_not_let_in_to_follow_is_told_that() -> None:
    result, _, _ = run(Vm(lost(SshFailure.AUTH)), attach=True)

    assert (result["dx"]["outcome"], result["dx"]["reason"]) == ("FAILURE", "auth_failed")


def test_only_what_this_run_has_started_is_a_change() -> None:
    class Mine(Vm):
        def start(self, _id: str, text: bytes, options: dict[str, Any], **more: object) -> Reply:
            super().start(_id, text, options, **more)
            return Reply(state="exited", code=0, token=options["token"])

    mine, _, _ = run(Mine(ENDED))
    others, _, _ = run(Vm(Reply(state="exited", code=0, token="another's")))  # noqa: S106 - no secret

    assert (mine["changed"], mine["dx"]["attached"]) == (True, False)
    assert (others["changed"], others["dx"]["attached"]) == (False, True)


def test_what_an_earlier_run_of_the_same_caller_has_started_is_its_own() -> None:
    vm = Vm(Reply(state="exited", code=0, token="T1"))  # noqa: S106 - no secret
    again, _, _ = run(vm, may_have_arrived=True, token="T1")  # noqa: S106 - as above

    assert vm.calls[0][1]["token"] == "T1"  # noqa: S105 - as above
    assert again["dx"]["attached"] is False


def test_output_is_fetched_to_its_end_before_the_result_is_made() -> None:
    vm = Vm(
        Reply(state="running", out=b"ab", out_total=2),
        Reply(state="exited", code=0, out=b"ab", out_total=5),
        Reply(state="exited", code=0, out=b"ab", out_total=5),
        Reply(state="exited", code=0, out=b"cde", out_from=2, out_total=5),
    )

    result, _, _ = run(vm)

    assert (result["stdout"], result["truncated"]) == ("abcde", 0)


def test_a_run_without_an_id_or_a_text_is_an_error_before_the_first_call() -> None:
    vm = Vm()
    with pytest.raises(ValueError, match="id and preflight"):
        run(vm, id="")
    with pytest.raises(CommandError, match="NUL"):
        run(vm, cmd="a\0b")
    with pytest.raises(ValueError, match="dx_timeout"):
        run(vm, timeout=-1.0)
    assert vm.calls == []


@pytest.mark.parametrize(
    ("hosts", "kibibytes"),
    [(0, 4096), (1, 4096), (8, 4096), (16, 2048), (128, 256), (1000, 256)],
)
def test_the_more_hosts_the_less_output_of_each(hosts: int, kibibytes: int) -> None:
    assert Crowd(hosts=hosts).output_limit == 1024 * kibibytes


@pytest.mark.parametrize(
    ("hosts", "width", "seconds"), [(1, 5, 1), (5, 5, 1), (6, 5, 0), (100, 99, 0), (2000, 200, 1)]
)
def test_a_start_waits_where_no_other_host_waits_for_its_turn(
    hosts: int, width: int, seconds: int
) -> None:
    assert Crowd(hosts=hosts, width=width).first_wait == seconds


def test_what_was_seen_of_either_stream_is_collected_again() -> None:
    whole = Reply(state="exited", code=0, err=b"abc", err_total=3)
    vm = Vm(
        Reply(state="running", err=b"a", err_total=1),
        Reply(state="exited", code=0, err_from=1, err=b"bc", err_total=3),
        whole,
    )

    assert run(vm)[0]["stderr"] == "abc"


def test_the_limit_of_another_client_s_command_is_not_known() -> None:
    (ours, *_), (theirs, *_) = (
        run(Vm(Reply(state="timeout", token=token)), token="T1", timeout=9.0)  # noqa: S106 - no secret
        for token in ("T1", "T2")
    )

    assert "timed out after 9 s;" in ours["msg"]
    assert "timed out at its deadline;" in theirs["msg"]


@pytest.mark.parametrize(
    ("failure", "status"),
    [(SshFailure.LOST, None), (SshFailure.UNREACHABLE, "HOST_UNREACHABLE"), (None, None)],
)
def test_of_a_connection_that_was_lost_nobody_knows_how_far_it_came(
    failure: SshFailure | None, status: str | None
) -> None:
    made = make_run(CommandRun, {"id": "cmd_1"})
    made._preflight = {"status": None, "duration_ms": 0}
    made._door.failure = failure
    record: dict[str, Any] = {}

    made.tell_preflight(record, "gone", attempts=2, ended=True)

    assert record["preflight"]["status"] == status
