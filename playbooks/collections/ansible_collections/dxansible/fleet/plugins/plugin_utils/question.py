# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tells whether a message ends with a question."""

from __future__ import annotations

import re
import unicodedata

_FENCE = re.compile(r" {0,3}(```|~~~)")
_LIST = re.compile(r"\s*([-*+•]|\(?[0-9A-Za-z]{1,2}[.):])\s|\s{2,}\S")
_QUOTED = re.compile(
    r"`[^`]*`|\"[^\"]*\"|«[^»]*»|「[^」]*」"
    r"|\u201c[^\u201d]*\u201d|\u201e[^\u201c\u201d]*[\u201c\u201d]"
)
_WORD = re.compile(r"\S+")
_CLOSING = "*_~>'\""
"""Characters that may follow a question mark, besides closing brackets and quotation marks."""


def ends_with_question(message: str) -> bool:
    """Whether a sentence of the last paragraph ends with a question mark, in any script.

    A list at the end belongs to the paragraph before it. Code and quotations don't count.
    """
    return any(
        _is_question(word)
        for line in _last_paragraph(_prose(message))
        for word in _WORD.findall(_QUOTED.sub(" ", line))
    )


def _prose(message: str) -> list[str]:
    """The lines of the message, with empty lines in place of code blocks and quotations."""
    lines, fence = [], ""
    for line in message.splitlines():
        found = _FENCE.match(line)
        edge = found is not None and fence in {"", found[1]}
        if found is not None and edge:
            fence = "" if fence else found[1]
        lines.append("" if edge or fence or line.lstrip().startswith(">") else line)
    return lines


def _last_paragraph(lines: list[str]) -> list[str]:
    last: list[str] = []
    for line in reversed(lines):
        if line.strip():
            last.append(line)
        elif last and not _LIST.match(last[-1]):
            break
    return last


def _is_question(word: str) -> bool:
    last = next((character for character in reversed(word) if not _closes(character)), " ")
    return "QUESTION MARK" in unicodedata.name(last, "")


def _closes(character: str) -> bool:
    return character in _CLOSING or unicodedata.category(character) in {"Pe", "Pf"}
