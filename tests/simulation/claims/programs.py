"""The programs that our scripts call, as far as they call them. Only git's are models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.simulation.claims.remote import Push, Update

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.simulation.claims.process import Ask
    from tests.simulation.claims.remote import Remote
    from tests.simulation.claims.shell import Shell, Streams

__all__ = ["PROGRAMS", "Repository"]

_GIT_OPTIONS = frozenset({"-C", "-c"})
_ESCAPES = re.compile(r"\\(n|t|0?[0-7]{2,3})")


def _printf(_shell: Shell, words: list[str], streams: Streams) -> int:
    form, *values = words
    values = values or [""]
    form = _ESCAPES.sub(_letter, form)
    count = form.count("%s")
    while values:
        taken, values = values[:count], values[count:] if count else []
        taken += [""] * (count - len(taken))
        streams.out.append(form.replace("%s", "\0").replace("%%", "%"))
        for each in taken:
            streams.out[-1] = streams.out[-1].replace("\0", each, 1)
    return 0


def _letter(found: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t"}.get(found[1]) or chr(int(found[1], 8))


def _sed(shell: Shell, words: list[str], streams: Streams) -> int:
    flag, script, path = words
    found = re.fullmatch(r"s/(.*)/\\1/p", script)
    if flag != "-n" or found is None:
        raise AssertionError(words)
    pattern = re.compile(_python_pattern(found[1]))
    for line in "".join(shell.files.get(path) or []).splitlines():
        matched = pattern.search(line)
        if matched:
            streams.out.append(f"{matched[1]}\n")
    return 0


def _python_pattern(basic: str) -> str:
    """Return a basic regular expression as one of Python's."""
    return re.sub(r"\\([(){}])|([(){}])", lambda found: found[1] or rf"\{found[2]}", basic)


def _head(shell: Shell, words: list[str], streams: Streams) -> int:
    match words:
        case ["-n", count]:
            streams.out.append("".join(streams.source.text.splitlines(keepends=True)[: int(count)]))
        case ["-c", _count, "/dev/urandom"]:
            streams.out.append(shell.programs["nonce"]())
        case _:
            raise AssertionError(words)
    return 0


def _pass(_shell: Shell, _words: list[str], streams: Streams) -> int:
    streams.out.append(streams.source.text)
    return 0


def _nothing(_shell: Shell, _words: list[str], _streams: Streams) -> int:
    return 0


def _translate(_shell: Shell, words: list[str], streams: Streams) -> int:
    text = streams.source.text
    streams.out.append(text.replace("\n", " ") if words == ["\\n", " "] else text.replace(" ", ""))
    return 0


def _remove(shell: Shell, words: list[str], _streams: Streams) -> int:
    path = words[-1]
    for name in [each for each in shell.files if each == path or each.startswith(f"{path}/")]:
        del shell.files[name]
    return 0


def _make_directory(shell: Shell, words: list[str], _streams: Streams) -> int:
    if words[-1] in shell.files:
        return 1
    shell.files[words[-1]] = None
    return 0


def _test(shell: Shell, words: list[str], _streams: Streams) -> int:
    match words[:-1]:
        case ["-n", text]:
            good = bool(text)
        case ["-z", text]:
            good = not text
        case ["-s", path]:
            good = bool("".join(shell.files.get(path) or []))
        case ["-d" | "-e", path]:
            good = path in shell.files
        case [left, "=", right]:
            good = left == right
        case [left, "!=", right]:
            good = left != right
        case [left, "-gt", right]:
            good = int(left) > int(right)
        case [left, "-lt", right]:
            good = int(left) < int(right)
        case _:
            raise AssertionError(words)
    return int(not good)


def _words_of_git(shell: Shell, _words: list[str], streams: Streams) -> int:
    said = "".join(shell.files.get(f"{shell.variables['desk']}/said") or [])
    streams.out.append(said.replace("\n", " ").strip())
    return 0


