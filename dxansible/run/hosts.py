"""Reads the inventory: host mappings, and suggestions for unknown names."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dxansible.errors import EngineError, InventoryError, NoMatchError
from dxansible.results import HostMapping
from dxansible.run.misconfigured import VAULT_REMEDY, is_about_vault
from dxansible.run.patterns import is_plain_name, split_pattern
from dxansible.run.request import KILLED
from dxansible.value import replace

if TYPE_CHECKING:
    from pathlib import Path

    from dxansible.run.request import PlayEnd
    from dxansible.settings import Settings

__all__ = [
    "explain_no_match",
    "explain_unknown_name",
    "hosts_of_killed",
    "list_hosts",
    "read_variable",
]

_CAUSE = re.compile(r"Failed to parse inventory: |YAML parsing|Attempting to decrypt|Decryption f")
_VAULT = b"$ANSIBLE_VAULT"
_MOST_FILES = 5


def list_hosts(settings: Settings) -> list[HostMapping]:
    """Return every host of the inventory, as Ansible reads it. Raises InventoryError."""
    inventory = _read(settings)
    variables = inventory.get("_meta", {}).get("hostvars", {})
    return [_mapping(name, variables[name]) for name in variables]


def read_variable(settings: Settings, name: str) -> str | None:
    """Return a variable of the first host, None unless it is plain text. Raises InventoryError."""
    variables = _read(settings).get("_meta", {}).get("hostvars", {})
    first: dict[str, Any] = next(iter(variables.values()), {})
    found = first.get(name)
    return found if isinstance(found, str) and "{{" not in found else None


def hosts_of_killed(target: str, settings: Settings, run_id: str) -> list[str]:
    """Return the hosts of a run that was killed before it listed them.

    Only a plain name can be resolved here: to that host, or to the hosts of that group. Raises
    EngineError for anything that only Ansible can resolve, and InventoryError.
    """
    inventory = _read(settings) if is_plain_name(target) else {}
    if target in inventory.get("_meta", {}).get("hostvars", {}):
        return [target]
    found = list(dict.fromkeys(_members(inventory, target)))
    if not found:
        message = f"{KILLED} before it reported the hosts"
        remedy = f"commands that it started continue, with ids that begin with {run_id}"
        raise EngineError(message, remedy)
    return found


def _members(inventory: dict[str, Any], group: str) -> list[str]:
    found = inventory.get(group, {})
    hosts = list(map(str, found.get("hosts", [])))
    return hosts + [
        name for child in found.get("children", []) for name in _members(inventory, child)
    ]


def _mapping(name: str, variables: dict[str, Any]) -> HostMapping:
    port = str(variables.get("ansible_port", 22))
    return HostMapping(
        host=name,
        address=str(variables.get("ansible_host", name)),
        port=int(port) if port.isdigit() else None,
        user=variables.get("ansible_user"),
        auth_mode=variables.get("dx_auth_mode"),
        aliases=_names(variables.get("dx_aliases")),
        capabilities=_names(variables.get("dx_capabilities")),
    )


def _names(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def explain_unknown_name(target: str, settings: Settings, end: PlayEnd) -> str:
    """Return the error text for a plain name that the inventory lacks.

    Raises the actual problem if something else kept the run from reaching a host.
    """
    problem = explain_no_match(target, settings, end)
    if isinstance(problem, NoMatchError) and is_plain_name(target):
        return str(problem)
    raise problem


def explain_no_match(target: str, settings: Settings, end: PlayEnd) -> Exception:
    """Return why a run reached no host: a bad inventory, an unknown name, or Ansible itself."""
    import difflib  # noqa: PLC0415 - for such calls only

    output = end.output
    if end.killed:
        return EngineError(KILLED, "try again", output)
    try:
        inventory = _read(settings)
    except InventoryError as error:
        return error
    hosts = list(inventory.get("_meta", {}).get("hostvars", {}))
    known = [*hosts, *(name for name in inventory if name not in {"_meta", "ungrouped"})]
    names = [term.lstrip("!&") for term in split_pattern(target)]
    missing = [term for term in names if term not in known]
    for term in missing:
        if f"Could not match supplied host pattern, ignoring: {term}" in " ".join(output.split()):
            return NoMatchError(term, difflib.get_close_matches(term, known, n=3, cutoff=0.5))
    if "leaves us with no hosts" in output or "no hosts" in output or "Could not match" in output:
        near = difflib.get_close_matches(target, known, n=3, cutoff=0.5) if missing else []
        return NoMatchError(target, near)
    message = "Ansible stopped before it reached a host"
    return EngineError(message, "its output is above; -v shows more", output)


def _read(settings: Settings) -> dict[str, Any]:
    from dxansible.run.backend import read_inventory  # noqa: PLC0415 - loads ansible-runner

    try:
        return read_inventory(settings)
    except EngineError as error:
        cause = _cause(_words(settings, error)).rstrip(".")
        message, remedy = f"can't be used: {cause}", "ansible-inventory --list -i shows more"
        if is_about_vault(cause):
            encrypted = ", ".join(map(str, _encrypted_files(settings.inventory[0])))
            message, remedy = f"{message} (encrypted: {encrypted})", VAULT_REMEDY
        raise InventoryError(f"the inventory {settings.inventory[0]} {message}", remedy) from error


def _words(settings: Settings, error: EngineError) -> str:
    """Return Ansible's messages about the user's source alone.

    Variables are read with a second source after it, ours. Ansible blames that one for errors in
    the user's variables.
    """
    from dxansible.run.backend import read_inventory  # noqa: PLC0415 - as in `_read`

    try:
        read_inventory(replace(settings, inventory=settings.inventory[:1]))
    except EngineError as alone:
        return alone.output_tail
    return error.output_tail


def _encrypted_files(inventory: Path) -> list[Path]:
    """Return the first few files of an inventory that are encrypted as a whole."""
    directory = inventory if inventory.is_dir() else inventory.parent
    found = [inventory, *directory.glob("*_vars/**/*"), *directory.glob("*")]
    encrypted = [path for path in dict.fromkeys(found) if path.is_file() and _is_encrypted(path)]
    return sorted(encrypted)[:_MOST_FILES]


def _is_encrypted(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        return file.read(len(_VAULT)) == _VAULT
    return False


def _cause(output: str) -> str:
    """Return the cause from Ansible's output: its error lines, or else the end of the output."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("[ERROR]: ") for line in lines if "ERROR" in line]
    causes = [line for line in lines if _CAUSE.match(line)]
    return "; ".join([*errors, *dict.fromkeys(causes)])[:400] or " ".join(lines)[-400:]
