"""What the commands of the scenarios do, as the text of a file that the command reads on its VM."""

from __future__ import annotations

__all__ = ["DEADLINE", "LARGE", "QUICK", "TURNS", "WAITING", "ending"]

_WAIT = "until [ -e ~/go ]; do sleep 0.2; done"
_ENDINGS = {
    "ok": "echo hello",
    "silent": "true",
    "exit1": "exit 1",
    "exit7": "echo out; echo err >&2; exit 7",
    "exit124": "exit 124",
    "exit126": ": >~/plain; ~/plain 2>/dev/null",
    "exit127": "nosuchprogram 2>/dev/null",
    "exit128": "exit 128",
    "exit130": "exit 130",
    "exit137": "exit 137",
    "exit200": "exit 200",
    "exit255": "echo 255; exit 255",
    "hup": "echo before; kill -HUP $$",
    "int": "kill -INT $$",
    "kill": "echo before; kill -KILL $$",
    "pipe": "kill -PIPE $$",
    "segv": "kill -SEGV $$",
    "term": "echo before; kill -TERM $$",
    "usr1": "kill -USR1 $$",
    "stderr": "echo only here >&2",
    "both": "echo out; echo err >&2",
    "noeol": "printf 'no newline'",
    "emptylines": "printf '\\n\\n\\n'; printf '\\n\\n' >&2",
    "crlf": "printf 'a\\r\\nb\\rc'",
    "nul": "printf 'a\\000b\\000\\000'",
    "latin1": "printf 'caf\\351\\n'; printf '\\377\\376' >&2",
    "utf8cut": "printf 'caf\\303'",
    "utf8": "printf '\\342\\202\\254 \\360\\237\\230\\200\\n'",
    "bytes": 'i=0; while [ $i -lt 256 ]; do printf "\\\\$(printf %03o $i)"; i=$((i + 1)); done',
    "escapes": "printf '\\033[31mred\\033[0m\\007\\b\\n'",
    "jinja": "echo '{{ 1 + 1 }} {% raw %} !vault $HOME'",
    "lookalike": "printf '\\ndx-0123456789abcdef state=exited\\n\\ndx-0123456789abcdef end\\n'",
    "longline": "printf '%100000s' x",
    "lines": "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i + 1)); done",
    "drip": "for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done",
    "daemon": "sleep 60 >/dev/null 2>&1 </dev/null & echo begun",
    "holder": "sleep 60 & echo begun",
    "stdin": "cat; wc -c",
    "where": '[ "$PWD" = "$HOME" ] && echo home; umask',
    "closed": "exec >&- 2>&-; exit 3",
    "wait": f"echo part one; {_WAIT}; echo part two",
    "wait7": f"echo part one; {_WAIT}; echo part two >&2; exit 7",
    "waitkill": f"echo part one; {_WAIT}; kill -KILL $$",
    "waitlarge": f"echo part one; {_WAIT}; head -c 300000 /dev/zero | tr '\\0' z",
    "sleep": "echo begun; exec sleep 600",
    "deaf": "trap '' TERM; echo begun; while :; do sleep 600; done",
    "deafchild": "(trap '' TERM; while :; do sleep 600; done) & echo begun; wait",
    "deafdaemon": "(trap '' TERM; exec setsid sleep 600) >/dev/null 2>&1 & echo begun; sleep 600",
    "trapped": "trap 'echo caught; exit 0' TERM; echo begun; sleep 600 & wait",
    "stopped": "echo begun; kill -STOP $$",
    "large": "head -c 3000000 /dev/zero | tr '\\0' o; head -c 3000000 /dev/zero | tr '\\0' e >&2",
    "random": "i=0; while [ $i -lt 40000 ]; do echo $i; i=$((i + 1)); done",
    "ask": "echo 'Which one do you want?'",
    "words": "echo one; echo two >&2; echo three",
}  # fmt: skip
QUICK = tuple(_ENDINGS)[: tuple(_ENDINGS).index("wait")]
"""These end by themselves, most of them at once."""
WAITING = ("wait", "wait7", "waitkill", "waitlarge")
"""These end when the scenario's last fault has come."""
DEADLINE = ("sleep", "deaf", "deafchild", "deafdaemon", "trapped", "stopped")
"""These never end by themselves."""
LARGE = ("large", "random")
TURNS = ("ok", "silent", "exit1", "exit7", "exit127", "exit255", "kill", "both", "latin1", "nul",
         "escapes", "lines", "daemon", "ask", "words")  # fmt: skip


def ending(name: str) -> str:
    """The text of the file."""
    return f"{_ENDINGS[name]}\n"
