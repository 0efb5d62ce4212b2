"""Everything that the environment decides: inventory, playbooks, format of logs.

Only `dxansible.services` reads the environment besides, and no other module searches for files of
this project.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.errors import ContentError, InventoryError, UsageError
from dxansible.locales import utf8_locale
from dxansible.machine import THIS_MACHINE, Machine
from dxansible.redact import hold
from dxansible.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Inventory = str | Path | Sequence[str | Path] | None
    """One source or several; None, or none of them, for the default."""

__all__ = [
    "Settings",
    "callers_tmpdir",
    "colour_wanted",
    "completion_wanted",
    "content_dir",
    "engine_wanted",
    "environment_for_names",
    "events_path",
    "history_dir",
    "inventory_sources",
    "is_variable_name",
    "join_inventory",
    "log_file",
    "log_format",
    "mask_secrets",
    "own_inventory",
    "receptor_socket",
    "split_inventory",
    "state_dir",
    "terminal_is_dumb",
    "variable_of_caller",
]

_PACKAGE = Path(__file__).resolve().parent
_CALLBACKS = "runner_callback"
_COMPLETE = "_DX_DISPATCH_COMPLETE"
_GROUPS_FILE = "zz-groups.yml"
_WATCHED = ("ANSIBLE_CALLBACKS_ENABLED", "ANSIBLE_CALLBACK_PLUGINS", "ANSIBLE_LOG_PATH")
"""With one of these, something else is to see the events of each run."""
_RECEPTORS = ("/run/receptor/receptor.sock", "/tmp/receptor.sock")  # noqa: S108 - see the owner
"""Where AWX and Debian put the control socket of receptor."""
_OFF = frozenset({"off", "0", "no", "false"})


class Settings(Value):
    """Paths and settings of one call."""

    inventory: tuple[Path, ...]
    """The user's sources, and the file that makes groups of aliases and capabilities."""
    playbooks: Path
    runtime_dir: Path
    """Holds the private directories of runs; its path is short, since sockets live in them."""
    engine: bool = False
    """Whether an engine may have the run."""
    receptor: Path | None = None
    """The control socket of this machine's receptor; None if there is none."""
    via: str | None = None
    """The execution node of all hosts, ``auto`` for any and ``local`` for none; None leaves it to
    the inventory's ``dx_node``."""
    forks: int | None = None
    """Hosts at a time, in each run without a number of its own; None is all, up to 200."""
    environment: dict[str, str]
    """Variables that Ansible gets in addition to the caller's environment."""
    machine: Machine = THIS_MACHINE
    """Has the clocks by which runs are measured."""

    @classmethod
    def load(
        cls,
        inventory: Inventory = None,
        environ: Mapping[str, str] = os.environ,
        *,
        forks: int | None = None,
        via: str | None = None,
    ) -> Settings:
        """Read the environment. Without ``inventory`` it is DX_INVENTORY, the user's own, or ours.

        The environment's secrets are masked. Raises InventoryError, ContentError and UsageError.
        """
        mask_secrets(environ)
        if via is not None and not via.strip():
            message = "the name of the execution node is empty"
            raise UsageError(message, "give one, auto or local; see: dx-dispatch --nodes")
        receptor = receptor_socket(environ)
        if receptor is None and via not in {None, "local"}:
            message = f"there is no receptor on this machine to reach {via} through"
            raise UsageError(message, "start it, or set DX_RECEPTOR_SOCKET; see docs/mesh.md")
        return cls(
            inventory=inventory_sources(inventory, environ),
            playbooks=content_dir("playbooks", environ.get("DX_PLAYBOOKS")),
            runtime_dir=_runtime_dir(environ),
            engine=engine_wanted(environ),
            receptor=receptor,
            via=via,
            forks=forks,
            environment=_ansible_environment(environ),
        )

    @property
    def sources(self) -> tuple[Path, ...]:
        """The sources of the user's inventory."""
        return self.inventory[:-1]

    @property
    def inventory_name(self) -> str:
        """The user's inventory as one text, as DX_INVENTORY has it."""
        return join_inventory(self.sources)


def join_inventory(sources: Iterable[str | Path]) -> str:
    """Return the sources of an inventory as one text, with a colon between two."""
    return os.pathsep.join(map(str, sources))


def split_inventory(text: str) -> tuple[str, ...]:
    """Return the sources of an inventory that is one text."""
    return tuple(filter(None, text.split(os.pathsep)))


