# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The script of one turn: our shell code, and after its ``exit`` the texts of the user.

The texts reach the agent by offset and length, so no shell reads them. The script reports its
results on standard output, in lines that begin with the byte 0x1e.
"""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from .claim import Claim, values_of
from .keeper_listing import META
from .keeper_reply import Fields
from .value import Value, field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VARIABLES = {
    "attachments": '"$attachments"',
    "directory": '"$directory"',
    "prompt_file": '"$dir/prompt"',
}
LONGEST_LIMIT = 8 * 86400
"""Seconds that a turn waits for usage limits, in all; the longest of them reset after a week."""
_PLACEHOLDER = re.compile(
    r"\{(attachments|directory|model|prompt_file|session|native_id)\}",
)
FIRST_BYTES: Mapping[str, object] = {"chunk": 65536}
"""Asks for the beginning of a turn's output, enough for its first event."""
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 100


class Turn(Value):
    """Parameters of a turn's script."""

    session: str
    arguments: Sequence[str]
    """The agent's command line, with placeholders."""
    resume: Sequence[str] = ()
    """The command line that continues the conversation after a usage limit; empty: `arguments`."""
    restart: Sequence[str] = ()
    """The command line instead, if the agent has kept nothing of the conversation."""
    resumed: bool = False
    """It continues the conversation of an earlier turn."""
    rules: str = ""
    """What files/usage.awk reads of the agent's events."""
    on_limit: str = ""
    """``wait``: wait until a usage limit resets, and go on."""
    prompt: bytes = field(repr=False)
    verify: bytes = field(default=b"", repr=False)
    """A shell script that has to succeed after the agent; empty for none."""
    attachments: Sequence[tuple[str, bytes]] = field(default=(), repr=False)
    """Names and contents of files for the agent, which get a directory outside the worktree."""
    names_files: bool = True
    """Whether the prompt names these files; no program would understand that."""
    model: str = ""
    """The model, for agents that are told one."""
    prompt_in_file: bool = False
    native_id: str | None = None
    """The agent's own id of the conversation; None if the agent has not made one yet."""
    agent: str = ""
    """The agent's name, for messages."""
    directory_of: Sequence[str] = ()
    """Command that prints, as JSON, the directory of a conversation that was begun by hand.

    The turn then works there. Empty for none.
    """
    directory: str | None = None
    """Working directory on the VM; None for the home directory."""
    repo: str | None = None
    """Git repository on the VM; the turn works in a worktree of it."""
    branch: str | None = None
    claim: Claim | None = None
    """The claim to make before the agent begins, and to renew while it works."""
    environment: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, object] = field(default_factory=dict)
    """Facts about the turn that the VM keeps for listings."""


_FILES = Path(__file__).resolve().parents[2] / "files"


@cache
def body_of(*names: str) -> str:
    """Our scripts of these names, preceded by the code that all of them share."""
    return "".join(map(_text_of, ("script.sh", *names)))


@cache
def _text_of(name: str) -> str:
    return (_FILES / name).read_text(encoding="ascii")


def script(turn: Turn) -> bytes:
    """Build the script: it begins with a line of JSON for listings, and ends with the texts.

    Each argument is quoted, so it stays one word on the VM.
    """
    values = {
        "session": turn.session,
        "agent": turn.agent,
        "begun_by_hand": (turn.native_id or "") if turn.directory_of else "",
        "chosen": turn.directory or "",
        "repo": turn.repo or "",
        "branch": turn.branch or f"dx/{turn.session}",
        "prompt_in_file": "yes" if turn.prompt_in_file else "",
        "names_files": "yes" if turn.names_files and turn.attachments else "",
        "native_id": turn.native_id or "",
        "needs_id": "yes" if any("{native_id}" in word for word in turn.resume) else "",
        "restarts": "yes" if turn.restart else "",
        "resumed": "yes" if turn.resumed else "",
        "on_limit": turn.on_limit,
        "longest_wait": str(LONGEST_LIMIT),
        "rules": turn.rules,
        "reader": _text_of("usage.awk") if turn.rules else "",
        **values_of(turn.claim),
    }
    files = [(f"file_{n}", text) for n, (_name, text) in enumerate(turn.attachments)]
    names = harmless([name for name, _text in turn.attachments])
    kept = [
        f'__dx_keep_file {shlex.quote(name)} "${of}_at" "${of}_size"'
        for name, (of, _text) in zip(names, files, strict=True)
    ]
    lines = [f"export {name}={shlex.quote(value)}" for name, value in turn.environment.items()]
    lines.append(f"__dx_agent() {{ {_words(turn.arguments, turn)}; }}")
    again = {"resume": turn.resume or turn.arguments, "restart": turn.restart}
    for name, arguments in again.items():
        words = _words(arguments, turn, native_id='"$native_id"')
        lines.append(f"__dx_{name}() {{ {words or ':'}; }}")
    lines.append(f"__dx_directory_of() {{ {_words(turn.directory_of, turn) or ':'}; }}")
    lines.append(f"__dx_keep_files() {{ {'; '.join(kept) or ':'}; }}")
    claiming = () if turn.claim is None else ("git.sh", "claim.sh")
    body = "\n".join([*lines, body_of(*claiming, "usage.sh", "turn.sh")])
    texts = {"prompt": turn.prompt, "verify": turn.verify, **dict(files)}
    return compose(turn.meta, values, body, texts)


