"""Rules of talking to the keeper; the VM is a shell of this machine with an empty home."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import Keeper
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import (
    CutShortError,
    KeeperError,
    ProgramMissingError,
    Reply,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.states import ENDED


@dataclass
class Shell:
    """A connection to a shell, that counts its calls and may spoil what comes back."""

    home: Path
    calls: int = 0
    commands: list[str] = field(default_factory=list)
    cut_to: int | None = None
    path: str = os.defpath

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, *, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        assert not sudoable
        self.calls += 1
        self.commands.append(cmd)
        done = subprocess.run(
            ["sh", "-c", cmd],
            input=in_data,
            capture_output=True,
            check=False,
            env={"HOME": str(self.home), "PATH": self.path},
        )
        return done.returncode, done.stdout[: self.cut_to], done.stderr


@pytest.fixture
def shell(home: Path) -> Shell:
    return Shell(home)


def end_of(keeper: Keeper, session: str, reply: Reply) -> Reply:
    while reply.state not in ENDED:
        reply = keeper.poll(session, {"wait": 5})
    return reply


def test_the_first_call_installs_the_script_and_later_ones_are_one_round_trip(
    shell: Shell,
) -> None:
    keeper = Keeper(shell)

    keeper.ping()
    assert shell.calls == 3
    keeper.ping()
    assert shell.calls == 4


@pytest.mark.parametrize("missing", [["b2sum"], ["b2sum", "sha256sum"], ["sha256sum", "cksum"]])
def test_whatever_checksums_a_machine_has_it_knows_the_script(
    shell: Shell, home: Path, missing: list[str]
) -> None:
    tools = home / "tools"
    tools.mkdir()
    names = [name for place in ("/bin", "/usr/bin") for name in Path(place).iterdir()]
    for path in names:
        if path.name not in missing and not (tools / path.name).exists():
            (tools / path.name).symlink_to(path)
    shell.path = str(tools)
    keeper = Keeper(shell)

    keeper.ping()
    assert shell.calls == 3
    keeper.ping()
    assert shell.calls == 4


def test_the_script_is_private_and_written_whole(shell: Shell, home: Path) -> None:
    Keeper(shell).ping()

    state = home / ".local" / "state" / "dxansible"
    (script,) = [path for path in state.iterdir() if path.is_file()]
    assert state.stat().st_mode & 0o077 == 0
    assert script.read_bytes().startswith(b"#!/bin/sh\n")
    assert script.name in shell.commands[-1]


def test_a_command_runs_once_and_its_bytes_come_back(shell: Shell, home: Path) -> None:
    keeper = Keeper(shell)
    command = b"echo ran >>~/runs; printf 'a\\377'; echo e >&2; exit 3"

    first = keeper.start("s1", command, {"wait": 5})
    second = keeper.start("s1", command, {"wait": 5})

    reply = end_of(keeper, "s1", second)
    assert (reply.state, reply.code, reply.out, reply.err) == ("exited", 3, b"a\xff", b"e\n")
    assert (first.attached, second.attached) == (False, True)
    assert (home / "runs").read_text() == "ran\n"


def test_no_command_is_part_of_an_argument(shell: Shell) -> None:
    keeper = Keeper(shell)

    end_of(keeper, "s1", keeper.start("s1", b"echo hunter2", {"wait": 5}))

    assert not any("hunter2" in text for text in shell.commands)


def test_a_poll_goes_on_from_an_offset(shell: Shell) -> None:
    keeper = Keeper(shell)
    end_of(keeper, "s1", keeper.start("s1", b"printf abcdef", {"wait": 5}))

    reply = keeper.poll("s1", {"out": 2, "chunk": 3})

    assert (reply.out, reply.out_from, reply.out_total) == (b"cde", 2, 6)
    assert not reply.complete


def test_an_abort_ends_the_command(shell: Shell) -> None:
    keeper = Keeper(shell)
    reply = keeper.start("s1", b"echo up; exec sleep 60", {"wait": 5})
    while reply.out != b"up\n":
        reply = keeper.poll("s1", {"wait": 5})

    assert keeper.abort("s1", 60).state == "aborted"


def test_what_was_aborted_before_it_began_never_begins(shell: Shell, home: Path) -> None:
    keeper = Keeper(shell)

    keeper.abort("s1", 5)
    reply = end_of(keeper, "s1", keeper.start("s1", b"touch ~/ran", {"wait": 5}))

    assert reply.state in {"aborted", "unstarted"}
    assert not (home / "ran").exists()


def test_an_id_that_was_never_started_is_unknown(shell: Shell) -> None:
    assert Keeper(shell).poll("never", {}).state == "unknown"


def test_a_listing_a_ping_and_a_clean_are_one_round_trip_each(shell: Shell) -> None:
    keeper = Keeper(shell)
    assert keeper.list().sessions == []
    command = b'#dx {"agent":"x"}\necho hi'
    end_of(keeper, "ses.1", keeper.start("ses.1", command, {"wait": 5, "meta": "yes"}))
    calls = shell.calls

    (entry,) = keeper.list("ses").sessions
    ping = keeper.ping("sh", path="~/bin")
    cleaned = keeper.clean(0)

    assert (entry.name, entry.meta, entry.last) == ("ses.1", '#dx {"agent":"x"}', b"hi\n")
    assert (ping.running, ping.found, ping.version) == (0, True, None)
    assert (cleaned.removed, cleaned.kept) == (["ses"], {})
    assert shell.calls == calls + 3
    assert keeper.list("other").sessions == []


def test_what_was_noted_first_stays(shell: Shell) -> None:
    keeper = Keeper(shell)
    end_of(keeper, "ses.1", keeper.start("ses.1", b"true", {"wait": 5}))
    calls = shell.calls

    assert keeper.note("ses.1", "slack-end", "one") == {"slack-end": "one"}
    assert keeper.note("ses.1", "slack-end", "two") == {"slack-end": "one"}
    assert shell.calls == calls + 2
    assert [entry.notes for entry in keeper.list("ses").sessions] == [{"slack-end"}]
    with pytest.raises(KeeperError, match=r"there is no session ses\.2"):
        keeper.note("ses.2", "slack-end", "one")


def test_nothing_is_started_without_the_program_that_it_needs(shell: Shell) -> None:
    with pytest.raises(ProgramMissingError, match="/usr/bin"):
        Keeper(shell).start("s1", b"true", {"need": "no-such-program"})


def test_a_home_that_cannot_be_written_to_is_told_in_the_shell_s_own_words(
    shell: Shell, home: Path
) -> None:
    (home / ".local").write_text("in the way")

    with pytest.raises(KeeperError, match=r"\.local"):
        Keeper(shell).ping()


def test_an_answer_that_does_not_end_is_never_taken_for_one(shell: Shell) -> None:
    keeper = Keeper(shell)
    keeper.ping()
    shell.cut_to = 45

    with pytest.raises(CutShortError):
        keeper.poll("s1", {})


@dataclass
class Mute:
    """A connection to a VM whose programs all fail without a word."""

    code: int = 9
    absent: bool = True

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, *, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        assert in_data
        assert not sudoable
        if not self.absent:
            return self.code, b"", b""
        self.absent = False
        mark = cmd.rpartition("mark=")[2].partition(" ")[0]
        return 0, f"\n{mark} state=absent\n{mark} end\n".encode(), b""


def test_a_script_that_cannot_be_stored_is_told_even_without_words() -> None:
    with pytest.raises(KeeperError, match=r"^the VM can't store our script \(exit 9\)$"):
        Keeper(Mute()).ping()
