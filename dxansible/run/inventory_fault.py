"""Says why an inventory can't be used: which file, which line, what is wrong, and what to do.

Ansible tries each of its inventory plugins on a file, and reports the failure of each.
"""

from __future__ import annotations

import os
import re
import shlex
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.errors import EngineError, InventoryError
from dxansible.run.first_inventory import is_unedited
from dxansible.run.misconfigured import VAULT_REMEDY, is_about_vault
from dxansible.value import Value, replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dxansible.settings import Settings

__all__ = ["explain_empty", "explain_fault"]

_FAILED = re.compile(r"^\[ERROR\]: Completely failed to parse inventory source (.+)$", re.MULTILINE)
_ATTEMPT = re.compile(
    r"^\[WARNING\]: Failed to parse inventory with '([\w.]+)' plugin: (.*)$", re.MULTILINE
)
_ORIGIN = re.compile(r"^Origin: (/.+?):(\d+)(?::\d+)?[ \t]*$", re.MULTILINE)
_ERROR = re.compile(r"^\[?ERROR\]?[:!] *(.*)$", re.MULTILINE)
_SKIPPED = re.compile(r"^\[WARNING\]: (Skipping .*)$", re.MULTILINE)
_SCRIPT_SAYS = "Standard error from inventory script:\n"
_NO_PLUGIN = "no root 'plugin' key"
"""What Ansible's ``auto`` plugin says of an inventory that is not for a plugin."""
_TYPE = re.compile(r"<class '[\w.]*?_AnsibleTagged(\w+)'>")
_FRAME = re.compile(
    r"^(?:Failed to parse inventory|YAML parsing failed"
    r"|Unable to get JSON decoder for inventory script result): "
)

_YAML = frozenset({".yml", ".yaml", ".json"})
_CORRECT = "correct it there"
_MORE = "ansible-inventory --list -i shows more"
_LONGEST = 400
_VAULT = b"$ANSIBLE_VAULT"
_MOST_NAMED = 5
_MOST_FILES = 500
"""Files of variables among which a broken one is looked for."""


class _Attempt(Value):
    """The failure of one plugin of Ansible on a file."""

    cause: str
    text: str
    """What follows the cause, up to Ansible's next message."""


def explain_fault(settings: Settings, words: str) -> InventoryError:
    """Return the error for an inventory that Ansible can't read; ``words`` is all it printed.

    Ansible is asked again, about each of the user's sources alone: variables are read with another
    source after them, ours, and Ansible blames that one for errors in the user's variables.
    """
    source = settings.sources[0]
    for each in settings.sources:
        if alone := _ask_again(replace(settings, inventory=(each,))):
            source, words = each, alone
            break
    failed = _FAILED.search(words)
    path = Path(failed[1].strip()) if failed else source
    if path.is_dir() and failed:
        return _no_file(path)
    if path.is_file() and not os.access(path, os.R_OK):
        return InventoryError(f"the inventory {path} can't be read", "check its owner and mode")
    attempts = _attempts(words)
    if "script" in attempts:
        return _script(path, attempts["script"])
    if failed and _begins(path, b"#!"):
        message = f"the inventory {path} is a script, and not executable"
        return InventoryError(message, f"run: chmod +x {shlex.quote(str(path))}")
    if failed and attempts:
        return _file(source, path, attempts, words)
    return _variables(settings, source, words)


def explain_empty(settings: Settings, warnings: str) -> InventoryError:
    """Return the error for an inventory without a host; ``warnings`` is what Ansible printed."""
    for path in chain.from_iterable(map(_files_of, settings.sources)):
        if is_unedited(path):
            message = f"the VMs of the inventory {path} are an example, and commented out"
            remedy = "take away the # before one, and put your own values there"
            return InventoryError(message, remedy)
        if os.access(path, os.X_OK):  # Ansible reads a script that fails as a list of hosts
            alone = {**settings.environment, "ANSIBLE_INVENTORY_ENABLED": "script"}
            words = _ask_again(replace(settings, inventory=(path,), environment=alone))
            for attempt in _attempts(words).values():
                return _script(path, attempt)
    skipped = _SKIPPED.search(warnings)
    why = f" ({_clean(skipped[1])})" if skipped else ""
    remedy = "write them under all: hosts: as docs/inventory.md shows, or begin with --init"
    return InventoryError(f"the inventory {settings.inventory_name} has no hosts{why}", remedy)


def _files_of(source: Path) -> list[Path]:
    return [source] if source.is_file() else sorted(filter(Path.is_file, source.glob("*")))


def _ask_again(settings: Settings, variables: tuple[Path, ...] = ()) -> str:
    """Return what Ansible prints of this inventory; empty if it can read it."""
    from dxansible.run.backend import read_inventory  # noqa: PLC0415 - loads ansible-runner

    try:
        read_inventory(settings, variables)
    except EngineError as error:
        return error.output
    return ""


