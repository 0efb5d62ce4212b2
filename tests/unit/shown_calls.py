"""The calls of dx-dispatch that the documents show, as a shell reads them."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dxansible.cli import argv, click_command, refusals, start
from dxansible.cli.modes import choose_call, mode_of, sort_out
from dxansible.cli.option import Kind
from dxansible.cli.table import table
from dxansible.sessions import SessionOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dxansible.cli.option import Mode
    from dxansible.cli.table import Options

__all__ = [
    "DOCUMENTS",
    "HOME_HERE",
    "ROOT",
    "SKILL",
    "blocks",
    "known_options",
    "parse",
    "shown_calls",
    "understand",
]

ROOT = Path(__file__).parents[2]
SKILL = ROOT / "skills/multi-agent-dispatch/SKILL.md"
DOCUMENTS = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "CODE_OF_CONDUCT.md",
    SKILL,
    *sorted((ROOT / "docs").glob("*.md")),
)
HOME_HERE = "/home/of-the-reader"
"""What the shell makes of a ``~`` that is not quoted."""

_SHELL = ("sh", "bash")
_SES = "ses_0123456789abcdef-54150442"
_JULES = "31415926535897932384"
_STUB = f"""#!/bin/sh
printf '%s\\0' $# "$@" >>"$CALLS"
echo {_SES}
"""
_SHOWN = re.compile(r"(?<![\w/.=-])dx-dispatch(?= +[\w\['\"-])")
_SYNOPSIS = re.compile(r"(?m)^ *(dx-dispatch [\w\['\"-].*?)(?:  .*)?$")
"""A call, and what it does after two spaces or more."""


def blocks(text: str, *languages: str) -> list[str]:
    """The fenced blocks in one of these languages."""
    found = re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", text)
    return [block for language, block in found if language in languages]


def known_options() -> set[str]:
    """All that the command line has."""
    entries = [each for each in table().values() if each.kind is not Kind.ARGUMENT]
    return {name for entry in entries for name in entry.names}


def shown_calls(text: str) -> list[list[str]]:
    """The words of each call that a document or a help text shows, in its blocks and sentences."""
    scripts = blocks(text, *_SHELL)
    for block in blocks(text, "console"):
        scripts.append("\n".join(re.findall(r"(?m)^\$ (.*)$", block)))
    prose = re.sub(r"(?ms)^```\w+\n.*?^```$", "", text)
    scripts += [script for script in re.findall(r"`([^`\n]+)`", prose) if _count(script)]
    synopses = blocks(text, "text") if "```" in text else [text]
    scripts += [call for block in synopses for call in _SYNOPSIS.findall(block)]
    return [call for words in _read_by_sh(scripts) for call in _without_brackets(words)]


def _count(script: str) -> int:
    return len(_SHOWN.findall(re.sub(r"(?m)(^|\s)#.*$", "", script)))


def _read_by_sh(scripts: Sequence[str]) -> list[list[str]]:
    """Run them where there is nothing but a dx-dispatch that notes its words."""
    with tempfile.TemporaryDirectory() as name:
        directory, calls = Path(name), Path(name) / "calls"
        stub = directory / "dx-dispatch"
        stub.write_text(_STUB)
        stub.chmod(0o700)
        calls.touch()
        ran = subprocess.run(
            ["/bin/sh"],
            cwd=directory,
            env={"PATH": name, "CALLS": str(calls), "HOME": HOME_HERE},
            input="\n".join(scripts).encode(),
            capture_output=True,
            timeout=30,
            check=False,
        )
        found = _split(calls.read_bytes().decode().split("\0")[:-1])
    shown = sum(_count(script) for script in scripts)
    assert len(found) == shown, (len(found), shown, ran.stderr.decode())
    return found


def _split(noted: list[str]) -> list[list[str]]:
    found = []
    while noted:
        end = 1 + int(noted[0])
        found.append(noted[1:end])
        noted = noted[end:]
    return found


def _without_brackets(words: list[str]) -> list[list[str]]:
    """A synopsis with and without its optional words; other calls as they are."""
    full = _filled([word.strip("[]") if word.startswith("[") else word for word in words])
    if not any(word.startswith("[") for word in words):
        return [full]
    return [full, _filled([word for word in words if not word.startswith("[")])]


def _filled(words: list[str]) -> list[str]:
    """With something in the place of names that stand for something."""
    filled = []
    for before, word in zip(["", *words], words, strict=False):
        issue = before in {"--issue", "--beads"}
        stands_for = {
            "TARGET": "epyc6",
            "SES": _JULES if before == "--approve" else _SES,
            "ID": "bd-123" if issue else _JULES,
        }
        filled.append(stands_for.get(word, word))
    return filled


def understand(words: Sequence[str]) -> tuple[Mode, Options]:
    """What a command line is found to be. Raises UsageError where it is refused."""
    options = click_command.parse(argv.complete(words))
    assert options is not None
    mode = mode_of(options.values_given())
    options = sort_out(options, mode)
    refusals.check(options, mode)
    return mode, options


def parse(words: Sequence[str]) -> Callable[[Options], int]:
    """What the command line would do with it. Raises UsageError."""
    mode, options = understand(words)
    call = choose_call(mode, options)
    if call is start.start:
        SessionOptions(
            repo=options.repo,
            beads=options.beads,
            session=options.session,
            timeout_sec=options.timeout,
            idle_timeout_sec=options.idle_timeout,
        )
    if isinstance(options.task, str) and not options.task.strip():
        raise click.UsageError("the task is empty")
    return call
