"""Rules of ``--init``: the file that it writes, and what it says."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from dxansible.run.first_inventory import inventory_text
from tests.unit.cli.test_command import call  # noqa: F401 - a fixture
from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.test_command import Answer

ROOT = Path(__file__).parents[3]
VM = "vm1=ubuntu@192.0.2.10"


@pytest.fixture
def own(inventory: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the inventory of somebody goes who has none."""
    assert inventory.exists()
    monkeypatch.delenv("DX_INVENTORY")
    return home / ".config/dxansible/inventory/hosts.yml"


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def _hosts(path: Path) -> list[str]:
    return list(yaml.safe_load(path.read_text())["all"]["hosts"])


# off a terminal


def test_it_writes_to_the_user_s_own_place_for_nobody_else_to_read(
    own: Path,
    call: Callable[..., Answer],  # noqa: F811 - a fixture
) -> None:
    answer = call("--init", "--vm", VM, "--vm", "b=c@d:2222")

    assert (answer.code, answer.err) == (0, "")
    assert (
        answer.out.decode()
        == "wrote ~/.config/dxansible/inventory/hosts.yml: vm1, b\nnext: dx-dispatch --list\n"
    )
    assert _hosts(own) == ["vm1", "b"]
    assert (_mode(own), _mode(own.parent), _mode(own.parents[1])) == (0o600, 0o700, 0o700)
    assert list(own.parent.iterdir()) == [own]


def test_without_vms_it_writes_an_example_that_list_asks_to_edit(
    own: Path,
    call: Callable[..., Answer],  # noqa: F811 - a fixture
) -> None:
    answer = call("--init")
    listed = call("--list")

    assert answer.code == 0
    assert b"next: edit it, then dx-dispatch --list\n" in answer.out
    assert own.read_text() == inventory_text([])
    assert (listed.code, listed.out) == (2, b"")
    assert f"the VMs of the inventory {own} are an example" in listed.err


def test_elsewhere_the_next_command_names_the_place(
    home: Path,
    own: Path,
    call: Callable[..., Answer],  # noqa: F811 - a fixture
) -> None:
    for path in (f"{home}/my vms.yml", f"{home}/new/"):
        written = f"{path}hosts.yml" if path.endswith("/") else path
        document = call("--init", path, "--vm", VM, "--json").document

        assert document == {
            "schema": 1,
            "exit_code": 0,
            "inventory": written,
            "vms": ["vm1"],
            "next": f"dx-dispatch -i {written} --list"
            if " " not in written
            else f"dx-dispatch -i '{written}' --list",
        }
    assert not own.exists()


def test_another_inventory_in_the_environment_is_not_what_the_next_command_uses(
    home: Path,
    own: Path,
    call: Callable[..., Answer],  # noqa: F811 - a fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DX_INVENTORY", str(home / "gone.yml"))

    assert call("--init", "--vm", VM, "--json").document["next"] == f"dx-dispatch -i {own} --list"


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ("hosts.yml", ()),
        ("old.ini", ()),
        ("hosts.yml", ("DIR/hosts.yml",)),
        ("hosts.yml", ("DIR",)),
        ("hosts.yml", ("-i", "DIR/hosts.yml")),
    ],
)
def test_it_never_writes_over_a_file_or_beside_an_inventory(
    own: Path,
    call: Callable[..., Answer],  # noqa: F811 - a fixture
    there: str,
    words: tuple[str, ...],
) -> None:
    own.parent.mkdir(parents=True)
    path = own.parent / there
    path.write_text("mine")

    answer = call("--init", *(word.replace("DIR", str(own.parent)) for word in words), "--vm", VM)

    assert (answer.code, answer.out) == (2, b"")
    assert answer.err == (
        f"dx-dispatch: {path} exists, and --init never writes over a file; "
        "edit it, or name another: dx-dispatch --init PATH\n"
    )
    assert path.read_text() == "mine"
    assert list(own.parent.iterdir()) == [path]


def test_a_link_that_leads_nowhere_is_a_file_too(
    home: Path,
    own: Path,
    call: Callable[..., Answer],  # noqa: F811 - a fixture
) -> None:
    own.parent.parent.mkdir(parents=True)
    own.parent.symlink_to(home / "gone")

    assert "there is no inventory at" in call("--list").err
    assert "never writes over a file" in call("--init", str(own.parent), "--vm", VM).err
    assert not (home / "gone").exists()