PROGRAMS: Mapping[str, Any] = {
    "printf": _printf, "sed": _sed, "head": _head, "od": _pass, "tr": _translate, "rm": _remove,
    "mkdir": _make_directory, "umask": _nothing, "[": _test, ":": _nothing, "command": _nothing,
    "cd": _nothing, "true": _nothing,
    "__dx_scrub": _pass, "__dx_words": _words_of_git,
}  # fmt: skip
"""Without those that a machine adds: date, git, nonce, and the agent."""


class Repository:
    """A clone of the remote on a machine, and git there."""

    def __init__(
        self, client: int, remote: Remote, objects: dict[str, str], full: Callable[[], bool]
    ) -> None:
        """``objects`` are those of all clones. ``full`` says whether the disk is."""
        self._client, self._remote, self._objects, self._full = client, remote, objects, full
        self.refs: dict[str, str] = {}
        self.head = f"work{client}+0"

    def git(self, words: list[str], streams: Streams) -> int | Ask:  # noqa: C901, PLR0911, PLR0912 - a case for each command
        """Run git."""
        while words[0] in _GIT_OPTIONS:
            words = words[2:]
        match words:
            case ["ls-remote", remote, ref]:
                return self._remote.read(self._client, _ref_at(remote, ref))
            case ["fetch", *_, "origin", spec]:
                return self._fetch(*spec.removeprefix("+").split(":"))
            case ["push", *given]:
                return self._push(given)
            case ["rev-parse", *_, "--show-prefix"] | ["check-ref-format", _]:
                return 0
            case ["remote", "get-url", *_]:
                return 0
            case ["rev-parse", "HEAD" as ref] | ["rev-parse", "-q", "--verify", ref]:
                found = self.head if ref == "HEAD" else self.refs.get(ref)
                streams.out.append(f"{found}\n" if found else "")
                return int(not found)
            case ["cat-file", "commit", oid]:
                streams.out.append(self._objects[oid])
                return 0
            case ["update-ref", "-d", ref]:
                self.refs.pop(ref, None)
                return 0
            case ["update-ref", ref, oid]:
                if not self._full():
                    self.refs[ref] = oid
                return int(self._full())
            case ["hash-object", *_]:
                streams.out.append("tree\n")
                return 0
            case ["commit-tree", _]:
                if self._full():
                    streams.err.append("error: no space left on device\n")
                    return 128
                streams.out.append(f"{self._keep(streams.source.text)}\n")
                return 0
            case ["config", *_]:
                return 1
            case _:
                raise AssertionError(words)

    def _keep(self, text: str) -> str:
        """Store a commit, whose id depends on its text alone."""
        for oid, known in self._objects.items():
            if known == text:
                return oid
        oid = f"claim{len(self._objects)}"
        self._objects[oid] = text
        return oid

    def _fetch(self, source: str, target: str) -> Ask:
        asked = self._remote.read(self._client, source)

        def begin(process: Any, reply: Callable[[Any], None]) -> None:  # noqa: ANN401 - as an Ask's
            def hear(answer: tuple[int, str, str]) -> None:
                status, out, err = answer
                if status == 0 and (not out or self._full()):
                    status, err = 128, f"fatal: couldn't find remote ref {source}\n"
                elif status == 0:
                    self.refs[target] = out.partition("\t")[0]
                reply((status, "", err))

            asked.begin(process, hear)

        return type(asked)(begin)

    def _push(self, words: list[str]) -> Ask:
        atomic = "--atomic" in words
        leases = dict(
            word.removeprefix("--force-with-lease=").split(":", 1)
            for word in words
            if word.startswith("--force-with-lease=")
        )
        updates, remote = [], next(word for word in words if not word.startswith("-"))
        for word in words:
            if not word.startswith("-") and ":" in word:
                forced = word.startswith("+")
                new, ref = word.removeprefix("+").split(":")
                ref = _ref_at(remote, ref)
                expected = None if forced else leases.get(ref)
                updates.append(Update(ref, self.head if new == "HEAD" else new, expected, forced))
        return self._remote.push(Push(self._client, tuple(updates), atomic))


def _ref_at(remote: str, ref: str) -> str:
    """Return the name of a ref for all remotes together; those of origin have their own."""
    return ref if remote == "origin" else f"{remote}:{ref}"