def harmless(names: Sequence[str]) -> list[str]:
    """Names for the files of a turn that no program takes for anything else; each occurs once."""
    found: list[str] = []
    for number, name in enumerate(names, 1):
        plain = _NO_NAME.sub("_", name.rpartition("/")[2]).lstrip(".-")[-_LONGEST_NAME:]
        plain = plain.lstrip(".-") or "file"
        found.append(f"{number}-{plain}" if plain in found else plain)
    return found


def compose(
    meta: Mapping[str, object], values: Mapping[str, str], body: str, texts: Mapping[str, bytes]
) -> bytes:
    """Build a script: first ``meta``, for listings, and last the texts, which no shell reads.

    The variables ``NAME_at`` and ``NAME_size`` have the offset and length of each text.
    """
    at = 0
    while True:  # the offset's own digits change the script's length
        lines = [META + json.dumps(dict(meta), separators=(",", ":"))]
        lines += [f"{name}={shlex.quote(value)}" for name, value in values.items()]
        begin = at
        for name, text in texts.items():
            lines += [f"{name}_at={begin}", f"{name}_size={len(text)}"]
            begin += len(text)
        written = "\n".join([*lines, body]).encode()
        if at == len(written) + 1:
            return written + b"".join(texts.values())
        at = len(written) + 1


def words_of(arguments: Sequence[str], **code: str) -> str:
    """Return a command line in shell code, with this code in place of the placeholders."""

    def word(template: str) -> str:
        found = ""
        for at, piece in enumerate(_PLACEHOLDER.split(template)):  # text, name, text, …, text
            if at % 2:
                found += code[piece]
            elif piece:
                found += shlex.quote(piece)
        return found or "''"

    return " ".join(map(word, arguments))


def _words(arguments: Sequence[str], turn: Turn, **later: str) -> str:
    """The command line in shell code; ``later`` is code for what only the VM knows."""
    known = {"session": turn.session, "native_id": turn.native_id or "", "model": turn.model}
    quoted = {name: shlex.quote(value) for name, value in known.items()}
    return words_of(arguments, **{**quoted, **_VARIABLES, **later})


class Trailer(Value):
    """The script's report on its turn. Fields that the script did not reach are None."""

    problem: str | None = None
    message: str | None = None
    code: int | None = None
    verify: int | None = None
    directory: str | None = None
    branch: str | None = None
    commits: int | None = None
    files: int | None = None
    dirty: bool | None = None
    head: str | None = None
    host: str | None = None
    repository: str | None = None
    fork: str | None = None
    base: str | None = None
    gh: str | None = None
    pull_request_origin: str | None = None
    url: str | None = None
    left_out: tuple[tuple[str, str], ...] = ()
    """Pairs of reason and path, for the parts of the work that a pull request would lack."""

    @classmethod
    def parse(cls, text: str | None) -> Trailer:
        """Parse the script's last line, without its 0x1e. ``text`` is None if there was none."""
        if text is None or not text.startswith("dx-turn "):
            return cls()
        words, _sep, directory = text.rstrip("\n").partition(" directory=")
        words, _sep, message = words.partition(" message=")
        fields = Fields.read(words)
        texts = {"message": message.strip() or None, "directory": directory or None}
        left_out = _left_out(fields.get("left_out", ""))
        return cls(left_out=left_out, **fields.known_to(cls) | texts)


def _left_out(text: str) -> tuple[tuple[str, str], ...]:
    parts = [each.partition(":") for each in text.split(",") if each]
    return tuple((why, unquote(path)) for why, _sep, path in parts)