def mask_secrets(environ: Mapping[str, str] = os.environ) -> None:
    """Mask the environment's secrets in everything that is shown or logged from now on."""
    hold(environ)


def engine_wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether runs may use engines: on Linux, unless DX_ENGINE is off.

    An engine is not used for a user's own playbooks, which may do other things, and tells the
    user's callbacks nothing. An ansible.cfg with callbacks is found by the engine itself.
    """
    off = environ.get("DX_ENGINE", "").lower() in _OFF
    own = any(environ.get(name) for name in ("DX_PLAYBOOKS", *_WATCHED))
    return sys.platform == "linux" and not off and not own


def receptor_socket(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the control socket of this machine's receptor; None if there is none.

    A socket at a default place has to be root's or the user's own: anybody can make one in /tmp.
    """
    given = environ.get("DX_RECEPTOR_SOCKET", "")
    if given:
        return None if given.lower() in _OFF else Path(given).expanduser().absolute()
    for place in map(Path, _RECEPTORS):
        try:
            found = place.lstat()
        except OSError:
            continue
        if stat.S_ISSOCK(found.st_mode) and found.st_uid in {0, os.geteuid()}:
            return place
    return None


def variable_of_caller(name: str) -> str | None:
    """Return a variable of the environment, to pass on; None if it is not set."""
    return os.environ.get(name)


def is_variable_name(name: str) -> bool:
    """Whether a variable of the environment can have this name, so that every shell takes it."""
    return name.isascii() and name.isidentifier()


def completion_wanted() -> str | None:
    """Return the shell that asks which words may follow, or ``names`` to keep an inventory's."""
    return os.environ.get(_COMPLETE)


def environment_for_names(inventory: str) -> dict[str, str]:
    """Return the environment of the process that reads the names of an inventory.

    It runs no program that knows a vault's password, which might ask a person; the password that
    Ansible gets is wrong.
    """
    wrong = str(content_dir("playbooks") / "groups" / _GROUPS_FILE)
    vault = {"ANSIBLE_VAULT_PASSWORD_FILE": wrong, "ANSIBLE_VAULT_IDENTITY_LIST": ""}
    return {**os.environ, **vault, _COMPLETE: "names", "DX_INVENTORY": inventory}


def state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the directory for what lasts from call to call; it need not exist."""
    return Path(environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()) / "dxansible"


def log_format(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the wanted format of log lines, "json" or "logfmt"; None if none is asked for."""
    given = environ.get("DX_LOG_FORMAT", "").strip() or None
    return "logfmt" if given not in {None, "json"} else given


def log_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the file that has the log of calls on a terminal."""
    return state_dir(environ) / "log" / "dx-dispatch.log"


def events_path(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the file, or the FIFO, that gets the events of calls; None if DX_EVENTS is not set."""
    given = environ.get("DX_EVENTS")
    return Path(given).expanduser() if given else None


def colour_wanted(environ: Mapping[str, str] = os.environ) -> bool | None:
    """False with NO_COLOR (https://no-color.org) or a dumb terminal; None: on terminals only."""
    return False if environ.get("NO_COLOR") or terminal_is_dumb(environ) else None


