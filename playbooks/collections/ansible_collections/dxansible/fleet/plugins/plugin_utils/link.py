# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The connection to one host: its description in the inventory, and the ssh options that we add."""

from __future__ import annotations

import getpass
import os
import re
import shlex
import tempfile
from contextlib import contextmanager, suppress
from getopt import GetoptError, getopt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import constants
from ansible.utils.display import Display

from .checks import Target
from .keeper_reply import CallError
from .ssh_config import SshConfig, remembered_ssh_config
from .ssh_errors import SshFailure, check_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ansible.plugins.connection import ConnectionBase


_LONGEST_CONTROL_DIR = 70
"""Characters; with ssh's own suffixes a control socket's path must stay under 104."""
_SSH_OPTIONS = "1246ab:c:e:fgi:kl:m:no:p:qstvxAB:CD:E:F:GI:J:KL:MNO:P:Q:R:S:TVw:W:XYy"
"""ssh's options in getopt's notation."""
SERVICE_TOKENS = (
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "JULES_API_KEY",
    "SLACK_BOT_TOKEN",
    "SLACK_WEBHOOK_URL",
)
"""Environment variables with tokens for services; no VM needs them."""


_DECIDE_CONTROL_PATH = (
    "host", "port", "remote_user", "control_path", "control_path_dir",
    "ssh_args", "ssh_common_args", "ssh_extra_args",
)  # fmt: skip
_MOST_CONTROL_PATHS = 20_000
_control_paths: dict[tuple[str, ...], str | None] = {}
"""By the options that decide: Ansible builds ssh's whole command to find one."""


class CallTimeoutError(CallError):
    """The VM accepted a call and did not answer it in time."""


class LinkError(CallError):
    """The connection failed; ``failure`` says how, and the text is ssh's own.

    ``place`` are the arguments with which ssh connects there by hand.
    """

    def __init__(self, failure: SshFailure, text: str, place: str = "USER@HOST") -> None:
        super().__init__(text)
        self.failure, self.place = failure, place


def describe(name: str, connection: ConnectionBase, task_vars: Mapping[str, Any]) -> Target:
    """Describe the host as in the inventory, by Ansible's precedence."""
    transport = str(connection.transport)
    user = _option(connection, "remote_user") or task_vars.get("ansible_user")
    if transport == "local" and not user:
        user = getpass.getuser()
    aliases = [str(alias) for alias in task_vars.get("dx_aliases") or []]
    default_mode = "local" if transport == "local" else "ssh_key"
    return Target(
        name=name,
        address=str(_option(connection, "host") or task_vars.get("ansible_host") or name),
        port=_option(connection, "port"),
        user=str(user) if user else None,
        auth_mode=str(task_vars.get("dx_auth_mode") or default_mode),
        connection=transport,
        key_file=_option(connection, "private_key_file") or None,
        has_password=bool(_option(connection, "password") or _option(connection, "private_key")),
        needs_sshpass=bool(_option(connection, "password"))
        and _option(connection, "password_mechanism") == "sshpass",
        hostnames=(name, *aliases, *map(str, task_vars.get("dx_hostnames") or [])),
    )


def _option(connection: ConnectionBase, name: str) -> Any:  # noqa: ANN401 - each option has its own type
    try:
        return connection.get_option(name)
    except (KeyError, AttributeError):
        return None


def ssh_config(target: Target, connection: ConnectionBase, timeout: float) -> SshConfig | None:
    """The effective configuration of ssh for the host; None where the connection isn't ssh.

    Raises CheckFailure.
    """
    if target.connection != "ssh":
        return None
    arguments = _ssh_arguments(connection)
    if target.port is not None:
        arguments += ["-o", f"Port={target.port}"]
    if target.user:
        arguments += ["-o", f"User={target.user}"]
    return remembered_ssh_config([*arguments, "--", target.address], timeout)


def _ssh_arguments(connection: ConnectionBase) -> list[str]:
    arguments: list[str] = []
    for option in ("ssh_args", "ssh_common_args", "ssh_extra_args"):
        arguments += connection._split_ssh_args(_option(connection, option) or "")  # noqa: SLF001 - no public splitter
    return arguments


def explain(name: str, error: CallError) -> str:
    """Format an error for the user: the message of ssh or the VM, and the remedy."""
    if isinstance(error, CallTimeoutError):
        return f"{name} accepts the connection, but its shell does not answer"
    if not isinstance(error, LinkError):
        return f"{name}: {error}"
    url = None if error.failure is SshFailure.LOST else check_url(str(error))
    if url is not None:
        return f"{name}: Tailscale SSH asks for an additional check; visit {url} and try again"
    remedy = {
        SshFailure.UNRESOLVABLE: "check ansible_host and your DNS",
        SshFailure.UNREACHABLE: "is the machine on and sshd running?",
        SshFailure.CONNECT_TIMEOUT: "is the machine on, and is a firewall in the way?",
        SshFailure.HOST_KEY: _host_key_remedy(error),
        SshFailure.AUTH: (
            f"check ansible_user, and put your public key there: ssh-copy-id {error.place}"
        ),
    }.get(error.failure)
    return f"{name}: {error}; {remedy}" if remedy else f"{name}: {error}"


def _host_key_remedy(error: LinkError) -> str:
    """Return what to do; ssh's own message has the name under which it knows the host's key."""
    changed = re.search(r"[Hh]ost key for (\S+) has changed", str(error))
    if changed is not None:
        name = shlex.quote(changed[1])
        return f"if you know that its key has changed, forget the old one: ssh-keygen -R {name}"
    return f"log in once by hand, and compare its key: ssh {error.place}"


