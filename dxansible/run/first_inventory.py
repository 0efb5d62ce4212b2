"""A user's first inventory: its VMs as the user names them, and the text of the file."""

from __future__ import annotations

import json
import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

from dxansible.errors import UsageError
from dxansible.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["EXAMPLES", "Vm", "inventory_text", "is_unedited", "split_port"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}\$?")
_HOST = re.compile(r"(?=.{1,253}\Z)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?)+")
_ZONE = re.compile(r"[^%]+(?:%[\w.-]+)?", re.ASCII)
_GROUPS = frozenset({"all", "ungrouped"})
"""Names that Ansible has given to groups."""
_PORTS = range(1, 65536)
_SSH_PORT = 22

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.@-]*|(?:\d+\.){3}\d+")
_NOT_PLAIN = frozenset({"y", "n", "yes", "no", "true", "false", "on", "off", "null"})
"""Words that YAML 1.1 does not read as text."""

_UNEDITED = "# This is an example: take away the # before a VM, and put your own values there."
_HEAD = "# The VMs of dx-dispatch: an Ansible inventory."
_FURTHER = """\
      # ansible_ssh_private_key_file: ~/.ssh/id_ed25519
      # dx_aliases: [build]       # other names of this VM
      # dx_capabilities: [gpu]    # groups: dx-dispatch gpu --exec "nvidia-smi"
      # dx_agent: opencode        # the coding agent that gets the tasks
"""


class Vm(Value):
    """A VM of the first inventory."""

    name: str
    address: str
    user: str
    port: int = _SSH_PORT

    def __post_init__(self) -> None:
        """Raise UsageError for what can't be a name, a user, a host or a port."""
        if not _NAME.fullmatch(self.name) or self.name in _GROUPS:
            what = f"{self.name!r} can't be the name of a VM"
            raise UsageError(what, "use letters, digits, - and _, like vm1")
        if not _USER.fullmatch(self.user):
            what = f"{self.user!r} can't be a user of a VM"
            raise UsageError(what, "give the name that you log in with, like ubuntu")
        if not _is_address(self.address):
            what = f"{self.address!r} can't be the address of a VM"
            raise UsageError(what, "give a host name or an IP address")
        if self.port not in _PORTS:
            raise UsageError(f"{self.port} can't be a port", "give a number from 1 to 65535")

    @classmethod
    def parse(cls, text: str) -> Vm:
        """Read ``NAME=USER@ADDRESS[:PORT]``. Raises UsageError."""
        name, equals, rest = text.partition("=")
        user, at, place = rest.rpartition("@")
        if not (equals and at):
            message = f"{text!r} does not describe a VM"
            raise UsageError(message, "give NAME=USER@ADDRESS[:PORT], like vm1=ubuntu@192.0.2.10")
        address, port = split_port(place)
        return cls(name=name, user=user, address=address, port=port)


def split_port(place: str) -> tuple[str, int]:
    """Read ``ADDRESS[:PORT]``; an IPv6 address is in brackets before a port. Raises UsageError."""
    found = re.fullmatch(r"\[(.*)\](?::(.*))?|([^:]*)(?::([^:]*))?", place, re.DOTALL)
    if found is None:  # several colons without brackets: an IPv6 address alone
        return place, _SSH_PORT
    bracketed, its_port, address, port = found.groups()
    chosen = its_port if port is None else port
    if chosen is not None and not re.fullmatch(r"[0-9]{1,5}", chosen):
        raise UsageError(f"{chosen!r} can't be a port", "give a number from 1 to 65535")
    return (address if bracketed is None else bracketed), int(chosen or _SSH_PORT)


def _is_address(text: str) -> bool:
    if ":" in text or re.fullmatch(r"[0-9.]+", text):
        try:
            ip_address(text)
        except ValueError:
            return False
        return _ZONE.fullmatch(text) is not None
    return _HOST.fullmatch(text) is not None


EXAMPLES = (
    Vm(name="vm1", address="192.0.2.10", user="ubuntu"),
    Vm(name="vm2", address="vm2.example.org", user="ubuntu", port=2222),
)


def inventory_text(vms: Sequence[Vm]) -> str:
    """Return the inventory of these VMs; of none, that of two examples, commented out."""
    if vms:
        entries = [_entry(vm) for vm in vms]
        entries[0] += _FURTHER
        return "\n".join(["---", _HEAD, "all:", "  hosts:", "".join(entries)])
    lines = "".join(map(_entry, EXAMPLES)).splitlines()
    commented = [f"    # {line.removeprefix('    ')}" for line in lines]
    return "\n".join(["---", _HEAD, _UNEDITED, "all:", "  hosts:", *commented, ""])


def _entry(vm: Vm) -> str:
    port = "" if vm.port == _SSH_PORT else f"      ansible_port: {vm.port}\n"
    return (
        f"    {_scalar(vm.name)}:\n"
        f"      ansible_host: {_scalar(vm.address)}\n"
        f"{port}"
        f"      ansible_user: {_scalar(vm.user)}\n"
    )


def _scalar(text: str) -> str:
    """Write a text in YAML, in quotes if YAML could read another type."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _NOT_PLAIN
    return text if plain else json.dumps(text)


def is_unedited(path: Path) -> bool:
    """Whether a file is the example as it was written, or still says so."""
    try:
        return _UNEDITED in path.read_text(errors="replace")
    except OSError:
        return False
