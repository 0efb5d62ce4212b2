"""Rules of the script of a turn, which really runs under the shells that an account may have."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.agents import load_agents
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import read_meta
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn import Trailer, Turn, script

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SESSION = "ses_0123456789abcdef-01234567"
SHELLS = {"sh": ["sh"], "bash": ["bash"], "zsh": ["zsh"], "busybox": ["busybox", "sh"]}
EVERY_SHELL = [
    pytest.param(
        words, id=name, marks=pytest.mark.skipif(not shutil.which(name), reason="no " + name)
    )
    for name, words in SHELLS.items()
]
NATIVE = "1a64e7a9-0eb4-4289-9c29-0955146cb409"
TEXTS = {
    "a task": b"Run the tests and repair what fails.\n",
    "no newline at its end": b"go on",
    "nothing but newlines": b"\n\n\n",
    "quotes": b'it\'s "quoted" `id` $(id) $HOME \\ \\n ${x:-y} !! * ~ {directory} {session}\n',
    "the end of a here-document": b"EOF\nexit 3\n#dx {}\n}\n",
    "looks like an option": b"--help -n",
    "not UTF-8": bytes(range(1, 256)),
    "our own mark": b"\x1edx-turn code=0 verify=-\n",
    "line ends of elsewhere": b"one\r\ntwo\r",
    "a megabyte": b"0123456789abcde\n" * 65536,
}


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What the script left behind: what it said at its begin and at its end, and in between."""

    code: int
    begin: Trailer
    out: bytes
    end: Trailer
    err: bytes


def run(
    home: Path,
    turn: Turn,
    *,
    shell: list[str] = SHELLS["sh"],
    number: int = 1,
    environment: Mapping[str, str] | None = None,
) -> Ran:
    """Run it as the keeper does: in the home directory, by its file in the turn's directory."""
    place = home / ".local" / "state" / "dxansible" / "sessions" / f"{turn.session}.{number}"
    place.mkdir(parents=True)
    (place / "command").write_bytes(script(turn))
    done = subprocess.run(
        [*shell, str(place / "command")],
        capture_output=True,
        check=False,
        cwd=home,
        env={"HOME": str(home), "PATH": os.defpath, **(environment or {})},
    )
    (place / "base").unlink(missing_ok=True)
    assert [path.name for path in place.iterdir()] == ["command"]
    said, found, end = done.stdout.rpartition(b"\n\x1e")
    begin = b""
    if said.startswith(b"\x1e"):
        begin, _, said = said[1:].partition(b"\n")
    return Ran(
        code=done.returncode,
        begin=Trailer.parse(begin.decode()),
        out=said,
        end=Trailer.parse(end.decode() if found else None),
        err=done.stderr,
    )


def of(*arguments: str, prompt: bytes = b"", **fields: object) -> Turn:
    return Turn(session=SESSION, arguments=arguments, prompt=prompt, **fields)  # type: ignore[arg-type] # any field


@pytest.mark.parametrize("shell", EVERY_SHELL)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_prompt_comes_byte_for_byte(home: Path, shell: list[str], text: bytes) -> None:
    ran = run(home, of("cat", prompt=text), shell=shell)

    assert (ran.code, ran.out, ran.err) == (0, text, b"")


@pytest.mark.parametrize("shell", EVERY_SHELL)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_prompt_in_a_file_comes_byte_for_byte(home: Path, shell: list[str], text: bytes) -> None:
    turn = of("cat", "{prompt_file}", prompt=text, prompt_in_file=True, verify=b"exit 0\n")

    ran = run(home, turn, shell=shell)

    assert (ran.code, ran.out, ran.err) == (0, text, b"")


def test_a_file_with_the_prompt_is_private_and_its_agent_reads_nothing_else(home: Path) -> None:
    words = ("sh", "-c", 'ls -l "$1"; wc -c <&0', "sh", "{prompt_file}")

    ran = run(home, of(*words, prompt=b"secret", prompt_in_file=True))

    assert re.fullmatch(rb"-rw------- .*/prompt\n\s*0\n", ran.out)


