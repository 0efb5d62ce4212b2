"""Shows the turns of a session as a transcript: prompts, times, words and tools."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from dxansible.redact import printable
from dxansible.render.show import coloured, painted
from dxansible.render.tables import duration
from dxansible.run.events import HostEnded
from dxansible.run.turn_events import TurnUpdate
from dxansible.settings import colour_wanted
from dxansible.value import replace

if TYPE_CHECKING:
    from dxansible.run.events import Event, Observer

__all__ = ["Transcript"]

_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|[ -/]*[0-Z\\^-~])"
)
_LONGEST_LINE = 64 * 1024
"""Characters of an unfinished line that are held back."""
_HEAD = 20
"""Lines of a turn's beginning that are compared with the turn before."""


class Transcript:
    """Observer that passes on the text of one session's turns, in whole lines."""

    def __init__(self, inner: Observer, *, on_terminal: bool, prefix: str = "") -> None:
        """``inner`` shows what it gets. Each line begins with ``prefix``, a text in colours."""
        self._inner, self._prefix = inner, prefix
        self._on = on_terminal and colour_wanted() is not False
        self._turn = 0
        self._ended_at: int | None = None
        self._rest = ["", ""]
        self._heads = (_Head("! "), _Head())
        self._news: TurnUpdate | None = None

    def handle(self, news: Event) -> None:
        """Show the event."""
        match news:
            case TurnUpdate() if news.starts_s is None:
                begun = self._begin(news) if news.turn and news.turn != self._turn else ""
                out, err = self._lines(0, news.out), self._lines(1, news.err)
                self._news = replace(news, out="", err="", cut=(0, 0), queued=False)
                self._inner.handle(replace(news, out=begun + out, err=err))
            case HostEnded():
                if self._news is not None:
                    out, err = self._flush()
                    self._inner.handle(replace(self._news, out=out, err=err))
                self._inner.handle(news)
            case _:
                self._inner.handle(news)

    def _begin(self, news: TurnUpdate) -> str:
        """Return the head of a turn, behind what is left of the one before."""
        left = self._flush()[0]
        who = "pull request" if news.finalizes else news.agent or ""
        facts = [f"turn {news.turn}", printable(str(who))]
        if news.began is not None:
            facts.append(time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(news.began)))
        if news.began is not None and news.ended is not None:
            facts.append(f"took {duration(max(0, news.ended - news.began))}")
        if news.began is not None and self._ended_at is not None:
            facts.append(f"{duration(max(0, news.began - self._ended_at))} after turn {self._turn}")
        lines = [coloured("  ".join(facts), "cyan")]
        if news.task and not news.finalizes:
            lines.append(coloured(f"> {printable(news.task)}", "dim"))
        if self._turn:
            lines.insert(0, "")
        self._turn, self._ended_at = news.turn, news.ended
        for head in self._heads:
            head.begin(news.turn)
        return left + "".join(map(self._line, lines))

    def _lines(self, stream: int, text: str) -> str:
        *lines, rest = (self._rest[stream] + text).split("\n")
        if len(rest) > _LONGEST_LINE:
            lines.append(rest)
            rest = ""
        self._rest[stream] = rest
        shown = [part for line in lines for part in self._heads[stream].take(_plain(line))]
        return "".join(map(self._line, shown))

    def _flush(self) -> tuple[str, str]:
        shown = ["", ""]
        for stream, head in enumerate(self._heads):
            if self._rest[stream]:
                shown[stream] = self._lines(stream, "\n")
            shown[stream] += "".join(map(self._line, head.end()))
        return shown[0], shown[1]

    def _line(self, text: str) -> str:
        return painted(f"{self._prefix}{text}", on=self._on) + "\n"


class _Head:
    """The first lines of a turn: those that the turn before began with, too, are folded."""

    def __init__(self, mark: str = "") -> None:
        """Only lines that begin with ``mark`` are folded. With a mark, a turn is not only those."""
        self._mark = mark
        self._turn = 0
        self._former: list[str] = []
        self._lines: list[str] = []
        self._held: list[str] | None = None

    def begin(self, turn: int) -> None:
        """Begin a turn."""
        self._former, self._lines = (self._lines if self._turn else []), []
        self._turn, self._held = turn, []

    def take(self, line: str) -> list[str]:
        """Take a line. Returns the lines to show."""
        number = len(self._lines)
        if number < _HEAD:
            self._lines.append(line)
        if self._held is None:
            return [line]
        if self._former[number : number + 1] == [line] and line.startswith(self._mark):
            self._held.append(line)
            return []
        return [*self._fold(), line]

    def end(self) -> list[str]:
        """End the turn. Returns the lines to show."""
        if not self._mark:
            return self._fold()
        held, self._held = self._held or [], None
        return held

    def _fold(self) -> list[str]:
        held, self._held = self._held, None
        if not held:
            return []
        count = "a line" if len(held) == 1 else f"{len(held)} lines"
        return [coloured(f"({count} as in turn {self._turn - 1})", "dim")]


def _plain(line: str) -> str:
    """Return a line as a terminal would have it in the end: without escapes and rewritten text."""
    return _ESCAPE.sub("", line).rstrip("\r").rpartition("\r")[2]
