"""With an engine, a call is what it is without."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.engine.person import Answer, Person, answer
from tests.unit.local_vm import write_playbook
from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

OFF = {"DX_ENGINE": "off"}
LOOK = (
    "umask; env | grep -v -e ^_ -e ^ANSIBLE_LOCAL -e ^PATH= -e ^DX_ENGINE= | sort;"
    " grep -e SigIgn -e SigBlk /proc/self/status; ulimit -a; id"
)
_DIRECTORY = """
import os
class FilterModule:
    def filters(self):
        return {"directory": lambda _: os.getcwd()}
"""


def both(person: Person, *arguments: str, stdin: str = "", **options: Any) -> tuple[Answer, Answer]:  # noqa: ANN401 - Popen's own
    """A call of dx-dispatch without an engine, and with one."""
    slow = answer(person.dispatch(*arguments, env=OFF, **options), stdin)
    fast = answer(person.dispatch(*arguments, **options), stdin)
    assert not person.reason(fast)
    return slow, fast


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--help",), 0),
        (("--version",), 0),
        (("--no-such-option",), 2),
        (("--list", "--json", "--follow"), 2),
        (("here", "--exec", "echo é; echo err >&2; exit 3", "--no-slack", "-q"), 1),
    ],
    ids=["help", "version", "usage", "usage in JSON", "command"],
)
def test_output_and_exit_code_are_the_same(
    regular: Person, arguments: tuple[str, ...], code: int
) -> None:
    slow, fast = both(regular, *arguments)

    assert slow.code == code
    assert (fast.code, fast.out, re.sub(r"\d+", "N", fast.err)) == (
        slow.code,
        slow.out,
        re.sub(r"\d+", "N", slow.err),
    )


def test_a_run_of_a_command_has_both_engines(regular: Person) -> None:
    said = answer(regular.dispatch("here", "--exec", "echo hi", "-v"))

    assert (said.code, said.out, regular.reason(said)) == (0, "hi\n", "")


def test_standard_input_is_the_callers(regular: Person) -> None:
    slow, fast = both(regular, "here", "--exec", "--file", "-", stdin="echo from stdin")

    assert fast.out == slow.out == "from stdin\n"


def test_file_descriptors_of_the_shell_are_the_callers(regular: Person, tmp_path: Path) -> None:
    (tmp_path / "command").write_text("echo from a file descriptor")
    for env in (OFF, {}):
        with (tmp_path / "command").open() as file:
            fd = fcntl.fcntl(file, fcntl.F_DUPFD, 63)
            path = f"/dev/fd/{fd}"
            said = answer(
                regular.dispatch("here", "--exec", "--file", path, env=env, pass_fds=(fd,))
            )
            os.close(fd)

        assert (said.code, said.out) == (0, "from a file descriptor\n")


def test_the_terminal_is_the_callers(regular: Person) -> None:
    narrow = [on_terminal(regular, 50, env) for env in (OFF, {})]
    wide = [on_terminal(regular, 99, env) for env in (OFF, {})]

    assert narrow[0] == narrow[1]
    assert wide[0] == wide[1] != narrow[0]


def on_terminal(person: Person, columns: int, env: dict[str, str]) -> bytes:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 20, columns, 0, 0))
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    with person.dispatch("--help", env=env, **streams) as process:
        os.close(theirs)
        text = b""
        with suppress(OSError):
            while part := os.read(ours, 65536):
                text += part
        os.close(ours)
    assert process.returncode == 0
    return text


def look(person: Person, **options: Any) -> str:  # noqa: ANN401 - Popen's own
    """What Ansible, and a process of its, see around them."""
    plugin = person.home / "filter_plugins" / "look.py"
    plugin.parent.mkdir(exist_ok=True)
    plugin.write_text(_DIRECTORY)
    text = f"{{{{ 1 | directory }}}}\n{{{{ lookup('pipe', '{LOOK}') }}}}"
    task = {"name": "Look", "ansible.builtin.debug": {"msg": text}}
    play = write_playbook(person.home / "look.yml", task)
    call = person.playbook("-i", "here,", str(play), **options)
    said = answer(call)
    assert (said.code, person.reason(said)) == (0, ""), said.err
    seen: str = json.loads(said.out.split("ok: [here] => ")[1].partition("\n}")[0] + "}")["msg"]
    return seen


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cwd": "/usr", "umask": 0o027, "env": {"CALLER": "one"}},
        {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)},
    ],
    ids=["plainly", "elsewhere", "nohup"],
)
def test_surroundings_are_the_callers(regular: Person, options: dict[str, Any]) -> None:
    with_engine = look(regular, **options)
    slow = {**options, "env": {**options.get("env", {}), **OFF}}

    assert with_engine == look(regular, **slow)


def test_nothing_of_one_call_is_seen_by_the_next(regular: Person) -> None:
    first = look(regular, cwd="/usr", umask=0o011, env={"SECRET_OF_ONE": "x"})
    second = look(regular, umask=0o022)

    assert "SECRET_OF_ONE=x" in first
    assert "SECRET_OF_ONE" not in second
    assert first.splitlines()[:2] == ["/usr", "0011"]
    assert second.splitlines()[:2] == [str(regular.home), "0022"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_signal_ends_a_playbook_in_the_same_way(regular: Person, number: int) -> None:
    assert end_by(regular, number, {}) == end_by(regular, number, OFF)


def end_by(person: Person, number: int, env: dict[str, str]) -> int:
    ready = person.home / "ready"
    ready.unlink(missing_ok=True)
    task = {"name": "Wait", "ansible.builtin.raw": f"touch {ready}; exec sleep 30"}
    play = write_playbook(person.home / "wait.yml", task)
    inventory = str(person.home / "inventory.yml")
    process = person.playbook("-i", inventory, "-l", "here", str(play), env=env)
    wait_until(ready.exists)
    process.send_signal(number)
    code = answer(process).code
    subprocess.run(["pkill", "-KILL", "-f", str(play)], check=False)
    return code


@pytest.mark.parametrize("engine", ["on", "off"])
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_standard_stream_may_be_closed(regular: Person, engine: str, closed: str) -> None:
    ran = regular.home / "ran"
    ran.unlink(missing_ok=True)
    call = [sys.executable, "-m", "dxansible", "here", "--exec", "touch ~/ran"]
    words = ["sh", "-c", f'exec "$@" {closed}', "sh", *call]
    said = answer(regular._start(words, env={"DX_ENGINE": engine}))

    assert (said.code, ran.exists()) == (0, True)
    assert "Traceback" not in said.err
