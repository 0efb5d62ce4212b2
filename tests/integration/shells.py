"""A person at an interactive shell, on a terminal, who presses the tab key."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from typing import TYPE_CHECKING

from dxansible.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = ["BY_COMMAND", "BY_WHEEL", "Typed", "type_line", "type_lines"]

_DONE = "\x18\x10"
"""Control-X Control-P: the shell writes its line into a file."""
_ERASE = b"\x15"
_CODES = re.compile(rb"\x1b\[[0-9;?=><]*[a-zA-Z]|\x1b[=>()].?|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_ATTRIBUTES = rb"\x1b\[0?c"
"""fish asks the terminal what it can, and waits for an answer."""
_RC = {
    "bash": (
        ".bashrc",
        """
        PS1='ready> '
        {load}
        note() {{ printf %s "$READLINE_LINE" >line.new; mv line.new line; }}
        bind -x '"\\C-x\\C-p": note'
        """,
    ),
    "zsh": (
        ".zshrc",
        """
        PS1='ready> '
        {load}
        note() {{ print -rn -- "$BUFFER" >line.new; mv line.new line }}
        zle -N note
        bindkey '^X^P' note
        """,
    ),
    "fish": (
        ".config/fish/config.fish",
        """
        function fish_prompt; echo 'ready> '; end
        {load}
        function note; commandline >line.new; mv line.new line; end
        bind \\cx\\cp note
        """,
    ),
}
BY_COMMAND = {
    "bash": 'eval "$(dx-dispatch --completion bash)"',
    "zsh": 'autoload -U compinit; compinit -u -D; eval "$(dx-dispatch --completion zsh)"',
    "fish": "dx-dispatch --completion fish | source",
}
"""What a person has in the file that each shell reads."""
BY_WHEEL = {
    "bash": '. "$SHARE/bash-completion/completions/dx-dispatch"',
    "zsh": 'fpath=("$SHARE/zsh/site-functions" $fpath); autoload -U compinit; compinit -u -D',
    "fish": "",  # it finds its own below XDG_DATA_DIRS
}
"""The same where the wheel's files are in a place that the shell knows."""


class Typed(Value):
    """What became of keys."""

    line: str
    """The line that is edited now."""
    screen: str
    """All that has been shown since the first key, without codes for the terminal."""


def type_line(
    shell: str, keys: str, environment: Mapping[str, str], home: Path, load: Mapping[str, str]
) -> Typed:
    """Start a shell with an empty home directory, and type."""
    return type_lines(shell, [keys], environment, home, load)[0]


def type_lines(
    shell: str,
    lines: Sequence[str],
    environment: Mapping[str, str],
    home: Path,
    load: Mapping[str, str],
) -> list[Typed]:
    """Start a shell with an empty home directory, and type one line after the other."""
    name, text = _RC[shell]
    home.mkdir(parents=True, exist_ok=True)
    (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / name).write_text(text.format(load=load[shell]))
    noted, found = home / "line", []
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(home)
        os.execvpe(shell, [shell, "-i"], {**environment, "HOME": str(home), "TERM": "xterm"})  # noqa: S606 - the shell itself
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        _read(terminal, lambda seen: b"ready> " in seen)
        for keys in lines:
            os.write(terminal, (keys + _DONE).encode())
            shown = _read(terminal, lambda _seen: noted.exists())
            screen = _CODES.sub(b"", shown).decode(errors="replace")
            found.append(Typed(line=noted.read_text().removesuffix("\n"), screen=screen))
            noted.unlink()
            os.write(terminal, _ERASE)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.close(terminal)
        os.waitpid(pid, 0)
    return found


def _read(terminal: int, enough: Callable[[bytes], bool]) -> bytes:
    """Read what the shell shows until it is enough, and a moment longer."""
    seen, end = b"", time.monotonic() + 60
    while time.monotonic() < end:
        if enough(seen) and not select.select([terminal], [], [], 0.3)[0]:
            return seen
        if select.select([terminal], [], [], 0.05)[0]:
            new = os.read(terminal, 65536)
            seen += new
            for _ in re.findall(_ATTRIBUTES, new):
                os.write(terminal, b"\x1b[?62;c")
    message = f"after a minute there is only {seen!r}"
    raise AssertionError(message)