@pytest.mark.parametrize("shell", EVERY_SHELL)
def test_an_agent_that_reads_no_prompt_is_none_the_worse(home: Path, shell: list[str]) -> None:
    ran = run(home, of("true", prompt=TEXTS["a megabyte"]), shell=shell)

    assert (ran.code, ran.end.code, ran.out) == (0, 0, b"")


@pytest.mark.parametrize("shell", EVERY_SHELL)
def test_every_argument_is_one_word_as_it_is(home: Path, shell: list[str]) -> None:
    odd = home / 'it\'s a "home" $x'
    odd.mkdir()
    words = ["a b", "it's", '"', "$HOME", "`id`", "*", "~", "\\", "a\nb", "", "-n", "{other}", "ä"]

    ran = run(
        odd,
        of("printf", "%s\\0", *words, "{directory}", "in {directory}/{session}", "{native_id}",
           "'{native_id}'", native_id="it's $1"),
        shell=shell,
    )  # fmt: skip

    assert ran.out.decode().split("\0")[:-1] == [
        *words, str(odd), f"in {odd}/{SESSION}", "it's $1", "'it's $1'",
    ]  # fmt: skip


def test_an_id_that_is_not_known_yet_is_empty(home: Path) -> None:
    assert run(home, of("printf", "<%s>", "{native_id}")).out == b"<>"


@pytest.mark.parametrize("shell", EVERY_SHELL)
def test_an_agent_has_its_environment(home: Path, shell: list[str]) -> None:
    turn = of("sh", "-c", 'printf "%s|%s" "$A" "$B"', environment={"A": "it's $HOME\n", "B": ""})

    assert run(home, turn, shell=shell).out == b"it's $HOME\n|"


@pytest.mark.parametrize("shell", EVERY_SHELL)
@pytest.mark.parametrize("in_file", [False, True])
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("exit 0", 0),
        ("exit 1", 1),
        ("exit 255", 255),
        ("kill -s TERM $$", 128 + signal.SIGTERM),
        ("kill -s KILL $$", 128 + signal.SIGKILL),
    ],
)
def test_the_exit_code_is_the_agent_s(
    home: Path, shell: list[str], command: str, code: int, *, in_file: bool
) -> None:
    ran = run(home, of("sh", "-c", command, prompt_in_file=in_file), shell=shell)

    assert (ran.code, ran.end.code, ran.end.verify, ran.end.problem) == (code, code, None, None)


def test_a_program_that_is_not_there_has_the_shell_s_exit_code(home: Path) -> None:
    ran = run(home, of("no-such-agent"))

    assert (ran.code, ran.end.code) == (127, 127)
    assert b"no-such-agent" in ran.err


@pytest.mark.parametrize("name", ["give_up", "cut_text", "branch_now"])
def test_no_program_is_mixed_up_with_a_function_of_ours(home: Path, name: str) -> None:
    assert run(home, of(name)).code == 127


@pytest.mark.parametrize("name", ["agent", "directory_of"])
def test_a_program_may_be_called_like_a_function_of_ours(home: Path, name: str) -> None:
    (home / name).write_text("#!/bin/sh\ncat\n", encoding="ascii")
    (home / name).chmod(0o755)
    path = {"PATH": f"{home}:{os.defpath}"}

    ran = run(home, of(name, prompt=b"hello"), environment=path)

    assert (ran.code, ran.out) == (0, b"hello")


def test_a_turn_without_a_repository_is_in_the_home_directory(home: Path) -> None:
    ran = run(home, of("pwd"))

    assert ran.out == f"{home}\n".encode()
    assert ran.begin == Trailer(directory=str(home))
    assert ran.end == Trailer(directory=str(home), code=0)


# the check


