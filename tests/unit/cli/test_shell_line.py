"""An unfinished line is read as bash reads it, and what is put into it stays one word."""

from __future__ import annotations

import subprocess

import pytest

from dxansible.cli.shell_line import read_line

BREAKS = " \t\n\"'><=;|&(:"
NASTY = [
    "a b",
    "$(touch x)",
    "`id`",
    "it's",
    'say "x"',
    "a\\b",
    "*",
    "~",
    "ü",
    "#x",
    "a;b",
    "!",
    "-n",
]


@pytest.mark.parametrize(
    ("line", "words", "word", "kept"),
    [
        ("dx we", ["dx"], "we", 0),
        ("dx we ", ["dx", "we"], "", 0),
        ("", [], "", 0),
        ("dx gpu:we", ["dx"], "gpu:we", 4),
        ("dx --agent=cl", ["dx"], "--agent=cl", 8),
        ("dx 'gpu:we", ["dx"], "gpu:we", 0),
        ('dx "a b', ["dx"], "a b", 0),
        ("dx 'a b'c d", ["dx", "a bc"], "d", 0),
        ("dx --agent='cl", ["dx"], "--agent=cl", 8),
        ("dx '' x", ["dx", ""], "x", 0),
        ("dx a\\ b", ["dx"], "a b", 0),
        ("dx 'a\\' b", ["dx", "a\\"], "b", 0),
        ('dx "a\\"b\\n', ["dx"], 'a"b\\n', 0),
        ("dx a\\", ["dx"], "a", 0),
    ],
)
def test_a_line_is_taken_apart(line: str, words: list[str], word: str, kept: int) -> None:
    found = read_line(line, BREAKS)

    assert (list(found.words), found.word, found.kept) == (words, word, kept)


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_whatever_is_put_in_bash_reads_it_as_that_very_word(text: str, quote: str) -> None:
    line = f"dx {quote}"
    reply = read_line(line, BREAKS).reply(text)

    if quote and quote in text:
        assert reply is None
        return
    script = f"dx() {{ printf '<%s>' \"$@\"; }}; {line}{reply}{quote}"
    found = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)

    assert found.stdout == f"<{text}>"


@pytest.mark.parametrize("text", NASTY)
def test_only_what_bash_replaces_is_put_in(text: str) -> None:
    line = "dx --agent=x:"
    reply = read_line(line, BREAKS).reply(f"--agent=x:{text}")

    script = f"dx() {{ printf '<%s>' \"$@\"; }}; {line}{reply}"
    found = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)

    assert found.stdout == f"<--agent=x:{text}>"
