"""Shows the outputs of many hosts: equal or similar ones once, or what differs from most."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from dxansible.record import FanoutOutcome
from dxansible.render.similar import Masks, split
from dxansible.render.tables import missing_notes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dxansible.results import FanoutResult

__all__ = ["EQUAL", "gathered"]

EQUAL, _DIFF = "equal", "diff"
_RULE = "-" * 15
_CONTEXT = 3
"""Lines around a difference, as in any unified diff."""
_MOST_PAIRS, _PAIRS_OF_ALL = 10**6, 2 * 10**7
"""Pairs of lines to compare in one diff, and in all: difflib's time grows with their number."""


class _Group:
    """Hosts that gave the same, and the first of them."""

    def __init__(self, first: FanoutResult) -> None:
        self.first, self.hosts = first, [first.host]
        self.are_equal = True
        """Whether all gave the same bytes."""

    @property
    def title(self) -> str:
        """Their names, their number, how it ended unless well, and whether output is missing."""
        first, shown = self.first, "" if self.are_equal else f"; shown: {self.first.host}"
        good = first.outcome is FanoutOutcome.SUCCESS
        ending = "" if good else f" {first.outcome} exit {first.exit_code}"
        notes = "".join(f"; {note}" for note in missing_notes(first.truncation))
        return f"{','.join(self.hosts)} ({len(self.hosts)}{shown}){ending}{notes}"


def gathered(
    results: Sequence[FanoutResult], how: str = EQUAL, names: Mapping[str, Sequence[str]] = {}
) -> Iterator[bytes]:
    """Yield each distinct output once, under the names of all hosts that gave it.

    ``how`` is ``equal``; or ``similar``, where the names of a host and numbers that change by
    themselves make no difference; or ``diff``: the output of most hosts, and how others differ from
    it. ``names`` has the further names of each host: aliases, addresses.
    """
    groups = _equal(results)
    if how == EQUAL:
        for group in groups:
            yield from _whole(group)
        return
    comparison = _Comparison(names)
    groups = comparison.merge(groups)
    if how == _DIFF:
        ran = [group for group in groups if group.first.exit_code is not None]
        most = max(ran or groups, key=lambda group: len(group.hosts))
        yield from _whole(most)
        for group in groups:
            if group is not most:
                yield from comparison.diff(most, group)
    else:
        for group in groups:
            yield from _whole(group)
    yield from comparison.notes()


def _equal(results: Sequence[FanoutResult]) -> list[_Group]:
    groups: dict[object, _Group] = {}
    for result in results:
        key = (
            result.outcome, result.exit_code, result.truncation,
            result.stdout_bytes, result.stderr_bytes,
        )  # fmt: skip
        if key in groups:
            groups[key].hosts.append(result.host)
        else:
            groups[key] = _Group(result)
    return list(groups.values())


def _head(title: str) -> bytes:
    return f"{_RULE}\n{title}\n{_RULE}\n".encode()


def _whole(group: _Group) -> Iterator[bytes]:
    yield _head(group.title)
    for stream in (group.first.stdout_bytes, group.first.stderr_bytes):
        yield stream if stream.endswith(b"\n") or not stream else stream + b"\n"


class _Comparison:
    """Compares outputs without what names a host or changes by itself."""

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        self._names, self._masks = names, Masks()
        self._pairs = _PAIRS_OF_ALL
        self._most: tuple[list[bytes], list[bytes]] | None = None

    def merge(self, groups: Sequence[_Group]) -> list[_Group]:
        """Make one group of those that are similar, in the order of their first hosts."""
        if len(groups) == 1:
            return list(groups)
        merged: dict[object, _Group] = {}
        for group in groups:
            first = group.first
            ways = [b"\n".join(lines) for lines in self._masked(first)]
            known = merged.setdefault((first.outcome, first.exit_code, *ways), group)
            if known is not group:
                known.hosts += group.hosts
                known.are_equal = False
        return list(merged.values())

    def diff(self, most: _Group, other: _Group) -> Iterator[bytes]:
        """Yield how an output differs from that of most hosts."""
        yield _head(other.title)
        if self._most is None:
            self._most = self._masked(most.first)
        first, differs = other.first, False
        streams = (
            ("stdout", most.first.stdout_bytes, first.stdout_bytes),
            ("stderr", most.first.stderr_bytes, first.stderr_bytes),
        )
        for (name, was, now), old, new in zip(
            streams, self._most, self._masked(first), strict=True
        ):
            if old != new and now:
                differs = True
                yield f"--- {most.first.host} {name}\n+++ {first.host} {name}\n".encode()
                yield from self._hunks(_Side(was, old), _Side(now, new))
            elif old != new:
                differs = True
                yield f"(nothing on {name})\n".encode()
        if not differs:
            yield f"(the same output as {most.first.host})\n".encode()

    def notes(self) -> Iterator[bytes]:
        """Yield what was not compared as asked."""
        if self._masks.is_exhausted:
            yield b"(too many different lines: times and counters count as differences in some)\n"

    def _masked(self, result: FanoutResult) -> tuple[list[bytes], list[bytes]]:
        names = [result.host, *self._names.get(result.host, ())]
        out, err = (
            self._masks.lines(stream, names, result.user)
            for stream in (result.stdout_bytes, result.stderr_bytes)
        )
        return out, err

    def _hunks(self, old: _Side, new: _Side) -> Iterator[bytes]:
        """Yield the hunks of a unified diff; one without the old lines if there is too much."""
        start = _alike(old.masked, new.masked)
        rest = min(len(old.masked), len(new.masked)) - start
        end = _alike(old.masked[::-1][:rest], new.masked[::-1][:rest])
        old_end, new_end = len(old.masked) - end, len(new.masked) - end
        pairs = (old_end - start) * (new_end - start)
        if pairs > min(_MOST_PAIRS, self._pairs):
            count = new_end - start
            yield _range(start, old_end, start, new_end) + b" too long to compare: the new lines\n"
            yield from new.lines(b"+", start, start + count)
            return
        self._pairs -= pairs
        begin = max(0, start - _CONTEXT)
        a = old.masked[begin : old_end + _CONTEXT]
        b = new.masked[begin : new_end + _CONTEXT]
        for opcodes in SequenceMatcher(None, a, b).get_grouped_opcodes(_CONTEXT):
            (_, i1, _, j1, _), (_, _, i2, _, j2) = opcodes[0], opcodes[-1]
            yield _range(begin + i1, begin + i2, begin + j1, begin + j2) + b"\n"
            for tag, i1, i2, j1, j2 in opcodes:
                if tag == "equal":
                    yield from old.lines(b" ", begin + i1, begin + i2)
                    continue
                yield from old.lines(b"-", begin + i1, begin + i2)
                yield from new.lines(b"+", begin + j1, begin + j2)


class _Side:
    """The lines of an output: as they are, and as they are compared."""

    def __init__(self, output: bytes, masked: list[bytes]) -> None:
        self._lines, self.masked = split(output), masked

    def lines(self, mark: bytes, first: int, end: int) -> Iterator[bytes]:
        """Yield some lines, with a mark before each."""
        for line in self._lines[first:end]:
            yield mark + line + b"\n"


def _alike(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """Return how many lines are equal before the first that is not."""
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _range(i1: int, i2: int, j1: int, j2: int) -> bytes:
    """Return the head of a hunk; lines count from 1."""
    return f"@@ -{i1 + 1},{i2 - i1} +{j1 + 1},{j2 - j1} @@".encode()
