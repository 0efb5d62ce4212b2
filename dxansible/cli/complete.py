"""Prints a shell's script for completion, and answers a shell that asks which words may follow.

The answer's first line is ``files`` if the shell is to offer its own files, else ``words``. Each
further line is a word and, after a tab, what it is. No VM and no network is asked: hosts are those
of the last reading of the inventory, sessions are those that calls have last seen.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import dxansible
from dxansible.cli import argv
from dxansible.cli.modes import mode_of
from dxansible.cli.option import Kind, Mode, Offer
from dxansible.cli.shell_line import read_line
from dxansible.cli.table import table
from dxansible.errors import UsageError
from dxansible.render.documents import document
from dxansible.render.show import emit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dxansible.cli.option import Option
    from dxansible.cli.table import Options
    from dxansible.seen import Names

__all__ = ["SCRIPTS", "answer", "script", "show_script"]

SCRIPTS = {"bash": "dx-dispatch.bash", "zsh": "_dx-dispatch", "fish": "dx-dispatch.fish"}
"""By shell, the names in the package; the wheel installs them where the shells look, too."""
_MOST = 2**20
"""Bytes of a command line."""
_MARK = "\0"
"""Stands for the word to complete; no word of a command line can be equal to it."""
_KINDS = {
    Offer.SESSIONS: {"agent", "command", "jules"},
    Offer.HOSTS_AND_SESSIONS: {"agent", "command", "jules"},
    Offer.AGENT_SESSIONS: {"agent", "jules"},
    Offer.JULES_SESSIONS: {"jules"},
}
_TERM = re.compile(r"[^,:&!]*\Z")
"""The last term of an Ansible pattern."""

_Word = tuple[str, str]
"""A word, and what it is."""


def script(shell: str) -> str:
    """Return the script for a shell."""
    path = Path(dxansible.__file__).parent / "completions" / SCRIPTS[shell]
    return path.read_text()


def show_script(options: Options) -> int:
    """``--completion SHELL``."""
    text = script(options.completion or "")
    emit(document(exit_code=0, script=text) if options.json else text)
    return 0


def answer(asked: str) -> None:
    """Answer a shell, whose words come over standard input; or keep the names of the inventory."""
    shell = asked.removesuffix("_source")
    if asked == "names":
        _refresh()
    elif shell != asked and shell in SCRIPTS:
        emit(script(shell))
    elif shell in SCRIPTS:
        text = sys.stdin.buffer.read(_MOST).decode(errors="replace")
        emit(_bash(text) if shell == "bash" else _others(text))


def _bash(text: str) -> str:
    """Answer bash, which splits and quotes nothing: the line comes as it is."""
    breaks, _, line = text.partition("\0")
    found = read_line(line, breaks)
    offered = _offer(found.words[1:], found.word) if found.words else []
    if offered is None:
        return "files\n"
    replies = [found.reply(word) for word, _ in offered]
    return "".join(f"{each}\n" for each in ["words", *replies] if each is not None)


def _others(text: str) -> str:
    """Answer zsh or fish: the words before, and the one to complete, with zero bytes between."""
    *words, word = text.split("\0")
    offered = _offer(words, word.lstrip("'\""))
    if offered is None:
        return "files\n"
    return "".join(["words\n", *(f"{each}\t{what}\n" for each, what in offered)])


def _offer(words: Sequence[str], word: str) -> list[_Word] | None:
    """Return what ``word`` may become after other words; None if it may be a file."""
    mark = f"--{_MARK}" if word.startswith("-") else _MARK
    read = argv.read([*argv.complete(words), mark])
    place = next(
        (field for field, value in read.items() if value.rpartition(argv.BETWEEN)[2] == mark), None
    )
    given = {field: value for field, value in read.items() if field in table() and field != place}
    name, equals, start = word.partition("=")
    if mark in read:
        named = [each for each in table().values() if name in each.names and each.kind.takes_value]
        if not equals or not named:
            return _matching(word, _options(given))
        offered = _values(named[0], given, start)
        return offered and [(f"{name}={each}", what) for each, what in offered]
    if place is None:
        return []
    if place == "command":
        return _matching(word, [("--file", table()["file"].help)]) if word else []
    return _values(table()[place], given, word)


def _matching(start: str, offered: Sequence[_Word]) -> list[_Word]:
    """Return the words that begin so, each once, without those that could drive a terminal."""
    found = {word: what for word, what in offered if word.startswith(start)}
    return [(word, what) for word, what in found.items() if f"{word}{what}".isprintable()]


def _options(given: dict[str, str]) -> list[_Word]:
    """Return the options that have a meaning beside those that are given."""
    mode = _mode(given)
    chosen = any(table()[field].chooses for field in given) or mode is not Mode.TASK
    return [
        (name, entry.help.partition(". ")[0].removesuffix("."))
        for field, entry in table().items()
        if entry.kind is not Kind.ARGUMENT
        and (field not in given or entry.kind.is_repeated or entry.kind is Kind.COUNT)
        and (not chosen or mode in entry.modes)
        for name in entry.names
    ]


def _mode(given: dict[str, str]) -> Mode | None:
    """Return the mode of a command line; None if its options don't go together."""
    try:
        return mode_of(given)
    except UsageError:
        return None


def _values(entry: Option, given: dict[str, str], start: str) -> list[_Word] | None:
    """Return the values of an option, or of a place, that begin so; None if they are files."""
    offer = entry.offers
    if offer is Offer.FILES:
        return None
    if entry.kind is Kind.ARGUMENT and _mode(given) not in entry.modes:
        return []
    found = [(word, "") for word in entry.choices]
    if offer in {Offer.HOSTS, Offer.HOSTS_AND_SESSIONS}:
        head = _TERM.sub("", start)
        names = _names(given)
        found += [(f"{head}{name}", "host") for name in names.hosts]
        found += [(f"{head}{name}", "group") for name in names.groups]
    if offer in _KINDS:
        found += list(_sessions(offer))
    if offer is Offer.AGENTS:
        found += [(name, "agent") for name in _agents(given)]
    return _matching(start, found)


def _sessions(offer: Offer) -> Iterator[_Word]:
    from dxansible.seen import sessions  # noqa: PLC0415 - for this place only

    for each in sessions():
        if each.kind in _KINDS[offer]:
            where = f" on {each.host}" if each.host else ""
            yield each.id, f"{each.agent or each.kind}{where}"


def _agents(given: dict[str, str]) -> Iterator[str]:
    """Yield the agents that are known without an inventory, those of this one, and others seen."""
    from dxansible.seen import sessions  # noqa: PLC0415 - for this place only
    from dxansible.settings import content_dir  # noqa: PLC0415 - as above

    files = "collections/ansible_collections/dxansible/fleet/files"
    known = (content_dir("playbooks") / files / "agents.yml").read_text()
    yield from re.findall(r"(?m)^([a-z][\w-]*):", known)
    yield from _names(given).agents
    yield from filter(None, (each.agent for each in sessions()))


def _names(given: dict[str, str]) -> Names:
    from dxansible.run.names import known_names  # noqa: PLC0415 - for this place only
    from dxansible.settings import inventory_sources  # noqa: PLC0415 - as above

    words = given.get("inventory", "").split(argv.BETWEEN)
    return known_names(inventory_sources(list(filter(None, words)))[:-1])


def _refresh() -> None:
    from dxansible.run.hosts import refresh_names  # noqa: PLC0415 - for this process only
    from dxansible.settings import Settings  # noqa: PLC0415 - as above

    refresh_names(Settings.load())