def place_of(connection: ConnectionBase) -> str:
    """Return the arguments with which ssh connects to the host by hand."""
    user, port = _option(connection, "remote_user"), _option(connection, "port")
    address = str(_option(connection, "host") or "HOST")
    words = ["-p", str(port)] if port not in {None, 22} else []
    return shlex.join([*words, f"{user}@{address}" if user else address])


def add_ssh_options(
    connection: ConnectionBase,
    ssh: Mapping[str, Any],
    *,
    connect_timeout: float,
    batch_mode: bool,
) -> None:
    """Append our ssh options to the user's. The user's win, because ssh uses the first it sees.

    Keepalives end a silent connection, even before authentication (Tailscale's check mode). ssh
    doesn't get our service tokens, because a control master outlives the call.
    """
    for name in SERVICE_TOKENS:
        os.environ.pop(name, None)
    _give_back_temporary()
    if connection.transport != "ssh":
        return
    options = ["ServerAliveInterval=5", "ServerAliveCountMax=3"]
    if batch_mode and not _option(connection, "password"):  # ssh must ask for a password
        options.append("BatchMode=yes")
    if ssh.get("strict", "ask") == "ask" and _option(connection, "host_key_checking") is not False:
        options.append("StrictHostKeyChecking=accept-new")
    directory = os.path.expanduser(_option(connection, "control_path_dir") or "")  # noqa: PTH111 - Path's raises where there is no home
    if len(directory) > _LONGEST_CONTROL_DIR:
        options.append("ControlPath=none")
    added = " ".join(f"-o {option}" for option in options)
    extra = _option(connection, "ssh_extra_args") or ""
    if not extra.endswith(added):  # an earlier try may have added them
        connection.set_option("ssh_extra_args", f"{extra} {added}".strip())
    connection.set_option("timeout", max(1, round(connect_timeout)))
    connection.set_option("reconnection_retries", 0)


def _give_back_temporary() -> None:
    """Have the caller's temporary directory again, for what this process starts from now on."""
    match os.environ.pop("DX_TMPDIR", None):
        case None:
            pass
        case "":
            os.environ.pop("TMPDIR", None)
        case directory:
            os.environ["TMPDIR"] = directory


def control_path(connection: ConnectionBase) -> str | None:
    """The socket of the connection that Ansible's ssh plugin keeps; None if only ssh can tell."""
    if connection.transport != "ssh" or _option(connection, "ssh_executable") != "ssh":
        return None
    if any(_option(connection, name) for name in ("password", "private_key", "pkcs11_provider")):
        return None
    known = tuple(map(str, (_option(connection, name) for name in _DECIDE_CONTROL_PATH)))
    if known not in _control_paths:
        if len(_control_paths) >= _MOST_CONTROL_PATHS:
            _control_paths.clear()
        _control_paths[known] = _find_control_path(connection)
    return _control_paths[known]


def _find_control_path(connection: ConnectionBase) -> str | None:
    connection.host = _option(connection, "host")
    found = [
        value.decode().strip('"')
        for name, _sep, value in (
            argument.partition(b"=")
            for argument in connection._build_command("ssh", "ssh")  # noqa: SLF001 - no public way
        )
        if name.lower() == b"controlpath"
    ]
    return found[0] if found and "%" not in found[0] and found[0] != "none" else None


def terminal_words(connection: ConnectionBase) -> list[str] | None:
    """Return the words of ssh before a command that gets a terminal, with all options of a run.

    A person who is there may type a password. None if the connection is neither ssh nor local.
    """
    if connection.transport == "local":
        return ["sh", "-c"]
    if connection.transport != "ssh":
        return None
    connection.host = _option(connection, "host")
    program = str(_option(connection, "ssh_executable"))
    built = connection._build_command(program, "ssh", "-t", connection.host)  # noqa: SLF001 - no public way
    for descriptor in connection.sshpass_pipe or ():
        os.close(descriptor)
    connection.sshpass_pipe = None
    words = [os.fsdecode(word) for word in built]
    words = words[words.index(program) :]
    for option in ("BatchMode=yes", "PasswordAuthentication=no", "KbdInteractiveAuthentication=no"):
        while option in words[1:-1]:
            at = words.index(option)
            del words[at - 1 : at + 1]
    return words


@contextmanager
def own_messages(connection: ConnectionBase) -> Iterator[Callable[[], str | None]]:
    """Redirect ssh's messages to a file. Yields a function that reads them.

    The function returns None for other plugins. On standard error the messages would mix with the
    VM's output. A control master keeps the deleted file open; its later messages are lost, as they
    would be without the file.
    """
    if connection.transport != "ssh":
        yield lambda: None
        return
    extra = connection.get_option("ssh_extra_args")
    with tempfile.NamedTemporaryFile(
        "r", prefix="ssh-", dir=constants.DEFAULT_LOCAL_TMP, errors="replace"
    ) as log:
        connection.set_option("ssh_extra_args", f"{extra} -E {shlex.quote(log.name)}")
        try:
            yield log.read
        finally:
            connection.set_option("ssh_extra_args", extra)
            _pass_on(connection, log.name)


def _pass_on(connection: ConnectionBase, log: str) -> None:
    """Copy ssh's messages to the user's own log (``-E``), and show them with ``-vvv``."""
    text = Path(log).read_text(errors="replace")
    if not text:
        return
    Display().vvv(text)
    with suppress(GetoptError, OSError):
        options, _words = getopt(_ssh_arguments(connection), _SSH_OPTIONS)
        if wanted := dict(options).get("-E"):
            with Path(wanted).open("a") as theirs:
                theirs.write(text)
