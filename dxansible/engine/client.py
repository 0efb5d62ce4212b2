"""The client of an engine: hands a call over and stays for its end.

Nothing has begun before the engine said yes and was told to go; until then the caller can go on
without it. The socket is the life line: when it ends, whatever the reason, the engine kills the
call. Few imports: what this takes is added to each call.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # signal imports much
import os
import sys
from _socket import (  # socket imports much
    AF_UNIX,
    SCM_RIGHTS,
    SO_PEERCRED,
    SOCK_STREAM,
    SOL_SOCKET,
    socket,
)
from time import monotonic, sleep, time

from dxansible.engine.caller import PLAYBOOK, Absent, Unfit, address, context, directory
from dxansible.engine.sources import large_inventory
from dxansible.engine.wire import GO, LENGTH, YES, pack

__all__ = ["LostError", "call", "check_directory", "check_refusal", "play"]

_PATIENCE = 0.5
"""Seconds; an engine that has not said yes by then is taken for a wedged one."""
_LOADING = 10.0
"""Seconds for an engine to load; a program of our own would load no faster beside it."""
_PARSING = 120.0
"""Seconds more if it parses a large inventory; the call would take longer to do that beside it."""
_REFUSAL = 600.0
"""Seconds for which it counts that an engine could not load."""
_FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGCONT")
_MOST_FDS = 200
_TRIES = 3
"""Engines that a run waits for; one may be ended while it loads."""
_LOOK = 0.005
"""Seconds between two looks for an engine that loads."""
_DIRECTORY = 0o040000
"""The kind of a file, in its mode; the module stat has it, but would have to be loaded."""


class LostError(Exception):
    """The process of the call was killed, and not by us: what became of the call is not known."""


def call(
    program: str,
    arguments: list[str],
    package: str,
    environment: dict[bytes, bytes],
    token: str = "",
) -> int:
    """Have an engine run the program, and return its exit code. Raises Unfit if none can.

    ``token``: what the call makes its id of. Raises Absent if there is no engine for this call yet,
    LostError if it did not come to an end of its own.
    """
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    sources = large_inventory(arguments) if program == PLAYBOOK else []
    text = context(program, root, sources)
    path = address(text)
    fds = _open_fds()
    request = pack([text, *_fields(arguments, package, environment, token, fds)])
    check_directory()
    line = socket(AF_UNIX, SOCK_STREAM)
    line.settimeout(_patience())
    try:
        line.connect(path)
        _offer(line, request)
    except (FileNotFoundError, ConnectionRefusedError):
        line.close()
        check_refusal(path)

        def begin() -> bool:
            from dxansible.engine.starter import start  # noqa: PLC0415 - for the first call only

            return start(program, path, text, root, sources)

        raise Absent(path, begin) from None
    except TimeoutError:
        raise Unfit("it does not answer") from None
    except OSError as error:
        raise Unfit(f"it went away: {error.strerror}") from None
    line.settimeout(None)
    return _accompany(line, fds)


def play(executable: str) -> None:
    """Be ansible-playbook: in an engine, or else by becoming the executable itself."""
    ours, _, rest = os.environ.get("PATH", "").partition(":")
    os.environ["PATH"] = rest
    arguments = [executable, *sys.argv[1:]]
    try:
        sys.exit(_call_or_wait(arguments))
    except LostError:
        os.kill(os.getpid(), signal.SIGKILL)  # as it would have ended without an engine
    except (Unfit, OSError) as reason:
        _note(f"{ours}/reason", str(reason))
    os.execve(executable, arguments, os.environ)  # noqa: S606 - it is what was asked for


def _call_or_wait(arguments: list[str]) -> int:
    """Have an engine run ansible-playbook, one that has yet to load if need be."""
    seconds = _LOADING + (_PARSING if large_inventory(arguments) else 0.0)
    for _ in range(_TRIES):
        try:
            return call(PLAYBOOK, arguments, "", dict(os.environb))
        except Absent as absent:
            if not absent.start() or not _settled(absent.path, seconds):
                raise
    raise Unfit("engines end while they load")


def _settled(path: str, seconds: float) -> bool:
    """Wait until an engine has loaded, could not, or has ended; False if it takes longer."""
    deadline = monotonic() + seconds
    while monotonic() < deadline:
        sleep(_LOOK)
        if os.path.lexists(path) or os.path.lexists(f"{path}.unfit") or not _held(f"{path}.lock"):
            return True
    return False


def _held(lock: str) -> bool:
    from fcntl import LOCK_NB, LOCK_SH, flock  # noqa: PLC0415 - for a first call only

    try:
        fd = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        flock(fd, LOCK_SH | LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def check_refusal(path: str) -> None:
    """Raise Unfit if an engine could not load for such a call, not long ago."""
    name = f"{path}.unfit"
    try:
        recent = 0 <= time() - os.lstat(name).st_mtime < _REFUSAL
        with open(name) as file:
            reason = file.read(200)
    except OSError:
        return
    if recent and reason:  # without one it is just being written
        raise Unfit(reason)


def _patience() -> float:
    try:
        return float(os.environ["DX_ENGINE_PATIENCE"])
    except (KeyError, ValueError):
        return _PATIENCE


def check_directory() -> None:
    """Raise Unfit unless the directory is ours and closed to others; make it if it is missing."""
    place = directory()
    try:
        os.mkdir(place, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise Unfit(f"{place} can't be made: {error.strerror}") from None
    found = os.lstat(place)
    if found.st_mode & ~0o7700 != _DIRECTORY or found.st_uid != os.geteuid():
        raise Unfit(f"{place} is not a directory of ours alone")


def _fields(
    arguments: list[str],
    package: str,
    environment: dict[bytes, bytes],
    token: str,
    fds: list[int],
) -> list[bytes]:
    try:
        where = os.getcwdb()
    except OSError:
        raise Unfit("the working directory is gone") from None
    umask = os.umask(0o077)
    os.umask(umask)
    ignored, blocked = _signal_masks()
    return [
        pack(map(os.fsencode, arguments)),
        pack(name + b"=" + value for name, value in environment.items()),
        where,
        str(umask).encode(),
        ignored,
        blocked,
        package.encode(),
        token.encode(),
        pack(str(fd).encode() for fd in fds),
    ]


def _signal_masks() -> tuple[bytes, bytes]:
    with open("/proc/self/status", "rb") as file:
        found = dict(line.split(b":\t", 1) for line in file if line.startswith(b"Sig"))
    return found[b"SigIgn"].strip(), found[b"SigBlk"].strip()


def _open_fds() -> list[int]:
    """Those that a program started by us would have."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:
            continue  # that was the one which reads the list
    if not {0, 1, 2} <= set(found) or len(found) > _MOST_FDS:
        raise Unfit("standard input, output or errors are closed")
    return sorted(found)


