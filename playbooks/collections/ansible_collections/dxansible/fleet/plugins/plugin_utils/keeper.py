# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Client of the keeper, our shell script on the VM, over any Ansible connection."""

from __future__ import annotations

import hashlib
import re
import shlex
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from .keeper_listing import read_cleaned, read_listing, read_notes, read_ping
from .keeper_reply import KeeperError, complaint, killed, read_answer, read_reply
from .machine import THIS_MACHINE, Machine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .keeper_listing import Cleaned, Listing, Ping
    from .keeper_reply import Answer, Reply

_SOURCE = Path(__file__).resolve().parents[2] / "files" / "keeper"
_SCRIPT = b"".join(part.read_bytes() for part in sorted(_SOURCE.glob("*.sh")))
"""Read on import, which happens before Ansible forks a process for each host."""
_SHA256 = hashlib.sha256(_SCRIPT).hexdigest()
_BLAKE2 = hashlib.blake2b(_SCRIPT, digest_size=32).hexdigest()
"""Faster than SHA-256 where coreutils load OpenSSL for that: loading takes longer than hashing."""
_HOME = "${XDG_STATE_HOME:-$HOME/.local/state}/dxansible"
_FILE = f"{_HOME}/keeper-{_SHA256[:16]}.sh"


def _cksum(data: bytes) -> str:
    """The output of POSIX's ``cksum`` for the data, without a file name.

    ``cksum`` uses zlib's polynomial with the bits reversed, and appends the length to the data.
    """
    size = len(data)
    length = size.to_bytes((size.bit_length() + 7) // 8, "little")
    mirrored = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
    crc = zlib.crc32((data + length).translate(mirrored), 0xFFFFFFFF)
    return f"{int(f'{crc:032b}'[::-1], 2)} {size}"


def _line(text: str) -> str:
    """Join the lines: a login shell such as csh accepts no newline between quotes."""
    return " ".join(text.split("\n")).strip()


_RUN = _line(f"""
d={_HOME}; k={_FILE}; m=${{2#mark=}};
answer() {{ cat >/dev/null; printf "\\n%s %s\\n%s end\\n" "$m" "$1" "$m"; exit; }};
refuse() {{ answer "state=error message=$d $1; move it away, or set XDG_STATE_HOME"; }};
is_closed() {{ case $(exec ls -ld "$d") in drwx------*) return 0 ;; esac; return 1; }};
if [ -h "$d" ]; then refuse "is a symbolic link"; fi;
[ -d "$d" ] || answer state=absent;
[ -O "$d" ] || refuse "belongs to somebody else";
if [ -f "$k" ] && [ -O "$k" ] && command -v b2sum >/dev/null; then
    case $(exec b2sum -l 256 2>/dev/null <"$k" & exec ls -ld "$d") in
        "{_BLAKE2}  -"?drwx------* | drwx------*?"{_BLAKE2}  -") exec sh "$k" "$@" ;;
    esac;
fi;
is_closed || {{ chmod 700 "$d" && is_closed; }} 2>/dev/null || refuse "is open to others";
if [ -f "$k" ] && [ -O "$k" ]; then
    s=$(exec sha256sum <"$k" 2>/dev/null) || s=$(exec cksum <"$k");
    case $s in "{_SHA256} "* | "{_cksum(_SCRIPT)}") exec sh "$k" "$@" ;; esac;
fi;
answer state=absent
""")
"""Runs the stored script if its checksum is right and its directory is closed to other users.

The usual case comes first and checks both at once. Otherwise each is checked by itself.
"""
_INSTALL = _line(f"""
umask 077; d={_HOME}; k={_FILE};
mkdir -p "$d" || exit;
trap "rm -f \\"\\$d/.keeper.\\$\\$\\"" EXIT;
trap "exit 1" HUP INT TERM;
cat >"$d/.keeper.$$" || exit;
[ "$(wc -c <"$d/.keeper.$$")" -eq {len(_SCRIPT)} ] && mv -f "$d/.keeper.$$" "$k"
""")


class Connection(Protocol):
    """The part of an Ansible connection plugin that `Keeper` uses."""

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, *, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        """Run a command on the VM. Returns exit code, standard output and standard error."""


def _shell(text: str, *arguments: str) -> str:
    return shlex.join(["sh", "-c", text, "dx", *arguments])


_PLAIN = re.compile(rb"[\t\n -~]{1,1024}")
"""Text that every shell can read with its builtins."""


_LISTED = 1 << 24
"""Bytes of all ``last`` of a listing together; sessions beyond them have none."""


def _flags(**given: object) -> dict[str, object]:
    return {name: "yes" for name, holds in given.items() if holds}


def _sent(since: int) -> dict[str, object]:
    return {"since": since} if since else {}


def _since(wait: int, stamp: str) -> dict[str, object]:
    return {"wait": wait, "stamp": stamp} if wait else {}


class Keeper:
    """The keeper on one VM. A method takes one round trip, or three if it installs the script."""

    def __init__(self, connection: Connection, machine: Machine = THIS_MACHINE) -> None:
        self._connection, self._machine = connection, machine
        self.mark = f"dx-{machine.token(8)}"
        """Part of the arguments of every client process that the calls start on this machine."""

    def start(
        self,
        session: str,
        command: bytes,
        options: Mapping[str, object],
        *,
        about: bytes = b"",
        stdin: bytes = b"",
    ) -> Reply:
        """Start a command under an id, or attach to the session that already has the id.

        ``about`` binds the id to the command: if the id is bound to another one, the state is
        ``conflict``. ``stdin`` is the command's whole standard input.
        """
        sizes = {"length": len(command), **({"input": len(stdin)} if stdin else {})}
        flags = _flags(plain=_PLAIN.fullmatch(command), about=about)
        given = {"id": session, **sizes, **flags, **options}
        return read_reply(self._ask("start", given, about + stdin + command))

    def poll(self, session: str, options: Mapping[str, object]) -> Reply:
        """Wait for news of a session, for up to ``wait`` seconds."""
        return read_reply(self._ask("poll", {"id": session, **options}))

    def abort(
        self,
        session: str,
        wait: int,
        about: bytes = b"",
        *,
        remnants: bool = False,
        since: int = 0,
    ) -> Reply:
        """Stop a session, and wait up to ``wait`` seconds until it is gone.

        An unknown id can't be started later. ``about`` is as for `start`: a session that is bound
        to something else is not stopped. With ``remnants``, processes end that a session has left
        behind which had ended by itself, or whose stop was not verified. ``since`` is the seconds
        since the first start that may have arrived: the VM may have lost that; 0 asks nothing.
        """
        flags = _flags(about=about, remnants=remnants)
        given = {"id": session, "wait": wait, "chunk": 0, **flags, **_sent(since)}
        return read_reply(self._ask("abort", given, about))

    def settle(self, session: str, about: bytes = b"", *, since: int = 0) -> Reply:
        """Find out what became of a start that was not answered, without stopping anything.

        A session that has not arrived can't start later. ``about`` and ``since`` are as in `abort`.
        """
        flags = _flags(settle=True, about=about)
        given = {"id": session, "chunk": 0, **flags, **_sent(since)}
        return read_reply(self._ask("abort", given, about))

    def list(  # noqa: PLR0913 - options by name
        self,
        session: str | None = None,
        *,
        prefix: str = "",
        turns: bool = False,
        words: bool = False,
        wait: int = 0,
        stamp: str = "",
    ) -> Listing:
        """List all sessions whose names start with ``prefix``, or one session and its turns.

        ``turns`` leaves out commands. ``words`` asks for ``said``. The VM waits up to ``wait``
        seconds for a change since the listing with this ``stamp``; not at all if that is empty.
        Without a change the listing has the same stamp and is empty.
        """
        options: dict[str, object] = {"id": session} if session else {"prefix": prefix}
        options |= {**_flags(turns=turns, words=words), **_since(wait, stamp), "chunk": _LISTED}
        return read_listing(self._ask("list", options))

    def note(self, session: str, name: str, text: str) -> dict[str, str]:
        """Add a note to a session, unless it has a note of that name already.

        ``text`` is a short line of plain characters. Returns all notes of the session, by name.
        """
        data = text.encode()
        options = {"id": session, "name": name, "length": len(data)}
        return read_notes(self._ask("note", options, data))

    def clean(self, age_days: int, *, dry_run: bool = False) -> Cleaned:
        """Remove agent sessions, and their worktrees, that ended ``age_days`` days ago.

        ``dry_run`` removes nothing, and reports what would be removed.
        """
        options = {"age": age_days, **_flags(turns=True, dry=dry_run)}
        return read_cleaned(self._ask("clean", options))

    def ping(
        self,
        program: str | None = None,
        path: str = "",
        version: str | None = None,
        *,
        wait: int = 0,
        stamp: str = "",
    ) -> Ping:
        """Check that the VM runs commands for this user, and look for a program there.

        ``version`` is the argument that makes the program print its version. ``wait`` and ``stamp``
        are as for `list`; only another number of running sessions is a change.
        """
        options = {"program": program, "path": path, "version": version}
        asked = {key: value for key, value in options.items() if program and value}
        return read_ping(self._ask("ping", asked | _since(wait, stamp)))

    def _ask(self, verb: str, options: Mapping[str, object], payload: bytes = b"") -> Answer:
        answer = self._call(verb, options, payload)
        if answer.fields.state == "absent":
            self._install()
            answer = self._call(verb, options, payload)
            if answer.fields.state == "absent":
                raise KeeperError("the VM did not store our script unchanged")
        return answer

    def _call(self, verb: str, options: Mapping[str, object], payload: bytes) -> Answer:
        mark = f"{self.mark}-{self._machine.token(4)}"
        arguments = [f"{key}={value}" for key, value in options.items()]
        command = _shell(_RUN, verb, f"mark={mark}", *arguments)
        code, out, err = self._connection.exec_command(
            command, in_data=payload or b"\n", sudoable=False
        )
        return read_answer(mark, code, out, err)

    def _install(self) -> None:
        code, out, err = self._connection.exec_command(
            _shell(_INSTALL, f"mark={self.mark}"), in_data=_SCRIPT, sudoable=False
        )
        if code < 0:
            raise killed(code)
        if code != 0:
            raise KeeperError(complaint(out, err) or f"the VM can't store our script (exit {code})")