def terminal_is_dumb(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether terminals here obey no escape sequences, as far as is known."""
    return environ.get("TERM", "") in {"", "dumb"}


def content_dir(name: str, explicit: str | None = None) -> Path:
    """Return our playbooks or inventory: ``explicit``, else beside the package, else inside it."""
    if explicit:
        found = Path(explicit).expanduser()
        if not found.is_dir():
            message = f"{explicit} is not a directory"
            raise ContentError(message, f"set DX_{name.upper()} to one, or unset it")
        return found.resolve()
    for candidate in (_PACKAGE.parent / name, _PACKAGE / "_content" / name):
        if candidate.is_dir() and (candidate.parent / "pyproject.toml").exists() | (
            candidate.parent.name == "_content"
        ):
            return candidate
    message = f"our {name} are missing"
    raise ContentError(message, "install dxansible again, or set DX_PLAYBOOKS")


def own_inventory(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the user's own inventory is looked for; it need not exist."""
    home = environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()
    return Path(home) / "dxansible" / "inventory"


def inventory_sources(
    explicit: Inventory = None, environ: Mapping[str, str] = os.environ
) -> tuple[Path, ...]:
    """Return the inventory and, after it, the file that makes groups of aliases and capabilities.

    Raises InventoryError if a source does not exist or can't be read; ours can.
    """
    given = [explicit] if isinstance(explicit, (str, Path)) else explicit
    words = [str(each) for each in given or ()] or split_inventory(environ.get("DX_INVENTORY", ""))
    chosen = [Path(each).expanduser().absolute() for each in words]
    for path, word in zip(chosen, words, strict=True):
        _check_inventory(path, word)
    if not chosen:
        own = own_inventory(environ)
        if os.path.lexists(own):  # a broken link is an error, and no reason to use another fleet
            _check_inventory(own, str(own))
            chosen = [own]
        else:
            chosen = [content_dir("inventory")]
    # not the copy in our inventory: Ansible would load the host_vars beside it too
    return (*chosen, content_dir("playbooks") / "groups" / _GROUPS_FILE)


def _check_inventory(path: Path, given: str) -> None:
    if not given or not path.exists():
        message = f"there is no inventory at {given or 'an empty path'}"
        remedy = "give a file or directory with -i or DX_INVENTORY, or write one with --init"
        raise InventoryError(message, remedy)
    ours = given.startswith(("/dev/stdin", "/dev/fd/", "/proc/"))  # Ansible has other open files
    if ours or not (path.is_file() or path.is_dir()):
        message = f"the inventory {given} is neither a file nor a directory"
        raise InventoryError(message, "write it to a file first")
    if not os.access(path, os.R_OK):
        message = f"the inventory {given} can't be read"
        raise InventoryError(message, "check its owner and mode")


def history_dir(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the directory for the records of runs; None if DX_HISTORY is off."""
    off = environ.get("DX_HISTORY", "").lower() in _OFF
    return None if off else state_dir(environ) / "runs"


def callers_tmpdir(environ: Mapping[str, str] = os.environ) -> str:
    """Return the caller's TMPDIR; empty without one."""
    return environ.get("TMPDIR", "")


def _runtime_dir(environ: Mapping[str, str]) -> Path:
    wanted = environ.get("XDG_RUNTIME_DIR")
    if wanted and len(wanted) < 40 and os.access(wanted, os.W_OK):  # noqa: PLR2004 - a socket path has a limit
        return Path(wanted)
    from tempfile import gettempdir  # noqa: PLC0415 - where it is needed

    temporary = Path(gettempdir())
    return temporary if len(str(temporary)) < 40 else Path("/tmp")  # noqa: PLR2004, S108 - as above


def _ansible_environment(environ: Mapping[str, str]) -> dict[str, str]:
    scripts = str(Path(sys.executable).parent)
    ours = str(content_dir("playbooks") / _CALLBACKS)
    callbacks = filter(None, [environ.get("ANSIBLE_CALLBACK_PLUGINS"), ours])
    settings = {
        "PATH": os.pathsep.join([scripts, environ.get("PATH") or os.defpath]),
        # a name that matches nothing, or a file that can't be parsed, is an error and not a warning
        "ANSIBLE_HOST_PATTERN_MISMATCH": "error",
        "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True",
        # ansible-runner turns this off by default
        "ANSIBLE_HOST_KEY_CHECKING": environ.get("ANSIBLE_HOST_KEY_CHECKING", "True"),
        "ANSIBLE_NOCOLOR": "True",
        "ANSIBLE_CALLBACK_PLUGINS": os.pathsep.join(callbacks),
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        # tells the keeper of a local VM that our own ssh processes don't come from its command
        "DX_SESSION_TAG": "<client>",
        **utf8_locale(environ),
    }
    home = Path("~").expanduser()
    if not (home.is_dir() and os.access(home, os.W_OK)):
        spare = _spare_home(environ)
        # the ssh plugin's directory for live connections does not follow ANSIBLE_HOME
        for name, place in (("HOME", spare), ("SSH_CONTROL_PATH_DIR", spare / "cp")):
            settings[f"ANSIBLE_{name}"] = environ.get(f"ANSIBLE_{name}") or str(place)
    return settings


def _spare_home(environ: Mapping[str, str]) -> Path:
    """Return Ansible's directory if the home is not writable; private, since ssh trusts it."""
    spare = _runtime_dir(environ) / f"dx-ansible-{os.getuid()}"
    try:
        spare.mkdir(mode=0o700, exist_ok=True)
        found = spare.lstat()
    except OSError as error:
        message = f"neither the home directory nor {spare} can be written to: {error.strerror}"
        raise UsageError(message, "set HOME or TMPDIR to a directory of yours") from error
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        message = f"{spare} is open to other users"
        raise UsageError(message, "remove it, or set HOME to a directory of yours")
    return spare
