"""The text of a command reaches the VM's shell byte for byte, whichever way it comes."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dxansible.fleet import fanout_ssh
from dxansible.settings import content_dir

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.dispatcher import Dispatcher

    Door = Callable[[Dispatcher, Path, str], bytes]
    """One way to hand over a command; returns what the VM wrote to standard output."""

TEXT = r"""
{{ 7*7 }} {{ lookup('pipe', 'id') }} {% raw %} {{ x }} {% endraw %} {# note #} {{ '{{' }}
!unsafe "{{ 7*7 }}" !vault | &anchor *anchor - item: value # comment @at %percent
$(id) `id` ${HOME} $HOME $$ $1 $? !! !1 ~ ~/x * ? [a-z] {a,b} <(id) >out 2>&1 | ; & && || ( )
'single' "double" \"escaped\" \'escaped\' '' "" ''' \"\"\" \ \\ \\\ \n \t \x41 \u0041 \0 %s %d %%
-e --version -- --exec=x -
---
...
"""
TEXT += "  leading and trailing blanks\ttabs\t  \n"
TEXT += "🦊👩\u200d👩\u200d👧 café e\u0301 \u202eright to left\u202c zero\u200bwidth a\u00a0b\n"
HERE = f"cat <<'END OF TEXT'\n{TEXT}\nEND OF TEXT\n"

WHOLE = {
    "a Jinja expression": ("echo {{ 7*7 }}", b"{{ 7*7 }}\n"),
    "a Jinja statement": ("echo '{% if true %}yes{% endif %}'", b"{% if true %}yes{% endif %}\n"),
    "a tag of YAML": ("!unsafe 2>/dev/null; echo $?", b"127\n"),
    "a leading dash": ("-x 2>/dev/null; echo $?", b"127\n"),
    "a list": ("[ 1 = 1 ] && echo yes", b"yes\n"),
    "a mapping": ("{ echo {a: 1}; }", b"{a: 1}\n"),
    "a header of Jinja": ("#jinja2: variable_start_string: '['\necho [ 7*7 ]", b"[ 7*7 ]\n"),
    "lines and blanks around it": ("\n\n  echo a; \n\techo b \n\n", b"a\nb\n"),
    "a line that goes on": ("echo a\\\nb", b"ab\n"),
    "a carriage return": ("printf %s 'a\rb\r\n'", b"a\rb\r\n"),
    "a file's name with @": ("@/etc/passwd 2>/dev/null; echo $?", b"127\n"),
}


def _by_option(user: Dispatcher, directory: Path, command: str) -> bytes:
    return user.run("epyc6", f"--exec={command}", cwd=directory).out


def _by_file(user: Dispatcher, directory: Path, command: str) -> bytes:
    path = directory / "-command"
    path.write_bytes(command.encode())
    return user.run("epyc6", "--exec", "--file", "./-command", cwd=directory).out


def _by_standard_input(user: Dispatcher, directory: Path, command: str) -> bytes:
    return user.run("epyc6", "--exec", "--file", "-", stdin=command.encode(), cwd=directory).out


def _by_python(_user: Dispatcher, _directory: Path, command: str) -> bytes:
    return fanout_ssh("epyc6", command).stdout_bytes


def _by_block_in_yaml(user: Dispatcher, directory: Path, command: str) -> bytes:
    indented = "".join(f"  {line}\n" for line in command.split("\n"))
    return _play(user, directory, f"dx_command: |2+\n{indented}")


def _by_unsafe_string_in_yaml(user: Dispatcher, directory: Path, command: str) -> bytes:
    return _play(user, directory, f"dx_command: !unsafe {json.dumps(command, ensure_ascii=False)}")


def _by_json(user: Dispatcher, directory: Path, command: str) -> bytes:
    return _play(user, directory, json.dumps({"dx_command": command}))


def _play(user: Dispatcher, directory: Path, request: str) -> bytes:
    (directory / "request.yml").write_text(request)
    run_id = f"direct_{secrets.token_hex(6)}"
    program = str(Path(sys.executable).parent / "ansible-playbook")
    arguments = ["-e", "@request.yml", "-e", f"dx_run_id={run_id}", "--limit", "epyc6"]
    playbook = str(content_dir("playbooks") / "run-command.yml")
    inventory = user.environment["DX_INVENTORY"]
    subprocess.run(
        [program, "-i", inventory, *arguments, playbook],
        env=user.environment,
        cwd=directory,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    sessions = Path(inventory).parent / "home/epyc6/.local/state/dxansible/sessions"
    return b"".join(part.read_bytes() for part in sorted(sessions.glob(f"{run_id}-*/out.0*")))


PLAYBOOK_DOORS: dict[str, Door] = {
    "a block in request.yml": _by_block_in_yaml,
    "an unsafe string in request.yml": _by_unsafe_string_in_yaml,
    "JSON in request.yml": _by_json,
}
DOORS: dict[str, Door] = {
    "--exec": _by_option,
    "--file": _by_file,
    "--file -": _by_standard_input,
    "fanout_ssh": _by_python,
    **PLAYBOOK_DOORS,
}


@pytest.mark.resident
@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_every_door_hands_over_the_text_as_it_is(
    user: Dispatcher, tmp_path: Path, door: Door
) -> None:
    assert door(user, tmp_path, HERE).removesuffix(b"\n").decode() == TEXT


@pytest.mark.resident
@pytest.mark.parametrize(("command", "printed"), WHOLE.values(), ids=WHOLE)
def test_a_whole_command_in_a_request_is_nothing_but_text(
    user: Dispatcher, tmp_path: Path, command: str, printed: bytes
) -> None:
    assert _by_unsafe_string_in_yaml(user, tmp_path, command) == printed


@pytest.mark.sampled("user")
@pytest.mark.newcomer
@pytest.mark.engines
@pytest.mark.parametrize("name", ["a Jinja expression", "a leading dash", "a file's name with @"])
def test_a_whole_command_of_the_command_line_is_nothing_but_text(
    user: Dispatcher, tmp_path: Path, name: str
) -> None:
    command, printed = WHOLE[name]
    assert _by_option(user, tmp_path, command) == printed


@pytest.mark.resident
@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "door", [_by_file, _by_standard_input, _by_python, _by_json], ids=lambda door: door.__name__
)
def test_a_text_of_200_kilobytes_arrives_whole(
    user: Dispatcher, tmp_path: Path, door: Door
) -> None:
    text = "".join(f"{number:06} {{{{ 7*7 }}}} $(id) 'x\n" for number in range(8000))
    assert len(text) > 200_000
    command = f"cat <<'END OF TEXT'\n{text}END OF TEXT\n"
    assert door(user, tmp_path, command).decode() == text


@pytest.mark.resident
def test_a_text_that_is_not_utf_8_arrives_byte_for_byte(user: Dispatcher) -> None:
    command = b"printf %s '\xff\xfe caf\xe9 \xc3'"
    assert user.run("epyc6", "--exec", "--file", "-", stdin=command).out == b"\xff\xfe caf\xe9 \xc3"
    by_option = os.fsdecode(command)
    assert user.run("epyc6", "--exec", by_option).out == b"\xff\xfe caf\xe9 \xc3"