def _offer(line: socket, request: bytes) -> None:
    """Raises Unfit if the engine won't have it, OSError if it has gone."""
    credentials = line.getsockopt(SOL_SOCKET, SO_PEERCRED, 12)
    if int.from_bytes(credentials[4:8], sys.byteorder) != os.geteuid():
        raise Unfit("it is another user's")
    line.sendall(len(request).to_bytes(LENGTH, "big") + request)
    answer = line.recv(1)
    if answer != YES:
        raise Unfit(line.recv(200).decode() if answer else "it went away")


def _accompany(line: socket, fds: list[int]) -> int:
    """Tell the engine to go, pass signals on, and end as the call ends.

    The file descriptors go with that word, not before: an engine that has stopped would keep them
    open, and so whatever reads our output waiting.
    """
    passed_on = set()

    def forward(number: int, _frame: object) -> None:
        passed_on.add(number)
        _tell(line, number)

    def suspend(_number: int, _frame: object) -> None:
        _tell(line, signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)

    for name in _FORWARDED:
        signal.signal(getattr(signal, name), forward)
    signal.signal(signal.SIGTSTP, suspend)
    try:
        rights = b"".join(fd.to_bytes(4, sys.byteorder) for fd in fds)
        line.sendmsg([GO], [(SOL_SOCKET, SCM_RIGHTS, rights)])
        how = line.recv(2)
    except OSError:
        how = b""
    by_signal = how[:1] == b"s"
    if len(how) < 2 or (by_signal and how[1] not in passed_on):  # noqa: PLR2004 - how it ended, and with what
        raise LostError
    if by_signal:
        signal.signal(how[1], signal.SIG_DFL)
        os.kill(os.getpid(), how[1])
    return how[1]


def _tell(line: socket, number: int) -> None:
    try:
        line.send(bytes([number]))
    except OSError:
        return  # the call has just ended


def _note(path: str, text: str) -> None:
    try:
        with open(path, "w") as file:
            file.write(text)
    except OSError:
        return