def test_variables_that_are_there_already_may_stay(
    own: Path,
    call: Callable[..., Answer],  # noqa: F811 - a fixture
) -> None:
    (own.parent / "group_vars").mkdir(parents=True)

    assert call("--init", "--vm", VM).code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--vm", "x"), "'x' does not describe a VM; give NAME=USER@ADDRESS[:PORT]"),
        (("--vm", VM, "--vm", VM), "two VMs with the name vm1; give each its own"),
        (("vms.ini",), "vms.ini would not be read as YAML; name it vms.ini.yml"),
        (("",), "the path of the inventory is empty; give one"),
        (("a.yml", "-i", "b.yml"), "can't be used together; give the path once"),
        (("/dev/null/a/b.yml", "--vm", VM), "/dev/null is not a directory; name another place"),
        (("/proc/a.yml", "--vm", VM), "/proc/a.yml can't be written: "),
        (("a.yml", "more"), "--init takes no further argument (more)"),
    ],
)
def test_what_makes_no_sense_writes_nothing(
    home: Path,
    call: Callable[..., Answer],  # noqa: F811 - a fixture
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.chdir(home)
    monkeypatch.delenv("DX_INVENTORY")
    before = sorted(home.rglob("*"))

    answer = call("--init", *words)

    assert (answer.code, answer.out) == (2, b"")
    assert says in answer.err
    assert sorted(home.rglob("*")) == before


def test_list_says_which_inventory_is_in_use_until_there_is_an_own_one(
    own: Path,
    call: Callable[..., Answer],  # noqa: F811 - a fixture
) -> None:
    before = call("--list")
    call("--init", "--vm", "vm1=me@vm1.invalid")
    after = call("--list")

    says = f"your own goes to {own.parent} (dx-dispatch --init)"
    assert f"inventory: {ROOT / 'inventory'}, which came with dx-dispatch; {says}\n" in before.err
    assert b"vm1" in after.out
    assert "inventory: " not in after.err


# on a terminal


class _Terminal:
    """dx-dispatch on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        self.shown = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dxansible", *arguments],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env=os.environ | {"PYTHONPATH": str(ROOT), "LOGNAME": "feng"},
            preexec_fn=_take_terminal,  # noqa: PLW1509 - no threads here
        )  # fmt: skip
        os.close(slave)
        os.set_blocking(self._master, False)

    def answer(self, question: str, line: str) -> None:
        """Wait for a question, and type."""
        wait_until(lambda: question.encode() in self._read())
        self.shown = self.shown.partition(question.encode())[2]
        os.write(self._master, line.encode())

    def end(self) -> tuple[int, str]:
        """Wait for the end; the exit code, and what was shown since the last answer."""
        wait_until(lambda: self.process.poll() is not None)
        shown = self._read().decode().replace("\r\n", "\n")
        os.close(self._master)
        return self.process.returncode, shown

    def _read(self) -> bytes:
        try:
            while piece := os.read(self._master, 4096):
                self.shown += piece
        except (BlockingIOError, OSError):
            pass
        return self.shown


def _take_terminal() -> None:
    import fcntl  # noqa: PLC0415 - in the child alone
    import termios  # noqa: PLC0415 - as above

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_on_a_terminal_it_asks_and_asks_again_for_what_makes_no_sense(own: Path) -> None:
    terminal = _Terminal("--init")

    terminal.answer("Name of the first VM [vm1]: ", "a b\n")
    terminal.answer("can't be the name of a VM", "")
    terminal.answer("Name of the first VM [vm1]: ", "\n")
    terminal.answer("Its address, HOST or HOST:PORT [vm1]: ", "192.0.2.10:2222\n")
    terminal.answer("User there [feng]: ", "\n")
    terminal.answer("Name of the second VM [Enter: no more]: ", "\n")
    code, shown = terminal.end()

    assert code == 0
    assert "wrote ~/.config/dxansible/inventory/hosts.yml: vm1\nnext: dx-dispatch --list\n" in shown
    vm = {"ansible_host": "192.0.2.10", "ansible_port": 2222, "ansible_user": "feng"}
    assert yaml.safe_load(own.read_text()) == {"all": {"hosts": {"vm1": vm}}}


@pytest.mark.parametrize(("key", "code"), [("\x03", 130), ("\x04", 2)], ids=["Ctrl-C", "Ctrl-D"])
def test_who_gives_up_leaves_nothing_behind(home: Path, own: Path, key: str, code: int) -> None:
    before = sorted(home.rglob("*"))
    terminal = _Terminal("--init")

    terminal.answer("Name of the first VM", "vm1\n")
    terminal.answer("Its address", key)
    ended, shown = terminal.end()

    assert ended == code
    assert "nothing is written" in shown
    assert "Traceback" not in shown
    assert sorted(home.rglob("*")) == before
    assert not own.exists()


def test_nobody_is_asked_who_gave_vms_or_wants_a_document(own: Path) -> None:
    code, shown = _Terminal("--init", "--json").end()

    assert code == 0
    assert json.loads(shown)["inventory"] == str(own)
