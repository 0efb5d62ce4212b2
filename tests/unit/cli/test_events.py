"""Rules of ``--jsonl`` and DX_EVENTS, with this machine as the VM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.schemas import check_lines
from tests.unit.cli import test_command as test_cli

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.test_command import Answer

    Call = Callable[..., Answer]

pytestmark = pytest.mark.resident

call = test_cli.call
SHELL = ("--agent", "shell")
PLAIN = ("--agent", "shell", "--wait")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of DX_EVENTS."""
    path = tmp_path / "events.jsonl"
    monkeypatch.setenv("DX_EVENTS", str(path))
    return path


def events(answer: Answer) -> list[dict[str, Any]]:
    """What was printed, event by event."""
    return check_lines(answer.out)


def text(found: list[dict[str, Any]], stream: str = "stdout") -> str:
    return "".join(each["text"] for each in found if each.get("stream") == stream)


def names(found: list[dict[str, Any]]) -> list[str]:
    return [each["event"] for each in found]


def test_a_command_is_told_event_by_event(call: Call) -> None:
    answer = call("here", "--exec", "echo hé; echo err >&2; exit 3", "--jsonl", "--run-id", "x_1")
    found = events(answer)

    assert answer.code == 1
    assert (names(found)[0], names(found)[-2:]) == ("hosts", ["ended", "summary"])
    assert {each["id"] for each in found} == {"x_1"}
    assert (text(found), text(found, "stderr")) == ("hé\n", "err\n")
    ended = found[-2]["result"]
    assert (ended["outcome"], ended["exit_code"]) == ("FAILURE", 3)
    assert not {"stdout", "stderr"} & set(ended)
    assert (found[-1]["exit_code"], found[-1]["outcomes"]["FAILURE"]) == (1, 1)
    assert "here  FAILURE" not in answer.err


def test_the_end_is_the_result_of_the_document(call: Call) -> None:
    command = ("here", "--exec", "echo hi", "--run-id", "x_2")
    ended = events(call(*command, "--jsonl"))[-2]["result"]
    (result,) = call(*command, "--json").document["results"]

    differ = {"duration_ms", "attached", "stdout", "stderr"}
    assert {name: value for name, value in result.items() if name not in differ} == {
        name: value for name, value in ended.items() if name not in differ
    }
    assert (ended["attached"], result["attached"]) == (False, True)


def test_the_log_of_a_command_is_told_too(call: Call) -> None:
    call("all", "--exec", "echo hi", "--run-id", "x_3")
    found = events(call("--logs", "x_3", "--jsonl"))

    assert text(found) == "hi\nhi\n"
    assert found[-1]["outcomes"]["SUCCESS"] == 2
    assert {each["id"] for each in found} == {"x_3"}


def test_an_unknown_host_has_an_end_and_a_summary(call: Call) -> None:
    answer = call("nobody", "--exec", "true", "--jsonl")
    found = events(answer)

    assert (answer.code, names(found)) == (3, ["ended", "summary"])
    assert found[0]["result"]["reason"] == "USER_MAPPING_MISSING"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("here", "--exec", "", "--jsonl"), "UsageError"),
        (("here", "--exec", "true", "--jsonl", "--no-such"), "UsageError"),
        (("no:such", "--exec", "true", "--jsonl"), "NoMatchError"),
        (("--logs", "x_none", "--jsonl"), "UnknownSessionError"),
        (("any:here", "work", "--jsonl", "--agent", "codex"), "NoFreeHost"),
    ],
)
def test_an_error_is_the_last_event(call: Call, words: tuple[str, ...], kind: str) -> None:
    answer = call(*words)

    *_, last = events(answer)
    assert (last["event"], last["error"]["type"]) == ("error", kind)
    assert last["exit_code"] == answer.code


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        (("here", "--exec", "true", "--jsonl", "--gather"), "--gather and --jsonl can't be used"),
        (("here", "--issue", "x", "--jsonl", "--dry-run"), "--dry-run and --jsonl can't be used"),
        (("--list", "--jsonl"), "--jsonl is of no use with --list"),
        (("--jules", "work", "--jsonl"), "--jsonl is of no use with Jules"),
    ],
)
def test_where_events_make_no_sense_they_are_refused(
    call: Call, words: tuple[str, ...], refused: str
) -> None:
    (error,) = events(call(*words))

    assert refused in error["error"]["message"]


def test_a_document_and_events_are_refused_with_a_document(call: Call) -> None:
    answer = call("here", "--exec", "true", "--json", "--jsonl")

    assert "--json and --jsonl can't be used" in answer.document["error"]["message"]


def test_a_task_is_told_until_the_vm_has_it(call: Call, home: Path) -> None:
    answer = call("here", "until [ -e ~/go ]; do sleep 0.05; done; echo hi", *SHELL, "--jsonl")
    found = events(answer)

    assert answer.code == 0
    states = [each for each in found if each["event"] == "state"]
    assert [each["state"] for each in states][-2:] == ["started", "running"]
    assert (states[-1]["turn"], states[-1]["agent"]) == (1, "shell")
    assert (found[-1]["outcome"], found[-1]["running"]) == (None, 1)

    session = states[-1]["session_id"]
    assert session.startswith(found[0]["id"])
    (home / "go").touch()
    followed = events(call("--logs", session, "--follow", "--jsonl"))
    assert text(followed) == "hi\n"
    assert (followed[-1]["outcome"], {each["id"] for each in followed}) == ("SUCCESS", {session})


def test_a_task_that_is_waited_for_is_told_to_its_end(call: Call) -> None:
    found = events(call("here", "echo hello", *PLAIN, "--jsonl"))
    session = found[-2]["result"]["session_id"]

    assert text(found) == "hello\n"
    assert (found[-2]["result"]["outcome"], found[-2]["result"]["turn"]) == ("SUCCESS", 1)
    assert found[-2]["result"]["task_summary"] == "echo hello"

    more = events(call("--session", session, "echo more", "--wait", "--jsonl"))
    assert (text(more), more[-2]["result"]["turn"]) == ("more\n", 2)


@pytest.mark.parametrize("form", [(), ("--json",), ("--jsonl",), ("--gather",)])
def test_the_file_has_the_events_whatever_is_printed(
    call: Call, file: Path, form: tuple[str, ...]
) -> None:
    answer = call("all", "--exec", "echo hi", *form)
    found = check_lines(file.read_bytes())

    assert answer.code == 0
    assert (text(found), names(found)[-1]) == ("hi\nhi\n", "summary")
    assert len({each["pid"] for each in found}) == 1
    if form == ("--jsonl",):
        printed = events(answer)
        assert [each | {"time": ""} for each in printed] == [each | {"time": ""} for each in found]


def test_the_file_collects_calls_of_all_kinds(call: Call, file: Path) -> None:
    call("here", "echo task", *PLAIN)
    call("here", "--exec", "echo command", "--run-id", "x_4")
    call("--logs", "x_4", "-q")
    call("no:such", "--exec", "true")
    call("--list")  # nothing that is told
    found = check_lines(file.read_bytes())

    assert text(found) == "task\ncommand\ncommand\n"
    lasts = [name for name in names(found) if name in {"summary", "error"}]
    assert lasts == ["summary", "summary", "summary", "error"]


def test_a_file_that_can_not_be_written_does_not_fail_the_call(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DX_EVENTS", str(tmp_path / "no" / "such"))
    answer = call("here", "--exec", "echo hi")

    assert (answer.code, answer.out) == (0, b"hi\n")
    assert answer.err.count("events_not_written") == 1
    assert "No such file or directory" in answer.err