@pytest.mark.parametrize("shell", EVERY_SHELL)
@pytest.mark.parametrize("code", [0, 1, 77])
def test_the_check_decides_after_an_agent_that_is_done(
    home: Path, shell: list[str], code: int
) -> None:
    check = b"pwd; printf '\\377'; wc -c; exit %d # it's \"so\"" % code

    ran = run(home, of("cat", prompt=b"done", verify=check), shell=shell)

    assert (ran.code, ran.end.code, ran.end.verify, ran.out) == (code, 0, code, b"done")
    assert re.fullmatch(rb"%b\n\xff\s*0\n" % re.escape(str(home)).encode(), ran.err)


def test_a_check_is_not_run_after_an_agent_that_failed(home: Path) -> None:
    ran = run(home, of("false", verify=b"echo checked"))

    assert (ran.code, ran.end.code, ran.end.verify, ran.err) == (1, 1, None, b"")


def test_a_check_may_have_any_bytes(home: Path) -> None:
    ran = run(home, of("true", verify=b"cat <<'x'\n'\xff$HOME\nx\n"))

    assert (ran.code, ran.err) == (0, b"'\xff$HOME\n")


# a conversation that was begun by hand


@pytest.mark.parametrize("shell", EVERY_SHELL)
@pytest.mark.parametrize(
    "text",
    [
        '{"directory":"%s"}',
        '{\n  "id": "x",\n  "directory": "%s",\n  "more": 1\n}\n{"directory":"/"}',
        '{"text":"\\"cwd\\":\\"/\\""}\n{"a":{},"cwd":"%s","b":{"cwd":"/"}}',
    ],
)
def test_a_foreign_conversation_goes_on_where_it_began(
    home: Path, shell: list[str], text: str
) -> None:
    there = home / 'its "own" direc\\tory \u00fc'
    there.mkdir()
    written = json.dumps(str(there), ensure_ascii=False)[1:-1]
    asked = ("sh", "-c", 'echo noise >&2; cat; printf %s "$2"', "sh", "x", text % written)

    ran = run(
        home, of("pwd", native_id=NATIVE, directory_of=asked, prompt=b"not for it"), shell=shell
    )

    assert (ran.out, ran.err) == (f"{there}\n".encode(), b"")
    assert ran.begin.directory == ran.end.directory == str(there)


@pytest.mark.parametrize(
    "asked", [("no-such-agent",), ("false",), ("echo", "no such session"), ("echo", "{}")]
)
def test_a_conversation_whose_directory_is_not_found_does_not_go_on(
    home: Path, asked: tuple[str, ...]
) -> None:
    ran = run(home, of("pwd", agent="robot", native_id=NATIVE, directory_of=asked))

    assert (ran.code, ran.begin, ran.out) == (1, Trailer(), b"")
    assert ran.end.problem == "no_conversation"
    assert str(ran.end.message).startswith(f"robot has no conversation {NATIVE} on this VM, or ")


@pytest.mark.parametrize("shell", EVERY_SHELL)
def test_a_directory_that_has_gone_is_told_and_the_agent_not_started(
    home: Path, shell: list[str]
) -> None:
    asked = ("echo", '{"directory":"%s/gone"}' % home)  # noqa: UP031 - braces

    gone = of("echo", "started", native_id=NATIVE, directory_of=asked)
    for turn in (gone, of("echo", "started", directory=f"{home}/gone")):
        ran = run(home, turn, shell=shell)

        assert (ran.code, ran.begin, ran.out) == (1, Trailer(), b"")
        assert ran.end.problem == "directory_unusable"
        assert f"{home}/gone" in str(ran.end.message)
        assert ran.err.decode().endswith(f"{ran.end.message}\n")
        shutil.rmtree(home / ".local")


