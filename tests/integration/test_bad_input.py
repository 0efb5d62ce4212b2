"""What makes no sense is answered at once: one line that says what to do, and exit code 2."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.integration.dispatcher import OBEY_MODES, Dispatcher

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Case:
    """A call, a part of its complaint, and a part of its remedy; DIR stands for a directory."""

    arguments: tuple[str, ...]
    says: str
    remedy: str
    stdin: bytes = b""
    code: int = 2


SEE_HELP = "see dx-dispatch --help"

CASES = {
    "nothing at all": Case((), "nothing to do", "dx-dispatch --list"),
    "no task": Case(("epyc6",), "there is no task", "--exec"),
    "an empty task": Case(("epyc6", " "), "the task is empty", "TASK"),
    "an empty command": Case(("epyc6", "--exec", ""), "there is no command", "--exec"),
    "a blank command": Case(("epyc6", "--exec", " \n\t "), "the command is empty", "--exec"),
    "an empty file": Case(("epyc6", "--exec", "--file", "-"), "the command is empty", "--exec"),
    **{
        f"an empty {option}": Case((*call, option, ""), f"{option} has an empty", "leave it out")
        for option, *call in (
            ("--agent", "epyc6", "a b"),
            ("--attach", "epyc6", "a b"),
            ("--branch", "--jules", "a b"),
            ("--cwd", "epyc6", "--exec", "true"),
            ("--issue", "epyc6", "a b"),
        )
    },
    "a blank check": Case(("epyc6", "a b", "--verify", " "), "an empty value", "leave it out"),
    "all and more": Case(("--logs", "all", "ses_1"), "all sessions", "leave out all"),
    "a NUL": Case(("epyc6", "--exec", "--file", "-"), "NUL", "remove it", b"echo \0"),
    "no file": Case(
        ("epyc6", "--exec", "--file", "DIR/no"), "No such file", "give a readable file"
    ),
    "a directory as file": Case(
        ("epyc6", "--exec", "--file", "DIR"), "directory", "give a readable file"
    ),
    "an unknown option": Case(("epyc6", "--exce", "true"), "--exce", SEE_HELP),
    "an option without value": Case(("epyc6", "--cwd"), "--cwd", SEE_HELP),
    "a command without value": Case(("epyc6", "--exec"), "there is no command", "--file"),
    "a command in words, and none": Case(
        ("epyc6", "--exec", "--"), "there is no command", "--file"
    ),
    "a command without quotes": Case(
        ("epyc6", "--exec", "ls", "/tmp"), "/tmp is left over", "--exec 'ls /tmp'"
    ),
    "its options": Case(
        ("epyc6", "--exec", "ls", "-la", "/tmp"), "-la /tmp is left", "--exec 'ls -la /tmp'"
    ),
    "a command that was quoted in parts": Case(
        ("--exec", "ls", "epyc6", "a b", "c"), "'a b' c is left", "--exec -- ls 'a b' c"
    ),
    "a program as a task": Case(("epyc6", "uptime"), "uptime is a program", "--exec uptime"),
    "a shell's own command as a task": Case(("epyc6", "cd"), "cd is a program", "--exec cd"),
    "half days": Case(("--clean", "--age", "36h"), "not whole days", SEE_HELP),
    "a size of 1000": Case(
        ("epyc6", "--exec", "true", "--max-output", "10MB"), "no size", SEE_HELP
    ),
    "a third argument": Case(("epyc6", "a", "b"), "unexpected extra argument", SEE_HELP),
    "an option of commands": Case(("epyc6", "work", "--gather"), "--gather", "leave it out"),
    "a session of nobody": Case(
        ("--session", "ses_0-00000000", "work"), "no session named", "--sessions"
    ),
    "two modes": Case(("--list", "--status", "epyc6"), "--list and --status", "choose one"),
    "a mode and a command": Case(
        ("epyc6", "--exec", "true", "--list"), "--exec and --list", "choose one"
    ),
    "a mode with target": Case(("epyc6", "--list"), "takes no further argument", "--status"),
    "two commands": Case(
        ("epyc6", "--exec", "true", "--file", "-"), "can't be used together", "once"
    ),
    "words as timeout": Case(("epyc6", "--exec", "true", "--timeout", "soon"), "'soon'", SEE_HELP),
    "no forks": Case(("epyc6", "--exec", "true", "--forks", "0"), "--forks", SEE_HELP),
    "negative retries": Case(("epyc6", "--exec", "true", "--retries", "-1"), "--retries", SEE_HELP),
    "a bad run id": Case(("epyc6", "--exec", "true", "--run-id", "a/b"), "'a/b'", "letters"),
    "a bad session": Case(("--logs", "what"), "no session named what", "--sessions"),
    "a session of elsewhere": Case(("--abort", "cmd_0-00000000"), "is on no host", "-i"),
    "no inventory": Case(("-i", "DIR/no", "--list"), "there is no inventory", "DX_INVENTORY"),
    "a malformed inventory": Case(
        ("-i", "DIR/bad.yml", "all", "--exec", "true"), "bad.yml, line 2, can't be", "correct it"
    ),
    "a malformed inventory, and a task": Case(
        ("-i", "DIR/bad.yml", "vm1", "work"), "bad.yml, line 2, can't be used", "correct it there"
    ),
    "an empty directory": Case(
        ("-i", "DIR/empty", "all", "--exec", "true"), "is an empty directory", "--init"
    ),
    "no host in the inventory": Case(
        ("-i", "DIR/none.yml", "vm1", "--exec", "true"), "none.yml has no hosts", "all: hosts:"
    ),
    "no host, and a list": Case(("-i", "DIR/none.yml", "--list"), "has no hosts", "all: hosts:"),
    "nothing matches": Case(("epyc9*", "--exec", "true"), "epyc9*: no such host", "epyc6", code=3),
    "all but all": Case(("all:!all", "--exec", "true"), "all:!all: no such host", "--list", code=3),
    "an unknown group": Case(("gpus:ios", "--exec", "true"), "gpus: no such host", "gpu", code=3),
    "status of nobody": Case(
        ("--status", "epic6"), "epic6: no such host", "did you mean epyc6", code=3
    ),
    **{
        f"timeout {value}": Case(
            ("epyc6", "--exec", "true", "--timeout", value), "no duration above 0", SEE_HELP
        )
        for value in ("0", "-1", "nan", "inf", "1e999")
    },
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "bad.yml").write_text("all:\n  hosts: [\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "none.yml").write_text("all:\n  hosts:\n")
    return tmp_path


@pytest.mark.sampled("form")
@pytest.mark.parametrize("form", ["plain", "--json"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_bad_call_ends_with_one_line_and_a_remedy(
    user: Dispatcher, directory: Path, case: Case, form: str
) -> None:
    arguments = [argument.replace("DIR", str(directory)) for argument in case.arguments]
    check = _check_line if form == "plain" else _check_document
    check(user, arguments, case)


def _check_line(user: Dispatcher, arguments: list[str], case: Case) -> None:
    plain = user.run(*arguments, stdin=case.stdin)
    assert (plain.code, plain.out) == (case.code, b"")
    (line,) = plain.err.decode().splitlines()
    assert line.startswith("dx-dispatch: ")
    assert case.says in line
    assert case.remedy in line


def _check_document(user: Dispatcher, arguments: list[str], case: Case) -> None:
    as_json = user.run("--json", *arguments, stdin=case.stdin)
    document = as_json.document
    codes = (as_json.code, document["exit_code"])
    assert (codes, document["schema"]) == ((case.code, case.code), 1)
    assert case.says in document["error"]["message"]
    assert case.remedy in document["error"]["remedy"]
    assert as_json.err == b""


@pytest.mark.parametrize("arguments", [("--runs",), ("--logs", "")], ids=["good", "bad"])
@pytest.mark.parametrize("taker", ["full", "gone"])
def test_a_document_that_nothing_takes_is_no_traceback(
    user: Dispatcher, arguments: tuple[str, ...], taker: str
) -> None:
    reader, out = os.pipe()
    os.close(reader)
    if taker == "full":
        os.close(out)
        out = os.open("/dev/full", os.O_WRONLY)
    try:
        answer = user.run(*arguments, "--json", stdout=out)
    finally:
        os.close(out)

    said = answer.err.decode().splitlines()
    assert answer.code == (1 if arguments == ("--runs",) else 2)
    assert len(said) == (0 if (arguments, taker) == (("--runs",), "gone") else 1)
    assert all(line.startswith("dx-dispatch: ") for line in said)


def test_an_inventory_that_may_not_be_read_is_named(user: Dispatcher, tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.touch(mode=0)
    answer = user.run("-i", str(inventory), "--list", through=OBEY_MODES)
    complaint = f"dx-dispatch: the inventory {inventory} can't be read; check its owner and mode\n"
    assert (answer.code, answer.out, answer.err.decode()) == (2, b"", complaint)


def test_no_directory_of_somebody_else_is_used_in_place_of_a_home(user: Dispatcher) -> None:
    spare = user.home / "dx-ansible-0"
    spare.mkdir(mode=0o777)
    spare.chmod(0o777)
    environment = {"HOME": "/dev/null", "TMPDIR": str(user.home)}
    answer = user.run("--list", env=environment)
    assert (answer.code, answer.out) == (2, b"")
    assert answer.err.decode().startswith(f"dx-dispatch: {spare} is open to other users; remove it")
