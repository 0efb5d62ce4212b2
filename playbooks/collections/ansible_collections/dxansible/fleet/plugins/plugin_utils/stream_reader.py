# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads an agent's output as it comes: the text to show, and facts about the turn.

A line that begins with the byte 0x1e is the trailer of our script, not the agent's. It is never
shown.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Any, TypeGuard

from .agent_events import parse_event, readable, text_at, values_at
from .transcript import TRANSCRIPT, brief, moment_of, pause

if TYPE_CHECKING:
    from .agents import Agent, NeedsInputRule, Rule

_MARK = b"\x1e"
_ATTEMPT = "dx-turn attempt="
_LONGEST_LINE = 4 * 2**20
_LONGEST_ERROR_LINE = 4096
_MESSAGE = 64 * 2**10
_PROBLEM = 2000
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")


class StreamReader:
    """Reads the output of one turn. No input makes it raise."""

    def __init__(self, agent: Agent, view: str = "") -> None:
        """``view`` is one of `VIEWS`: it decides what is shown, and nothing else."""
        self._agent, self._view = agent, view
        self._moment: float | None = None  # of the last event that a transcript has a text for
        self.native_id: str | None = None
        """The agent's own id of the conversation."""
        self.finished = False
        """The agent reported the end of the turn, and no failure after that."""
        self.problem: str | None = None
        """The agent's last failure in its own words; if ``finished``, the agent recovered."""
        self.error_words: str | None = None
        """The last failure on standard error."""
        self.end_unread = False
        """The last event was too long, or a piece of it is missing."""
        self.trailer: str | None = None
        """The last trailer line, without its first byte."""
        self._line = bytearray()  # unfinished event or trailer
        self._error_line = bytearray()
        self._in_trailer = False  # the unfinished line of text is the trailer
        self._dropping = False  # drops bytes up to the next newline
        self._at_start = True  # the next byte of text begins a line
        self._held = False  # holds back a newline that may belong to the trailer
        self._open = False  # the text shown last has no newline at its end
        self._joining = False
        self._needs: set[int] = set()  # which rules of needs_input hold
        self._ruled_out: set[int] = set()  # and which can't in this turn
        self._moved_on = False  # the agent acted after its last message
        self._message = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @property
    def message(self) -> str | None:
        """The end of the agent's last message; without events, the end of its whole output."""
        return _tail(self._message) or None

    @property
    def needs_input(self) -> bool:
        """Whether the agent stopped for a human. A finished turn overrules standard error."""
        return any(
            number in self._needs - self._ruled_out and not (rule.stderr and self.finished)
            for number, rule in enumerate(self._agent.needs_input)
        )

    @property
    def holds_newline(self) -> bool:
        """Whether a newline is held back because a trailer may follow it."""
        return self._held

    @property
    def silent(self) -> bool:
        """Whether the turn finished without a message after the agent's last action."""
        return self.finished and (self._moved_on or not self._message.strip())

    def feed(self, data: bytes) -> str:
        """Take standard output. Returns the text to show."""
        return self._feed_text(data) if self._agent.events == "text" else self._feed_lines(data)

    def feed_error(self, data: bytes) -> None:
        """Take standard error."""
        agent = self._agent
        if not any(rule.stderr for rule in agent.needs_input) and not any(
            failure.stderr for failure in agent.failed
        ):
            return
        first, *rest = data.split(b"\n")
        self._error_line += first[: _LONGEST_ERROR_LINE - len(self._error_line)]
        for line in rest:
            self._judge_error_line()
            self._error_line += line[:_LONGEST_ERROR_LINE]

    def skip(self) -> str:
        """Handle missing bytes: drop the unfinished line, and its rest when it comes.

        Returns the text that ends the line shown last.
        """
        text = "" if self._agent.events == "json" else self._release()
        self._line.clear()
        self._in_trailer, self._dropping, self._joining = False, True, False
        self.end_unread = True
        return text + self._break_line()

    def pause(self) -> str:
        """Release the newline held back, because nothing follows for now."""
        if self._agent.events == "json" or not self._held:
            return ""
        self._held, self._at_start = False, True
        return self._decode(b"\n")

    def close(self) -> str:
        """End the output: take the unfinished line as complete. Returns the text to show."""
        self._judge_error_line()
        if self._agent.events == "json":
            text = "" if self._dropping else self._take_line()
            self._line.clear()
            return text + self._break_line()
        if self._in_trailer:
            self._end_hidden()
        return self._release()

    # events

    def _feed_lines(self, data: bytes) -> str:
        shown = []
        first, *rest = data.split(b"\n")
        self._extend(first)
        for line in rest:
            if not self._dropping:
                shown.append(self._take_line())
            self._line.clear()
            self._dropping = False
            self._extend(line)
        return "".join(shown)

    def _extend(self, data: bytes) -> None:
        if not self._dropping:
            self._line += data
            if len(self._line) > _LONGEST_LINE:
                self._line.clear()
                self._dropping = self.end_unread = True

    def _take_line(self) -> str:
        text = self._line.decode("utf-8", "replace")
        if self._line.startswith(_MARK):
            self._take_trailer(text[1:])
            return ""
        event = parse_event(text)
        shown = self._take_event(event) if event is not None else self._plain(text)
        return f"{text}\n" if self._view == "raw" else shown

    def _take_trailer(self, text: str) -> None:
        self.trailer = text
        if text.startswith(_ATTEMPT):  # what an attempt before this one has met is over
            self.finished, self.problem = False, None
            rules = self._agent.needs_input
            self._needs = {number for number in self._needs if rules[number].stderr}

    def _plain(self, text: str) -> str:
        plain = readable(text)
        return self._block(plain) if plain.strip() else ""

    def _take_event(self, event: dict[str, Any]) -> str:
        self.end_unread = False
        self._judge(event)
        rule = next((rule for rule in self._agent.text if rule.when.matches(event)), None)
        self._moved_on |= rule is not None and not rule.message
        if rule is None:
            return ""
        text = text_at(event, rule.show)
        if self._view != TRANSCRIPT:
            return self._show(rule, text)
        last, self._moment = self._moment, moment_of(event) or self._moment
        paused = pause(last, self._moment)
        shown = self._show(rule, text, brief(rule, text))
        return self._block(paused) + shown if paused and shown and not rule.joined else shown

    def _show(self, rule: Rule, text: str, shorter: str | None = None) -> str:
        goes_on = rule.joined and self._joining
        self._joining = rule.joined
        if rule.message and text:
            self._moved_on = False
            self._add(text, goes_on=goes_on)
        text = text if shorter is None else shorter
        if rule.quiet or not text:
            return ""
        if not rule.joined:
            return self._block(rule.prefix + text)
        shown = text if goes_on else self._break_line() + rule.prefix + text
        self._open = not shown.endswith("\n")
        return shown

    def _block(self, text: str) -> str:
        return self._break_line() + text.strip("\n") + "\n"

    def _break_line(self) -> str:
        was_open, self._open = self._open, False
        return "\n" if was_open else ""

    def _judge(self, event: dict[str, Any]) -> None:
        agent = self._agent
        if self.native_id is None and agent.native_id is not None:
            self.native_id = next(filter(_is_id, values_at(event, agent.native_id)), None)
        for number, rule in enumerate(agent.needs_input):
            if rule.unless is not None and rule.unless.matches(event):
                self._ruled_out.add(number)
            if _wants_human(rule, event):
                self._needs.add(number)
            elif rule.until is not None and rule.until.matches(event):
                self._needs.discard(number)
        self._judge_end(event)

    def _judge_end(self, event: dict[str, Any]) -> None:
        if any(match.matches(event) for match in self._agent.finished):
            self.finished = True
            return
        for failure in self._agent.failed:
            if failure.when is not None and failure.when.matches(event):
                words = next(filter(None, (text_at(event, [path]) for path in failure.message)), "")
                known = self.problem or f"{self._agent.name} reported a failure without a reason"
                self.problem = (failure.prefix + words)[:_PROBLEM] if words else known
                self.finished = False
                return

    def _judge_error_line(self) -> None:
        text = readable(self._error_line.decode("utf-8", "replace"))
        self._error_line.clear()
        for number, rule in enumerate(self._agent.needs_input):
            if rule.stderr is not None and rule.stderr.search(text):
                self._needs.add(number)
        for failure in self._agent.failed:
            if failure.stderr is not None and failure.stderr.search(text):
                self.error_words = (failure.prefix + text.strip())[:_PROBLEM]

    def _add(self, text: str, *, goes_on: bool) -> None:
        self._message = self._message + text if goes_on else text
        if len(self._message) > 2 * _MESSAGE:
            self._message = _tail(self._message)

    # text

    def _feed_text(self, data: bytes) -> str:
        shown = []
        while data:
            if self._in_trailer or self._dropping:
                data = self._pass_over(data)
            elif (self._at_start or self._held) and data.startswith(_MARK):
                shown.append(self._decode(b"", final=True))
                self._in_trailer, self._held, data = True, False, data[1:]
            else:
                visible, data = self._until_trailer(data)
                shown.append(self._decode(visible))
        return "".join(shown)

    def _pass_over(self, data: bytes) -> bytes:
        hidden, newline, rest = data.partition(b"\n")
        if self._in_trailer:
            self._extend(hidden)
        if newline:
            self._end_hidden()
        return rest

    def _end_hidden(self) -> None:
        if self._in_trailer and not self._dropping:
            self.trailer = self._line.decode("utf-8", "replace")
        self._line.clear()
        self._in_trailer, self._dropping, self._at_start = False, False, True

    def _until_trailer(self, data: bytes) -> tuple[bytes, bytes]:
        before = b"\n" if self._held else b""
        end = data.find(b"\n" + _MARK)
        if end < 0:
            end = len(data) - data.endswith(b"\n")
        self._held, self._at_start = end < len(data), False
        return before + data[:end], data[end + 1 :]

    def _decode(self, data: bytes, *, final: bool = False) -> str:
        text = self._decoder.decode(data, final)
        if text:
            self._open = not text.endswith("\n")
            self._add(text, goes_on=True)
        return text

    def _release(self) -> str:
        held, self._held = (b"\n" if self._held else b""), False
        return self._decode(held, final=True)


def _tail(text: str) -> str:
    if len(text) * 4 <= _MESSAGE:
        return text
    return text.encode()[-_MESSAGE:].decode(errors="ignore")


def _is_id(value: object) -> TypeGuard[str]:
    # it becomes an argument of a command, so it must not look like an option
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _wants_human(rule: NeedsInputRule, event: dict[str, Any]) -> bool:
    if rule.when is None or not rule.when.matches(event):
        return False
    return rule.path is None or any(values_at(event, rule.path))
