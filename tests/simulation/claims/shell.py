"""Runs the tree of a script, as far as our scripts use sh. Each program is one of `programs`."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulation.claims.process import Ask, Sleep, Wait
from tests.simulation.claims.syntax import Parser
from tests.simulation.claims.tree import (
    Command,
    Group,
    If,
    Join,
    Loop,
    Match,
    Not,
    Pipe,
    Sub,
)
from tests.simulation.claims.words import Words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulation.claims.process import Process, Steps
    from tests.simulation.claims.tree import Node, Sequence

__all__ = ["Files", "Input", "Shell", "Streams"]

_BUILTIN = frozenset({
    "return", "exit", "continue", "break", "trap", "wait", "kill", "sleep", "shift", "export",
})  # fmt: skip


class _Return(Exception):  # noqa: N818 - no error, nor are these
    """Ends a function."""


class _Exit(Exception):  # noqa: N818 - as above
    """Ends a process."""


class _Leave(Exception):  # noqa: N818 - as above
    """Ends a turn of a loop, or the loop."""


class Input:
    """What a program reads; several may read on, one after another."""

    def __init__(self, text: str = "") -> None:
        """Begin at the first letter."""
        self.text = text


class Streams(NamedTuple):
    """Standard input, output and error; what is printed is appended."""

    source: Input
    out: list[str]
    err: list[str]


Files = dict[str, "list[str] | None"]
"""The files of a machine; a directory has None."""
Program = "Callable[[Shell, list[str], Streams], int | Ask]"


@cache
def _tree(text: str) -> Sequence:
    return Parser(text).script()


class Shell(Words):
    """A process of sh. ``programs`` are those of its machine."""

    def __init__(
        self,
        files: Files,
        functions: Mapping[str, str],
        programs: Mapping[str, Any],
        variables: Mapping[str, str],
    ) -> None:
        """Begin with variables."""
        self.files, self.functions, self.programs = files, dict(functions), programs
        super().__init__(variables)
        self.trap = ""
        self.process: Process | None = None

    def run(self, text: str, streams: Streams) -> Steps:
        """Run a script as a process of its own; its end is the status."""
        return self._as_process(_tree(text), streams)

    def printed(self, body: Sequence, out: list[str]) -> Steps:
        """Run commands as a process of its own, and take what they print."""
        return self._copy()._as_process(body, Streams(Input(), out, []))

    def _copy(self) -> Shell:
        made = Shell(self.files, self.functions, self.programs, self.variables)
        made.arguments, made.status = self.arguments, self.status
        made.main, made.last, made.process = self.main, self.last, self.process
        return made

    def _as_process(self, body: Sequence, streams: Streams) -> Steps:
        try:
            yield from self._sequence(body, streams)
        except (_Exit, _Return) as end:
            self.status = end.args[0]
        return self.status

    def _sequence(self, body: Sequence, streams: Streams) -> Steps:
        for node, background in body.nodes:
            if background:
                self._background(node, streams)
                continue
            self.status = yield from self._node(node, streams)
            yield from self._see_signal(streams)
        return self.status

    def _background(self, node: Node, streams: Streams) -> None:
        assert self.process is not None
        made = self._copy()

        def steps() -> Steps:
            made.process = process
            try:
                return (yield from made._node(node, streams))
            except _Exit as end:
                return int(end.args[0])

        process = self.process.crowd.spawn(steps())
        self.last, self.status = str(process.pid), 0

    def _see_signal(self, streams: Streams) -> Steps:
        """Run the trap if its signal has come."""
        if self.trap and self.process is not None and self.process.signalled:
            self.process.signalled = False
            yield from self._sequence(_tree(self.trap), streams)
        return 0

    def _node(self, node: Node, streams: Streams) -> Steps:  # noqa: PLR0911 - a case for each kind
        match node:
            case Command():
                return (yield from self._command(node, streams))
            case Join():
                status = yield from self._node(node.first, streams)
                self.status = status
                if (status == 0) is node.after_success:
                    status = yield from self._node(node.second, streams)
                return status
            case Not():
                return int((yield from self._node(node.node, streams)) == 0)
            case Group():
                return (yield from self._group(node, streams))
            case If():
                return (yield from self._if(node, streams))
            case Loop():
                return (yield from self._loop(node, streams))
            case Match():
                return (yield from self._match(node, streams))
            case Pipe():
                return (yield from self._pipe(node, streams))

    def _group(self, node: Group, streams: Streams) -> Steps:
        streams = yield from self._redirected(node.redirects, streams)
        return (yield from self._copy()._as_process(node.body, streams))

    def _if(self, node: If, streams: Streams) -> Steps:
        for condition, body in node.branches:
            if condition is None or not (yield from self._sequence(condition, streams)):
                return (yield from self._sequence(body, streams))
        return 0

    def _loop(self, node: Loop, streams: Streams) -> Steps:
        values = []
        for word in node.words:
            values += yield from self._fields(word)
        status = 0
        while True:
            if node.condition is None:
                if not values:
                    return status
                self.variables[node.name] = values.pop(0)
            elif (yield from self._sequence(node.condition, streams)):
                return status
            try:
                status = yield from self._sequence(node.body, streams)
            except _Leave as leave:
                if leave.args[0] == "break":
                    return 0

    def _match(self, node: Match, streams: Streams) -> Steps:
        text = yield from self._text(node.word)
        for patterns, body in node.branches:
            for pattern in patterns:
                if re.match((yield from self._pattern(pattern)), text, re.DOTALL):
                    return (yield from self._sequence(body, streams))
        return 0

    def _pipe(self, node: Pipe, streams: Streams) -> Steps:
        source, status = streams.source, 0
        for number, each in enumerate(node.nodes):
            last = number == len(node.nodes) - 1
            out: list[str] = streams.out if last else []
            inner = self._copy()
            try:
                status = yield from inner._node(each, Streams(source, out, streams.err))
            except (_Exit, _Return) as end:
                status = end.args[0]
            source = Input("" if last else "".join(out))
        return status

    def _redirected(self, redirects: Any, streams: Streams) -> Any:  # noqa: ANN401 - a generator
        source, out, err = streams
        for each in redirects:
            target = yield from self._text(each.target)
            if each.op == "<":
                source = Input("" if target == "/dev/null" else "".join(self._read(target)))
                continue
            if each.op == ">&":
                sink = out if target == "1" else err
            elif target == "/dev/null":
                sink = []
            else:
                sink = self.files[target] = []
            out, err = (sink, err) if each.fd == 1 else (out, sink)
        return Streams(source, out, err)

    def _read(self, path: str) -> list[str]:
        return self.files.get(path) or []

    def _command(self, node: Command, streams: Streams) -> Steps:
        words: list[str] = []
        for word in node.words:
            words += yield from self._fields(word)
        streams = yield from self._redirected(node.redirects, streams)
        kept = dict(self.variables) if words and node.assigns else None
        has_command = False
        for name, word in node.assigns:
            self.variables[name] = yield from self._text(word)
            has_command |= any(isinstance(part, Sub) for part in word)
        if not words:
            return self.status if has_command else 0
        try:
            return (yield from self._run(words, streams))
        finally:
            if kept is not None:
                for name, _word in node.assigns:
                    self.variables[name] = kept.get(name, "")

    def _run(self, words: list[str], streams: Streams) -> Steps:
        name = words[0]
        if name in _BUILTIN:
            return (yield from self._builtin(words))
        if name not in self.programs and name in self.functions:
            return (yield from self._function(words, streams))
        answer = self.programs[name](self, words[1:], streams)
        if isinstance(answer, Ask):
            status, out, err = yield answer
            streams.out.append(out)
            streams.err.append(err)
            return int(status)
        return int(answer)

    def _function(self, words: list[str], streams: Streams) -> Steps:
        kept, self.arguments = self.arguments, words[1:]
        try:
            return (yield from self._sequence(_tree(self.functions[words[0]]), streams))
        except _Return as end:
            return int(end.args[0])
        finally:
            self.arguments = kept

    def _builtin(self, words: list[str]) -> Steps:  # noqa: C901, PLR0912 - a case for each
        match words:
            case ["return", *given]:
                raise _Return(int(given[0]) if given else self.status)
            case ["exit", *given]:
                raise _Exit(int(given[0]) if given else self.status)
            case ["continue" | "break", *_]:
                raise _Leave(words[0])
            case ["shift"]:
                self.arguments = self.arguments[1:]
            case ["export", *given]:
                for each in given:
                    name, _sep, value = each.partition("=")
                    self.variables[name] = value
            case ["trap", text, "TERM"]:
                self.trap = text
                if self.process is not None:
                    self.process.trapped = bool(text)
            case ["sleep", seconds]:
                yield Sleep(float(seconds))
            case ["wait", pid]:
                yield Wait(self._process(pid))
            case ["kill", "-0", pid]:
                return int(not self._process(pid).alive)
            case ["kill", *pids]:
                for pid in pids:
                    self._process(pid).term()
            case _:
                raise AssertionError(words)
        return 0

    def _process(self, pid: str) -> Process:
        assert self.process is not None
        return self.process.crowd.processes[int(pid) - 1]
