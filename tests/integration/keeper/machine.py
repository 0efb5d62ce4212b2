"""A home directory with a keeper in it, and the calls that a client makes."""

from __future__ import annotations

import os
import secrets
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import (
    Answer,
    Reply,
    read_answer,
    read_reply,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.states import ENDED

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PARTS", "PATIENCE", "Call", "Machine", "wait_until"]

PARTS = (
    Path(__file__).parents[3]
    / "playbooks/collections/ansible_collections/dxansible/fleet/files/keeper"
)
PATIENCE = 180.0
"""Seconds after which a test calls something stuck, however busy the machine is."""

_ORPHANAGE = Path(__file__).with_name("orphanage.py")
_MARK = "dx-mark"


def wait_until(holds: Callable[[], object]) -> None:
    """Ask again and again until the answer is yes."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def _children(parent: int) -> list[int]:
    with suppress(FileNotFoundError, ProcessLookupError):
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii")
        return [int(pid) for pid in children.split() if _lives(pid)]
    return []


def _lives(pid: str) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/exe").readlink() != Path()  # a zombie has none
    return False


def _text(file: Path) -> str:
    with suppress(OSError):
        return file.read_text()
    return ""


class Call:
    """A start that is under way: a process whose orphans come to a parent of their own."""

    def __init__(self, command: list[str], payload: bytes, environment: dict[str, str]) -> None:
        """Start it; it has everything on its standard input, as from a file."""
        source, sink = os.pipe()
        os.set_inheritable(sink, True)  # noqa: FBT003 - it takes no keyword
        stdin = os.memfd_create("payload")
        os.write(stdin, payload)
        os.lseek(stdin, 0, os.SEEK_SET)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_ORPHANAGE), str(sink), *command],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            pass_fds=[sink],
        )
        os.close(sink)
        os.close(stdin)
        self._report = os.fdopen(source, "r", encoding="ascii")
        self.pid = int(self._report.readline())
        self.ancestor = self._process.pid

    def finish(self) -> tuple[int, bytes, bytes]:
        """Wait for the exit code and the end of both streams."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        out, err = bytearray(), bytearray()
        with selectors.DefaultSelector() as streams:
            streams.register(self._process.stdout, selectors.EVENT_READ, out)
            streams.register(self._process.stderr, selectors.EVENT_READ, err)
            while streams.get_map():
                ready = streams.select(PATIENCE)
                assert ready, "the streams stay open"
                for key, _ in ready:
                    data = os.read(key.fd, 1 << 20)
                    key.data.extend(data)
                    if not data:
                        streams.unregister(key.fileobj)
        return int(self._report.readline()), bytes(out), bytes(err)

    def reply(self) -> Reply:
        """Wait for the answer."""
        return read_reply(read_answer(_MARK, *self.finish()))

    def answer(self) -> Answer:
        """Wait for the answer, read as far as all answers are alike."""
        return read_answer(_MARK, *self.finish())

    def close(self) -> None:
        """Kill whatever it has brought into being, from the top, which no chain outruns."""
        end = time.monotonic() + PATIENCE
        while self._process.poll() is None:
            assert time.monotonic() < end, "something survives SIGKILL"
            for pid in _children(self.ancestor):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for stream in (self._process.stdout, self._process.stderr, self._report):
            if stream is not None:
                stream.close()


@dataclass(slots=True, kw_only=True)
class Machine:
    """One account on one machine, where the keeper runs under one shell."""

    shell: Path
    """A program that is the shell, by itself: the keeper starts it again by this one word."""
    home: Path
    procfs: bool = True
    path: str = field(default_factory=lambda: os.environ["PATH"])
    """Where the keeper finds programs."""
    prefix: str = field(default_factory=lambda: f"{secrets.token_hex(4)}-")
    """Of all ids: tests that run at the same time have one user, who has each id once."""
    variables: dict[str, str] = field(default_factory=dict)
    """More of the environment in which the keeper is called."""
    inside: tuple[str, ...] = ()
    """A program and its arguments that run the keeper, as in namespaces of its own."""
    _calls: list[Call] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.home.mkdir(parents=True)
        self.keeper.write_bytes(b"".join(part.read_bytes() for part in sorted(PARTS.glob("*.sh"))))
        return self

    def __exit__(self, *_: object) -> None:
        for call in self._calls:
            call.close()

    @property
    def keeper(self) -> Path:
        """The whole script."""
        return self.home / "keeper.sh"

    @property
    def state(self) -> Path:
        """Everything that the keeper keeps."""
        return self.home / "state" / "dxansible"

    def session(self, name: str) -> Path:
        """Return a session's directory."""
        return self.state / "sessions" / f"{self.prefix}{name}"

    def begin(self, name: str, command: str | bytes, **options: object) -> Call:
        """Call ``start``, and don't wait for its answer."""
        text = command.encode() if isinstance(command, str) else command
        return self._call("start", text, {"id": name, **options})

    def begin_transfer(
        self, name: str, text: bytes, stdout: int | None = None
    ) -> subprocess.Popen[bytes]:
        """Call ``start`` with a text that goes on after what arrives of it."""
        words = self._words("start", {"id": name, "length": 2 * len(text)})
        pipe = subprocess.PIPE
        call = subprocess.Popen(words, env=self._environment(), stdin=pipe, stdout=stdout)
        assert call.stdin is not None
        call.stdin.write(text)
        call.stdin.flush()
        return call

    def call(self, verb: str, text: str, **options: object) -> Call:
        """Call any verb with this on its standard input, and don't wait for its answer."""
        return self._call(verb, text.encode(), options)

    def note(self, session: str, text: str, **options: object) -> Call:
        """Call ``note``, and don't wait for its answer."""
        return self._call("note", text.encode(), {"id": session, **options})

    def _call(self, verb: str, text: bytes, options: dict[str, object]) -> Call:
        words = self._words(verb, {"length": len(text), **options})
        call = Call(words, text, self._environment())
        self._calls.append(call)
        return call

    def start(self, name: str, command: str | bytes, **options: object) -> Reply:
        """Start a session, or attach to it."""
        return self.begin(name, command, **options).reply()

    def ask(self, verb: str, **options: object) -> bytes:
        """Return what any other call prints."""
        done = subprocess.run(
            self._words(verb, options),
            env=self._environment(),
            capture_output=True,
            check=False,
            timeout=PATIENCE,
        )
        return done.stdout

    def answer(self, verb: str, **options: object) -> Answer:
        """Return the same, read as far as all answers are alike."""
        return read_answer(_MARK, 0, self.ask(verb, **options), b"")

    def run(self, name: str, command: str | bytes, **options: object) -> Reply:
        """Start a session and follow it to its end; the reply has all of the output."""
        return self.follow(name, self.start(name, command, **{"wait": 3, **options}))

    def follow(self, name: str, reply: Reply | None = None) -> Reply:
        """Poll a session until it has ended."""
        end = time.monotonic() + PATIENCE
        while reply is None or not reply.complete:
            assert time.monotonic() < end, f"still {reply and reply.state}"
            reply = self.poll(name, wait=3, chunk=1 << 30)
            if not reply.complete:
                time.sleep(0.1)
        return reply

    def wait_for_end(self, name: str) -> Reply:
        """Poll a session without taking its output until it has ended."""
        end = time.monotonic() + PATIENCE
        while (reply := self.poll(name)).state not in ENDED:
            assert time.monotonic() < end, f"still {reply.state}"
            time.sleep(0.2)
        return reply

    def poll(self, name: str, **options: object) -> Reply:
        """Ask for news."""
        return read_reply(read_answer(_MARK, 0, self.ask("poll", id=name, **options), b""))

    def abort(self, name: str, wait: int = 60, **options: object) -> Reply:
        """Stop a session, and wait for its end, that takes its time on a busy machine."""
        answer = self.ask("abort", id=name, wait=wait, **options)
        return read_reply(read_answer(_MARK, 0, answer, b""))

    def processes(self) -> set[int]:
        """Return the pids of all that the starts have brought into being and that still live."""
        family: set[int] = set()
        parents = [call.ancestor for call in self._calls]
        while parents:
            children = _children(parents.pop())
            family.update(children)
            parents.extend(children)
        return family

    def called(self, program: str) -> set[int]:
        """Return those of them that run this program."""
        named = {pid: Path(f"/proc/{pid}/comm") for pid in self.processes()}
        return {pid for pid, file in named.items() if _text(file) == f"{program}\n"}

    def _words(self, verb: str, options: dict[str, object]) -> list[str]:
        if "id" in options:
            options = {**options, "id": f"{self.prefix}{options['id']}"}
        pairs = [f"{key}={value}" for key, value in options.items()]
        return [*self.inside, str(self.shell), str(self.keeper), verb, f"mark={_MARK}", *pairs]

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": self.path,
            "HOME": str(self.home),
            "SHELL": str(self.shell) if self.shell.name == "sh" else "/bin/sh",
            "XDG_STATE_HOME": str(self.state.parent),
            "DX_KEEPER_SH": str(self.shell),
            **({} if self.procfs else {"DX_KEEPER_PROCFS": "off"}),
            **self.variables,
        }