def _attempts(words: str) -> dict[str, _Attempt]:
    """Return the failure of each plugin that Ansible has told."""
    return {
        head[1]: _Attempt(cause=_clean(head[2]), text=words[head.end() :].partition("\n[")[0])
        for head in _ATTEMPT.finditer(words)
    }


def _no_file(path: Path) -> InventoryError:
    entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
    what = "has no file with hosts" if entries else "is an empty directory"
    place = shlex.quote(f"{path}/hosts.yml")
    return InventoryError(f"the inventory {path} {what}", f"write one: dx-dispatch --init {place}")


def _script(path: Path, attempt: _Attempt) -> InventoryError:
    said = attempt.text.partition(_SCRIPT_SAYS)[2].split("\n\n")[0].strip().splitlines()
    cause = attempt.cause + (f": {said[-1]}" if said else "")
    message = f"the inventory script {path} can't be used: {cause}"
    return InventoryError(message[:_LONGEST], f"run: {shlex.quote(str(path))} --list")


def _file(source: Path, path: Path, attempts: dict[str, _Attempt], words: str) -> InventoryError:
    """Explain a file by the plugin that its name or its content is meant for."""
    auto, yaml, ini = (attempts.get(name) for name in ("auto", "yaml", "ini"))
    chosen = yaml or ini or auto or next(iter(attempts.values()))
    if auto is not None and _NO_PLUGIN not in auto.cause:
        chosen = auto
    elif ini is not None and path.suffix not in _YAML and not _begins(path, b"---"):
        chosen = ini
    if is_about_vault(chosen.cause):
        return _vault(source, chosen.cause)
    lines = [int(line) for name, line in _ORIGIN.findall(words) if name == str(path)]
    line = lines[0] if lines else _line_of(path, chosen.cause.rpartition("got: ")[2])
    return _at(path, line, chosen.cause)


def _variables(settings: Settings, source: Path, words: str) -> InventoryError:
    """Explain what is no fault of a source: a file of variables, or a secret."""
    cause = _clean("; ".join(dict.fromkeys(_ERROR.findall(words))) or " ".join(words.split()))
    if is_about_vault(cause):
        return _vault(source, cause)
    files = tuple(islice(_variable_files(source), _MOST_FILES))
    nowhere = replace(settings, inventory=(Path("localhost,"),))
    origins = _ORIGIN.findall(_ask_again(nowhere, files)) if files else []
    for name, line in origins:
        return _at(Path(name), int(line), cause)
    return InventoryError(f"the inventory {source} can't be used: {cause}", _MORE)


def _vault(source: Path, cause: str) -> InventoryError:
    encrypted = ", ".join(map(str, _encrypted_files(source)))
    message = f"the inventory {source} can't be used: {cause} (encrypted: {encrypted})"
    return InventoryError(message, VAULT_REMEDY)


def _at(path: Path, line: int | None, cause: str) -> InventoryError:
    if line is not None:
        with suppress(OSError):  # YAML puts what is missing at the end on the line after the last
            line = min(line, len(path.read_bytes().splitlines()))
    where = f", line {line}," if line else ""
    return InventoryError(f"the inventory {path}{where} can't be used: {cause}", _CORRECT)


def _line_of(path: Path, text: str) -> int | None:
    """Return the number of the one line with this text; None if there is no such line."""
    with suppress(OSError):
        lines = path.read_text(errors="replace").splitlines()
        word = re.compile(rf"(?<!\S){re.escape(text)}(?!\S)")
        found = [number for number, line in enumerate(lines, 1) if word.search(line)]
        return found[0] if len(found) == 1 else None
    return None


def _clean(cause: str) -> str:
    """Return Ansible's words without its frame and without names of Python classes."""
    named = _TYPE.sub(lambda found: f"a {found[1].lower()}", cause.strip())
    return _FRAME.sub("", named)[:_LONGEST].rstrip(".")


def _variable_files(inventory: Path) -> Iterator[Path]:
    directory = inventory if inventory.is_dir() else inventory.parent
    for path in sorted(chain(*(directory.glob(f"{name}_vars/**/*") for name in ("group", "host")))):
        if path.is_file() and path.suffix in {"", *_YAML} and not path.name.startswith("."):
            yield path


def _encrypted_files(inventory: Path) -> list[Path]:
    """Return the first few files of an inventory that are encrypted as a whole."""
    directory = inventory if inventory.is_dir() else inventory.parent
    found = [inventory, *directory.glob("*_vars/**/*"), *directory.glob("*")]
    encrypted = [path for path in dict.fromkeys(found) if path.is_file() and _begins(path, _VAULT)]
    return sorted(encrypted)[:_MOST_NAMED]


def _begins(path: Path, mark: bytes) -> bool:
    with suppress(OSError), path.open("rb") as file:
        return file.read(len(mark)) == mark
    return False
