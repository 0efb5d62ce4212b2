"""Rules of the command line, called in this process, with this machine as the VM."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import re
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import pytest

from dxansible import __version__
from dxansible.cli.command import main
from tests.schemas import check_printed
from tests.unit.local_vm import LOCAL, write_inventory, write_playbook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.resident

LOGGER = logging.getLogger("dxansible")


@dataclass(frozen=True)
class Answer:
    """What a call left behind."""

    code: object
    out: bytes
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output."""
        document: dict[str, Any] = json.loads(self.out)
        return document


@pytest.fixture
def call(
    inventory: Path,
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Answer]]:
    """Call dx-dispatch, and put everything back that a process does not share with the next."""
    assert inventory.exists()
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    signals = [(name, signal.getsignal(name)) for name in names]
    handlers, level, propagate = LOGGER.handlers[:], LOGGER.level, LOGGER.propagate

    def run(*arguments: str, stdin: bytes = b"") -> Answer:
        monkeypatch.setattr(sys, "argv", ["dx-dispatch", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as raised:
            main()
        out, err = capsysbinary.readouterr()
        check_printed(arguments, out)
        return Answer(raised.value.code, out, click.unstyle(err.decode()))

    yield run
    for name, handler in signals:
        signal.signal(name, handler)
    LOGGER.handlers[:], LOGGER.propagate = handlers, propagate
    LOGGER.setLevel(level)


def test_help_names_the_everyday_options_and_every_exit_code(call: Callable[..., Answer]) -> None:
    answer = call("--help")

    assert answer.code == 0
    for word in ("--exec", "--list", "--status", "--logs", "--abort", "--json", "--help-all"):
        assert word in answer.out.decode()
    words = " ".join(answer.out.decode().split())
    assert "3 PREFLIGHT_FAILED, 4 SUCCESS with output missing, 124 TIMEOUT, 130 ABORTED" in words


@pytest.mark.parametrize(
    "words",
    [
        ["here", "--exec", "true", "--help"], ["--no-such", "-h"], ["--timeout", "soon", "--help"],
        ["--list", "--sessions", "--help"], ["--version", "--help"],
    ],
)  # fmt: skip
def test_who_asks_for_help_gets_it_whatever_else_there_is(
    call: Callable[..., Answer], words: list[str]
) -> None:
    answer = call(*words)

    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(b"Usage: dx-dispatch")


def test_help_that_is_a_word_of_the_command_is_the_command_s(call: Callable[..., Answer]) -> None:
    assert b"Usage" not in call("--logs", "--help").out


def test_the_version_is_that_of_the_package(call: Callable[..., Answer]) -> None:
    assert call("--version").out.decode() == f"dx-dispatch, version {__version__}\n"


WRONG: list[tuple[list[str], str]] = [
    ([], "nothing to do; try: dx-dispatch --list"),
    (["here"], "there is no task; give one"),
    (["here", " "], "the task is empty; give one"),
    (["here", "work", "--gather"], "--gather is of no use with a task for an agent; leave it out"),
    (["here", "work", "--age", "3"], "--age is of no use with a task for an agent; leave it out"),
    (["here", "work", "--yes"], "--yes is of no use with a task for an agent; leave it out"),
    (["--clean"], "--clean would remove 0 session(s) of 2 VMs, and asks first; see them with"),
    (
        ["here", "--exec", "true", "/tmp"],
        "/tmp is left over; quote the command: --exec 'true /tmp'",
    ),
    (
        ["here", "true"],
        "true is a program, and a task is for the coding agent of a VM; run it with",
    ),
    (
        ["all", "--exec", "true", "--pass-exit-code"],
        "all is 2 hosts: here, twin; nothing was start",
    ),
    (
        ["all", "--exec", "true", "--pass-exit-code", "--dry-run"],
        "all is 2 hosts: here, twin; noth",
    ),
    (["--session", "ses_1", "work", "--dry-run"], "a dry run asks no VM, and ses_1 does not say"),
    (["here", "work", "--session", "ses_1-0a1b2c3d", "--agent", "x"], "a session keeps its agent"),
    (["here", "work", "--follow"], "--follow is of no use with a task for an agent"),
    (["here", "work", "--beads", "../x"], "is not a valid issue id; use an id such as"),
    (["here", "work", "--repo", " "], "--repo has an empty value; give --repo PATH|OWNER/NAME"),
    (["here", "work", "--session", "ses_1", "--repo", "x"], "--repo is of no use with a further"),
    (["here", "work", "--session", "1"], "no session named 1; see: dx-dispatch --sessions"),
    (["here", "work", "--file", "x"], "the task and --file can't be used together; give the task"),
    (
        ["any:here", "work", "--session", "ses_1"],
        "a session has its VM already; leave out any:here",
    ),
    (["--session", "ses_1", "--file", "/no/such"], "/no/such can't be read: No such file"),
    (["here", "--exec", "true", "--wait"], "--wait is of no use with --exec; leave it out"),
    (["--exec", "true"], "there is no target; name a host"),
    (["here", "--exec", "  "], "the command is empty; give one"),
    (["here", "--exec", "true", "--list"], "--exec and --list can't be used together; choose one"),
    (["--list", "--status", "here"], "--list and --status can't be used together"),
    (["--list", "here"], "--list takes no further argument (here); leave it out"),
    (["--logs", "a-0a1b2c3d", "not an id"], "'not an id' is not a session id"),
    (
        ["here", "--exec", "true", "--file", "x"],
        "the command and --file can't be used together; give",
    ),
    (["here", "--file", "/no/such"], "/no/such can't be read: No such file or directory; give"),
    (["--logs", "not an id"], "is not a session id; see: dx-dispatch --sessions"),
    (["--abort", "here"], "no session named here"),
    (["here", "--exec", "true", "--run-id", "../x"], "can't be an id; use up to 64 letters"),
    (["here", "--exec", "true", "--timeout", "soon"], "'soon' is no duration, like 90"),
    (["here", "--exec", "true", "--timeout", "0"], "0 is no duration above 0, like 90"),
    (["here", "--exec", "true", "--timeout", "nan"], "nan is no duration above 0, like"),
    (["here", "--exec", "true", "--forks", "0"], "0 is out of range: at least 1; see"),
    (["here", "--exec", "true", "-i", "/no/such"], "there is no inventory at /no/such; give"),
    (["here", "--exec", "true", "--serial", "1,0"], "'0' is no size of a batch: give numbers of"),
    (["here", "--exec", "true", "--max-fail", "1"], "--max-fail is of no use without --serial;"),
    (["--rerun"], "no run is recorded: only runs of commands on several hosts are; run one: "),
    (["--rerun", "a", "b"], "takes the word failed|unreachable|timeout|all and the id of a run"),
    (["--rerun", "--run-id", "x"], "--run-id is of no use with --rerun; leave it out"),
    (["--runs", "here"], "--runs takes no further argument (here); leave it out"),
    (["--no-such-option"], "see dx-dispatch --help"),
    (["here", "--exec", "true", "--max-output", "0"], "'0' is no size, like 4096 (bytes)"),
    (["--engine", "x"], "'x' is not one of 'status', 'stop'; see dx-dispatch --help"),
    (["here", "--exec", "true", "--cwd", ""], "--cwd has an empty value; give --cwd DIR, or"),
    (["here", "work", "--verify", " "], "--verify has an empty value; give --verify COMMAND"),
    (["here", "work", "--attach", "x", "--attach", ""], "--attach has an empty value; give"),
    (["any:here", "--exec", "true"], "any: chooses a VM for a task, and --exec has none; leave"),
    (["--status", "any:here"], "any: chooses a VM for a task, and --status has none; leave out"),
    (["here", "--exec", "true", "--exec", "false"], "--exec is given twice; make a call for each"),
    (["--abort", "cmd_1", "--abort", "cmd_2"], "--abort is given twice; make a call for each"),
    (
        ["--logs", "cmd_1", "--logs", "cmd_2"],
        "--logs is given twice; give all ids after one --logs",
    ),
]


@pytest.mark.parametrize(("arguments", "text"), WRONG)
def test_what_makes_no_sense_is_an_error_that_says_what_to_do(
    call: Callable[..., Answer], arguments: list[str], text: str
) -> None:
    answer = call(*arguments)

    assert answer.code == 2
    assert answer.err.startswith("dx-dispatch: ")
    assert text in answer.err
    assert (answer.out, answer.err.count("\n")) == (b"", 1)


@pytest.mark.parametrize(("arguments", "text"), WRONG)
def test_for_a_program_an_error_is_a_json_document_too(
    call: Callable[..., Answer], arguments: list[str], text: str
) -> None:
    answer = call(*arguments, "--json")

    document = answer.document
    error = document.pop("error")
    assert (answer.code, document) == (2, {"schema": 1, "exit_code": 2})
    assert text in f"{error['message']}; {error['remedy']}"
    assert answer.err == ""


def test_what_this_machine_refuses_is_an_error_too(
    call: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **_named: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp/dx")

    monkeypatch.setattr("dxansible.cli.execute.CommandCall", full)
    answer = call("here", "--exec", "true")

    assert (answer.code, answer.out) == (1, b"")
    assert answer.err.endswith(
        "dx-dispatch: this machine refuses: [Errno 28] No space left on device: '/tmp/dx';"
        " see docs/troubleshooting.md\n"
    )


def test_a_command_shows_its_output_its_events_and_its_end(call: Callable[..., Answer]) -> None:
    answer = call("here", "--exec", "printf 'a\\377'; echo e >&2; exit 3")

    assert (answer.code, answer.out) == (1, b"a\xff")
    preflight, output, event, summary = answer.err.splitlines()
    assert preflight.startswith("preflight_ok host=here user=")
    assert output == "e"
    assert event.startswith("failure host=here user=")
    assert re.fullmatch(r"here  FAILURE           exit 3    \d+\.\d\d s", summary)


def test_the_events_are_json_lines_where_that_is_wanted(
    call: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DX_LOG_FORMAT", "json")

    lines = call("here", "--exec", "true").err.splitlines()

    assert [json.loads(line)["event"] for line in lines[:2]] == ["preflight_ok", "success"]


def test_a_program_gets_one_document_and_the_worst_exit_code(call: Callable[..., Answer]) -> None:
    answer = call("all", "--json", "-q", "--exec", "[ -e ~/first ] || { touch ~/first; sleep 60; }",
                  "--timeout", "1")  # fmt: skip

    outcomes = [result["outcome"] for result in answer.document["results"]]
    assert "TIMEOUT" in outcomes
    assert (answer.code, answer.document["exit_code"]) == (124, 124)


def test_equal_outputs_are_gathered(call: Callable[..., Answer]) -> None:
    answer = call("all", "--gather", "--exec", "echo hello")

    assert answer.code == 0
    assert answer.out == b"---------------\nhere,twin (2)\n---------------\nhello\n"


@pytest.mark.parametrize("from_stdin", [True, False])
def test_a_command_may_come_from_a_file(
    call: Callable[..., Answer], home: Path, *, from_stdin: bool
) -> None:
    text = b"echo '{{ 7*7 }}' \xff\n"
    (home / "command.sh").write_bytes(text)

    path = "-" if from_stdin else str(home / "command.sh")
    answer = call("here", "-q", "--exec", "--file", path, stdin=text)

    assert (answer.code, answer.out, answer.err) == (0, b"{{ 7*7 }} \xff\n", "")


def test_the_fleet_is_listed_with_its_health(call: Callable[..., Answer], home: Path) -> None:
    write_inventory(
        home / "inventory.yml", here=LOCAL, there=LOCAL | {"dx_hostnames": ["elsewhere"]}
    )

    answer = call("--list", "--json")
    assert [host["status"] for host in answer.document["hosts"]] == ["OK", "AUTH_MODE_INVALID"]
    assert answer.code == 3

    answer = call("--status", "here")
    assert answer.code == 0
    assert re.search(r"^here +OK +\d+ ms ", answer.out.decode(), re.MULTILINE)


def test_the_forks_that_are_given_are_those_of_every_run(
    call: Callable[..., Answer], playbooks: Path
) -> None:
    task = {"name": "Tell", "ansible.builtin.fail": {"msg": "{{ ansible_forks }} at a time"}}
    write_playbook(playbooks / "check-hosts.yml", task)

    assert "3 at a time" in call("--status", "here", "--forks", "3").out.decode()
    assert "200 at a time" in call("--list").out.decode()


def test_a_status_of_no_host_is_an_error(call: Callable[..., Answer]) -> None:
    answer = call("--status", "heer", "--json")

    assert answer.code == answer.document["exit_code"] == 3
    assert answer.document["error"]["type"] == "NoMatchError"


def test_a_command_is_found_again_by_its_id(call: Callable[..., Answer]) -> None:
    (result,) = call("here", "--exec", "echo hello", "--json").document["results"]
    session = result["session_id"]

    followed = call("--logs", session)
    assert (followed.code, followed.out) == (0, b"hello\n")

    aborted = call("--abort", session)
    assert aborted.code == 0
    assert "had already ended: SUCCESS" in aborted.err


def test_a_broken_engine_shows_its_own_words(call: Callable[..., Answer], playbooks: Path) -> None:
    (playbooks / "run-command.yml").write_text("not a playbook")

    answer = call("here", "--exec", "true")

    assert answer.code == 1
    assert "A playbook must be a list of plays" in answer.err
    assert answer.err.splitlines()[-1].startswith("dx-dispatch: Ansible stopped before it reached")
