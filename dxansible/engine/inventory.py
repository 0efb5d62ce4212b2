"""A large static inventory that the engine keeps parsed, for the runs that would parse the same.

Ansible parses it in a process of its own, so that nothing of that, but the hosts and groups it has
found, is in the engine. A run gets them where it would have found the same in the same way; where
there is any doubt, it parses, as without an engine.
"""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dxansible.engine.helper import begin
from dxansible.engine.inventory_reader import (
    Stamp,
    Texts,
    key_of,
    read,
    restore,
    run_has_plugins,
    stamp,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Inventory"]

_SPEAKS_OF_PARSING = 3
"""The verbosity from which on Ansible says how it parses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What was found in some sources, if it can be kept; and the files which that depends on."""

    sources: list[str] = field(default_factory=list)
    stamps: dict[str, Stamp | None] = field(default_factory=dict, repr=False)
    warnings: list[Any] = field(default_factory=list, repr=False)
    """Ansible's, of the parsing."""
    data: list[Any] = field(default_factory=list, repr=False)
    """Ansible's own, once; it may be changed by whoever takes it."""
    texts: Texts = field(default_factory=dict, repr=False)
    """Of host_vars and group_vars; each once, too."""

    @classmethod
    def load(cls, sources: Sequence[str]) -> Inventory:
        """Have them parsed, and Ansible take what was found from here. Ansible must be loaded."""
        if not sources:
            return cls()
        child, file = begin(lambda file: read(sources, file))
        found = cls()
        with file:
            try:
                given, stamps, warnings = pickle.load(file)  # noqa: S301 - our own fork wrote it
                found = cls(sources=given, stamps=stamps, warnings=warnings)
                data, texts = restore(file)
                found.data.append(data)
                found.texts.update(texts)
            except Exception:  # noqa: BLE001, S110 - there was a doubt; the runs parse for themselves
                pass
        os.waitpid(child, 0)
        if found.data:
            found._offer()
            found._offer_texts()
        return found

    def stale(self) -> bool:
        """Whether something that the parser has looked at has changed since."""
        return any(stamp(path) != before for path, before in self.stamps.items())

    def _offer(self) -> None:
        cli = import_module("ansible.cli")
        ordinary = cli.InventoryManager

        def manager(
            loader: object,
            sources: Sequence[str] | None = None,
            parse: bool = True,  # noqa: FBT001, FBT002 - Ansible's own
            cache: bool = True,  # noqa: FBT001, FBT002 - Ansible's own
        ) -> object:
            if parse and sources and self._is_what_would_be_found(loader, sources):
                made = ordinary(loader=loader, sources=sources, parse=False, cache=cache)
                made._inventory = self.data.pop()  # noqa: SLF001 - Ansible has no other door
                return made
            return ordinary(loader=loader, sources=sources, parse=parse, cache=cache)

        vars(cli)["InventoryManager"] = manager

    def _offer_texts(self) -> None:
        """Have files of variables read as ever, but parsed only where the text is another."""
        loader_class = import_module("ansible.parsing.dataloader").DataLoader
        ordinary = loader_class.load

        def load(
            loader: object,
            data: str,
            file_name: str | None = None,
            show_content: bool = True,  # noqa: FBT001, FBT002 - Ansible's own
            json_only: bool = False,  # noqa: FBT001, FBT002 - Ansible's own
        ) -> Any:  # noqa: ANN401 - YAML
            key = key_of(data)
            if show_content and not json_only and key in self.texts:
                return self.texts.pop(key)
            return ordinary(loader, data, file_name, show_content, json_only)

        loader_class.load = load

    def _is_what_would_be_found(self, loader: object, sources: Sequence[str]) -> bool:
        """Compare, and do what else parsing does to a run."""
        display = import_module("ansible.utils.display").Display()
        same = bool(self.data) and list(map(str, sources)) == self.sources
        if not same or display.verbosity >= _SPEAKS_OF_PARSING or run_has_plugins():
            return False
        if _has_facts():
            return False
        try:
            import_module("ansible.utils.vars").load_extra_vars(loader)
        except Exception:  # noqa: BLE001 - whatever it is, Ansible's parser meets it again and says so
            return False
        everyone = self.data[0].groups["all"]
        plugins = import_module("ansible.vars.plugins")
        plugins.get_vars_from_inventory_sources(loader, sources, [everyone], "inventory")
        for warning in self.warnings:
            display._warning(warning)  # noqa: SLF001 - Ansible has no other door
        return True


def _has_facts() -> bool:
    """Whether there may be facts of earlier runs, which groups can be made of."""
    constants = import_module("ansible.constants")
    if constants.CACHE_PLUGIN == "memory":
        return False
    place = constants.CACHE_PLUGIN_CONNECTION
    if constants.CACHE_PLUGIN != "jsonfile" or not place:
        return True
    try:
        return bool(os.listdir(os.path.expanduser(os.path.expandvars(place))))  # noqa: PTH111, PTH208 - as Ansible does
    except FileNotFoundError:
        return False