@pytest.mark.parametrize("shell", EVERY_SHELL)
@pytest.mark.parametrize("chosen", ["~", "~/it's mine", "it's mine", "{home}/it's mine"])
def test_a_chosen_directory_is_worked_in_as_it_is(
    home: Path, shell: list[str], chosen: str
) -> None:
    (home / "it's mine").mkdir()
    ran = run(home, of("pwd", directory=chosen.replace("{home}", str(home))), shell=shell)

    where = str(home) + ("/it's mine" if "mine" in chosen else "")
    assert (ran.out, ran.end.directory) == (f"{where}\n".encode(), where)


# where the agents keep their conversations, as the real programs have laid it down

STORES = {
    "claude": (
        f".claude/projects/-srv-my-site/{NATIVE}.jsonl",
        (
            '{"type":"queue-operation","operation":"enqueue","content":"\\"cwd\\":\\"/\\""}\n'
            '{"parentUuid":null,"type":"user","message":{"role":"user","content":"x"},"cwd":"%s"}\n'
            '{"type":"user","message":{"role":"user","content":"x"},"cwd":"/"}\n'
        ),
    ),
    "codex": (
        f".codex/sessions/2026/11/25/rollout-2026-11-25T19-59-22-{NATIVE}.jsonl",
        (
            '{"ordinal":0,"type":"session_meta","payload":{"cwd":"%s","originator":"codex_exec"}}\n'
            '{"type":"turn_context","payload":{"cwd":"/"}}\n'
        ),
    ),
    "gemini": (
        f".gemini/tmp/my-site/chats/session-2026-11-25T20-01-{NATIVE[:8]}.jsonl",
        '{"sessionId":"' + NATIVE + '","projectHash":"ae6a","kind":"main"}\n{"type":"user"}\n',
    ),
}


@pytest.mark.parametrize("shell", EVERY_SHELL)
@pytest.mark.parametrize("agent", STORES)
def test_a_conversation_begun_by_hand_goes_on_in_its_own_directory(
    home: Path, shell: list[str], agent: str
) -> None:
    there = home / 'my "site" \u00fc'
    there.mkdir()
    name, text = STORES[agent]
    kept = home / name
    kept.parent.mkdir(parents=True)
    kept.write_text(text.replace("%s", json.dumps(str(there), ensure_ascii=False)[1:-1]), "utf-8")
    (kept.parent.parent / ".project_root").write_text(str(there), "utf-8")
    turn = of("pwd", agent=agent, directory_of=load_agents()[agent].directory_of, native_id=NATIVE)

    assert run(home, turn, shell=shell).out == f"{there}\n".encode()
    other = NATIVE[:-1] + "0"
    unknown = replace(turn, native_id=other, session="ses_0-00000000")
    assert run(home, unknown, shell=shell).end.problem == "no_conversation"


# the file


def test_the_first_line_is_what_the_vm_keeps_of_it() -> None:
    meta = {"agent": "shell", "task": 'it\'s\n"ä" \udcff', "timeout": 1.5, "repo": None}

    first = script(of("true", meta=meta)).split(b"\n", 1)[0].decode("ascii")

    assert first.startswith("#dx {")
    assert read_meta(first) == meta


@pytest.mark.parametrize("length", range(0, 12_000, 997))
@pytest.mark.parametrize("size", [0, 7, 1000, 99_999])
def test_the_texts_are_where_the_script_looks_for_them(length: int, size: int) -> None:
    # around the lengths where an offset gets a digit more
    probe = len(script(of("true", native_id="")))
    lengths = {length, *(10**n - probe + d for n in (4, 5) for d in range(-12, 3))}
    for padding in sorted(number for number in lengths if number >= 0):
        turn = of("true", "x" * padding, prompt=b"p" * size, verify=b"v" * 5)
        text = script(turn)
        at = {
            name: int(number)
            for name, number in re.findall(
                r"^(\w+_(?:at|size))=(\d+)$", text.decode(), re.MULTILINE
            )
        }
        begin = at["prompt_at"] - 1
        assert text[begin : begin + at["prompt_size"]] == turn.prompt
        assert text[at["verify_at"] - 1 :] == turn.verify
        assert text[:begin].endswith(b'exit "$code"\n')
