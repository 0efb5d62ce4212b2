"""``make pictures``: runs dx-dispatch on a lab, and writes docs/pictures/."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.dispatcher import Dispatcher
from tests.integration.sessions.work import on_vm
from tests.lab import Lab
from tests.pictures.drawing import screen_of, svg
from tests.terminal import Terminal

if TYPE_CHECKING:
    from rich.text import Text

_PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
_COLUMNS = 92
_PROMPT = b"\x1b[1m$\x1b[0m "
_SHELL = ("bash", "--norc", "--noprofile", "--noediting", "-i")
_AGENTS = """\
---
dx_agent: shell
dx_agents:
  script: {start: [sh]}
"""
"""Agents that need no model: `script` is one whose last message may be a question."""
_MAKEFILE = """\
test: settings.toml
\t@echo "$$(grep -c = settings.toml) settings read"
soak:
\t@for n in $$(seq 90); do $(MAKE) -s test && echo "round $$n of 90" && sleep 3; done
"""
_SETTINGS = 'region = "eu"\nworkers = 4\nretries = 2\n'
"""A project on each VM. One VM lacks `settings.toml`, which the test needs."""
_DIRECTORY = "~/affordabot"


def main() -> int:
    """Make both pictures; the exit code is 1 where that isn't possible."""
    if os.geteuid() != 0:
        sys.stderr.write("pictures: run this as root; each VM needs a user of its own\n")
        return 1
    _PICTURES.mkdir(exist_ok=True)
    with Lab.create() as lab:
        inventory = _prepare(lab)
        for name, scene, lines in (("board", _board, 15), ("run", _run, 24)):
            with closing(Dispatcher(inventory, engines=True)) as user:
                terminal = _shell(user, lines)
                with closing(terminal):
                    sent = scene(user, terminal)
            rows = screen_of(sent, columns=_COLUMNS, lines=lines)
            _check_neutral(rows, lab)
            (_PICTURES / f"{name}.svg").write_text(svg(rows, columns=_COLUMNS, name=name))
    return 0


def _prepare(lab: Lab) -> Path:
    """Put the project on each VM; return an inventory with agents that need no model."""
    for vm in lab.vms.values():
        on_vm(vm, "mkdir affordabot")
        (vm.home / "affordabot/Makefile").write_text(_MAKEFILE)
        (vm.home / "affordabot/settings.example").write_text(_SETTINGS)
        if vm.name != "macmini":
            on_vm(vm, "cp affordabot/settings.example affordabot/settings.toml")
    inventory = lab.root / "inventory-of-pictures"
    shutil.copytree(lab.inventory, inventory)
    (inventory / "group_vars").mkdir()
    (inventory / "group_vars" / "all.yml").write_text(_AGENTS)
    return inventory


def _run(_: Dispatcher, terminal: Terminal) -> bytes:
    """A command that fails on one VM, the remedy there, and the command again where it failed."""
    for line in (
        f"dx-dispatch all --cwd '{_DIRECTORY}' --exec 'make test'",
        f"dx-dispatch macmini --cwd '{_DIRECTORY}' --exec 'cp settings.example settings.toml'",
        "dx-dispatch --rerun failed",
    ):
        terminal.type(f"{line}\n".encode())
        terminal.read(until=_PROMPT)
    return terminal.seen.removesuffix(_PROMPT)


def _board(user: Dispatcher, terminal: Terminal) -> bytes:
    """The board while a session waits, one has failed, two run, and one has ended."""
    ask = 'make test; echo "Shall I push it?"'
    for vm, task, *more in (
        ("epyc6", "make soak"),
        ("homedesktop-wsl", "make soak"),
        ("epyc6", "make test", "--wait"),
        ("macmini", "make test", "--wait"),
        ("homedesktop-wsl", ask, "--agent", "script", "--wait"),
    ):
        user.run(vm, task, "--dir", _DIRECTORY, *more)
    terminal.type(b"dx-dispatch --sessions --watch\n")
    terminal.read(until=b"1 waiting  1 failed  2 running  1 ended")
    with suppress(TimeoutError):  # the rest of the screen
        terminal.read(until=b"\0", limit=3)
    return terminal.seen


def _shell(user: Dispatcher, lines: int) -> Terminal:
    """Return a terminal with a shell that waits for a command."""
    environment = {
        **user.environment,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PS1": r"\[\e[1m\]$\[\e[0m\] ",
        "HISTFILE": "/dev/null",
    }
    environment.pop("NO_COLOR", None)
    terminal = Terminal(_SHELL, environment, columns=_COLUMNS, lines=lines, cwd=user.home)
    terminal.read(until=_PROMPT)
    return terminal


def _check_neutral(rows: list[Text], lab: Lab) -> None:
    """Raise ValueError if a picture would show something of this machine."""
    shown = "\n".join(row.plain for row in rows)
    names = [vm.user for vm in lab.vms.values()]
    for word in (socket.gethostname(), str(Path.home()), str(lab.root), "/tmp", *names):
        if word in shown:
            raise ValueError(f"{word} is shown:\n{shown}")


if __name__ == "__main__":
    sys.exit(main())
