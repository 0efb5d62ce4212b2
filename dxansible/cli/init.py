"""``--init``: writes the first inventory of a user."""

from __future__ import annotations

import errno
import getpass
import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, TypeVar

from dxansible.errors import DxError, UsageError
from dxansible.render.documents import document
from dxansible.render.show import emit, show
from dxansible.run.first_inventory import Vm, inventory_text, split_port
from dxansible.settings import inventory_sources, own_inventory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dxansible.cli.table import Options

__all__ = ["init"]

_T = TypeVar("_T")
_FILE = "hosts.yml"
_SUFFIXES = frozenset({".yml", ".yaml"})
"""Ansible does not look for YAML in files with others."""
_BESIDE = frozenset({"group_vars", "host_vars"})
"""Directories in an inventory that are no source of hosts."""
_NUMBERS = ("first", "second")


def init(options: Options) -> int:
    """``--init [PATH]``."""
    path = _place(options)
    vms = [Vm.parse(text) for text in options.vm]
    if not vms and not options.json and sys.stdin.isatty() and sys.stderr.isatty():
        vms = _ask(path)
    names = [vm.name for vm in vms]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"there are two VMs with the name {name}", "give each its own")
    _write(path, inventory_text(vms))
    _report(options, path, names)
    return 0


def _place(options: Options) -> Path:
    """Return the path of the file to write, where there is no inventory yet. Raises UsageError."""
    paths = [*options.inventory, *([] if options.target is None else [options.target])]
    if len(paths) > 1:
        message = "--init PATH and --inventory can't be used together"
        raise UsageError(message, "give the path once")
    given = paths[0] if paths else None
    if given == "":
        raise UsageError("the path of the inventory is empty", "give one, or leave it out")
    path = (own_inventory() if given is None else Path(given).expanduser()).absolute()
    if os.path.lexists(path) and not path.is_dir():
        raise _exists(path)
    if given is None or given.endswith("/") or path.is_dir():
        _check_directory(path)
        path /= _FILE
    if path.suffix not in _SUFFIXES:
        message = f"{path} would not be read as YAML"
        raise UsageError(message, f"name it {path.name}.yml, or end a directory with /")
    return path


def _check_directory(path: Path) -> None:
    """Raise UsageError if a directory has an inventory already, whatever its files are called."""
    entries = sorted(path.iterdir()) if path.is_dir() else []
    for entry in entries:
        if entry.name not in _BESIDE and not entry.name.startswith("."):
            raise _exists(entry)


def _exists(path: Path) -> UsageError:
    message = f"{path} exists, and --init never writes over a file"
    return UsageError(message, "edit it, or name another: dx-dispatch --init PATH")


def _ask(path: Path) -> list[Vm]:
    """Ask for one VM or two. Raises KeyboardInterrupt for Ctrl-C, UsageError if nobody answers."""
    show(f"A new inventory: {path}", err=True)
    vms: list[Vm] = []
    try:
        for number in _NUMBERS:
            default = None if vms else "vm1"
            hint = f"[{default}]" if default else "[Enter: no more]"
            name = _answer(
                f"Name of the {number} VM {hint}: ",
                lambda text: Vm(name=text, address="x", user="x").name if text else "",
                default,
            )
            if not name:
                break
            address, port = _answer(
                f"Its address, HOST or HOST:PORT [{name}]: ", _address, default=name
            )
            user = _answer(
                f"User there [{_login()}]: ",
                lambda text: Vm(name="x", address="x", user=text).user,
                default=_login(),
            )
            vms.append(Vm(name=name, address=address, port=port, user=user))
    except KeyboardInterrupt:
        show("\nnothing is written", err=True)
        raise
    return vms


def _address(text: str) -> tuple[str, int]:
    address, port = split_port(text)
    checked = Vm(name="x", address=address, port=port, user="x")
    return checked.address, checked.port


def _answer(question: str, read: Callable[[str], _T], default: str | None) -> _T:
    """Ask until the answer makes sense."""
    while True:
        show(question, err=True, end="")
        line = sys.stdin.readline()
        if not line:
            show("", err=True)
            raise UsageError("there is no answer", "nothing is written; give --vm instead")
        try:
            return read(line.strip() or default or "")
        except UsageError as error:
            show(f"  {error}", err=True)


def _login() -> str:
    """Return the name of the user here, the likely one there."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no entry for this uid
        return "root"


def _write(path: Path, text: str) -> None:
    """Create a file, whole or not at all, and the directories to it. Raises UsageError."""
    temporary = None
    try:
        _make_directory(path.parent)
        descriptor, temporary = mkstemp(prefix=".", dir=path.parent)  # mode 0600
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.link(temporary, path)  # unlike a rename, never over a file that was made meanwhile
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        message = f"{path} can't be written: {error.strerror}"
        raise UsageError(message, "name another place: dx-dispatch --init PATH") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _make_directory(path: Path) -> None:
    if path.is_dir():
        return
    if os.path.lexists(path):
        raise NotADirectoryError(errno.ENOTDIR, f"{path} is not a directory")
    _make_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def _report(options: Options, path: Path, names: Sequence[str]) -> None:
    """Say what was written, and the next command."""
    found = None
    with suppress(DxError):  # DX_INVENTORY may name anything
        found = inventory_sources()[0]
    where = "" if found in {path, path.parent} else f"-i {shlex.quote(str(path))} "
    following = f"dx-dispatch {where}--list"
    if options.json:
        emit(document(exit_code=0, inventory=str(path), vms=list(names), next=following))
        return
    home = Path("~").expanduser()
    shown = f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
    show(f"wrote {shown}: {', '.join(names) or 'an example of two VMs, commented out'}")
    show(f"next: {'' if names else 'edit it, then '}{following}")
