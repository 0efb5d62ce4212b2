"""With an engine, a call is what it is without."""

from __future__ import annotations

import fcntl
import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.unit.kept.person import Person, answer

OFF = {"DX_ENGINE": "off"}
LOOK = "umask; env | grep -v -E '^(DX_|TERM|SHLVL|PYTEST|OLDPWD|_=)' | sort; id"


def plain(text: str) -> str:
    """Without times, ids, names of runs, and what a busy machine may not have seen in time."""
    text = re.sub(r"dx-\w{8}/artifacts/[-0-9a-f]+", "RUN", text)
    return re.sub(r"cmd_[0-9a-f]+|\d+|stop_verified=\w+|\([^)]*processes[^)]*\)", "N", text)


@pytest.mark.parametrize(
    "arguments",
    [
        ("here", "--exec", "echo é; echo err >&2; exit 3", "--no-slack", "-q"),
        ("all", "--exec", "echo {{ 7*7 }} $HOME; pwd", "--no-slack", "--gather"),
        ("here", "--exec", "kill -9 $$", "--json"),
        ("me:!twin", "--exec", "sleep 9", "--timeout", "1", "-v"),
        ("nobody", "--exec", "true", "-v"),
        ("her,", "--exec", "true"),
    ],
    ids=["command", "several", "killed", "too long", "unknown", "nearly"],
)
def test_output_and_exit_code_are_the_same(regular: Person, arguments: tuple[str, ...]) -> None:
    slow, fast = regular.run(*arguments, env=OFF), regular.run(*arguments)
    told = [line for line in fast.err.splitlines() if not line.startswith("engine_unused")]

    assert fast.code == slow.code
    assert plain(fast.out) == plain(slow.out)
    assert sorted(map(plain, told)) == sorted(map(plain, slow.err.splitlines()))


def test_standard_input_is_the_callers(regular: Person) -> None:
    said = answer(regular.dispatch("here", "--exec", "--file", "-", "-v"), "echo from stdin")

    assert (said.out, said.reason) == ("from stdin\n", "")


def test_file_descriptors_of_the_shell_are_the_callers(regular: Person, tmp_path: Path) -> None:
    (tmp_path / "command").write_text("echo from a file descriptor")
    with (tmp_path / "command").open() as file:
        fd = fcntl.fcntl(file, fcntl.F_DUPFD, 63)
        said = regular.run("here", "--exec", "--file", f"/dev/fd/{fd}", pass_fds=(fd,))
        os.close(fd)

    assert (said.code, said.out) == (0, "from a file descriptor\n")


@pytest.mark.parametrize("where", [{}, {"cwd": "/usr", "umask": 0o027, "env": {"CALLER": "one"}}])
def test_surroundings_of_a_local_command_are_the_callers(
    regular: Person, where: dict[str, object]
) -> None:
    slow = {**where, "env": {**dict(where.get("env", {})), **OFF}}  # type: ignore[call-overload]
    expected = regular.run("here", "--exec", LOOK, "-v", **slow)
    for _ in range(2):
        said = regular.run("here", "--exec", LOOK, "-v", **where)

        assert said.reason == ""
        assert plain(said.out) == plain(expected.out)


def test_tokens_of_services_are_not_in_an_engine(person: Person) -> None:
    secrets = {
        name: f"secret-{name}"
        for name in ("GITHUB_TOKEN", "JULES_API_KEY", "SLACK_BOT_TOKEN", "SLACK_WEBHOOK_URL")
    }
    said = person.say(env=secrets | {"SLACK_WEBHOOK_URL": "https://secret", "DX_TEST": "1"})
    assert said.code == 0
    for pid in person.family():
        for name in ("environ", "cmdline"):
            assert b"secret" not in Path(f"/proc/{pid}/{name}").read_bytes()
    assert person.say(env={"DX_TEST": "1"}).reason == ""
    assert len(person.pids()) == 1


def test_prompts_and_commands_are_in_no_arguments(regular: Person) -> None:
    text = "grep -lsa 'not[-]for[-]all' /proc/[0-9]*/cmdline; : not-for-all"
    assert regular.run("here", "--exec", "--file", "-", stdin=None).code != 0
    said = answer(regular.dispatch("here", "--exec", "--file", "-", "-v"), text)

    assert (said.out, said.reason) == ("", "")


def test_programs_use_it_too(regular: Person) -> None:
    text = (
        "import json, sys; from dxansible.fleet import fanout\n"
        "done = fanout('all', 'echo hi', None)\n"
        "print(json.dumps([[r.host, r.outcome, r.stdout] for r in done]))\n"
        "assert 'ansible_runner' not in sys.modules\n"
    )
    said = answer(regular.program(text))

    assert said.code == 0, said.err
    assert json.loads(said.out) == [["here", "SUCCESS", "hi\n"], ["twin", "SUCCESS", "hi\n"]]


def test_one_that_is_only_in_the_working_directory_is_found(regular: Person) -> None:
    path = regular.environment["PYTHONPATH"]
    call = [sys.executable, "-m", "dxansible", "here", "--exec", "echo hi", "-v"]
    said = answer(
        regular.start(
            call, cwd=path, env={"PYTHONPATH": "", "DX_INVENTORY": str(regular.inventory)}
        )
    )

    assert (said.code, said.out, said.reason) == (0, "hi\n", "")


@pytest.mark.sampled("engine")
@pytest.mark.parametrize("engine", ["on", "off"])
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_standard_stream_may_be_closed(regular: Person, engine: str, closed: str) -> None:
    ran = regular.home / "ran"
    ran.unlink(missing_ok=True)
    call = [sys.executable, "-m", "dxansible", "here", "--exec", "touch ~/ran"]
    words = ["sh", "-c", f'exec "$@" {closed}', "sh", *call]
    said = answer(regular.start(words, env={"DX_ENGINE": engine}))

    assert (said.code, ran.exists()) == (0, True)
    assert "Traceback" not in said.err
