"""Inventory files that make groups of variables, where that depends on nothing but the variables.

Ansible's plugin for them evaluates expressions, which may ask anything. Here an expression is the
name of a variable, and the variable's value is no template.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["doubt_templates", "makes_groups"]

_NAMES = ("constructed", "ansible.builtin.constructed")
_SETTINGS = {"plugin", "strict", "use_vars_plugins", "keyed_groups"}
_OF_A_GROUP = {"key", "prefix", "separator"}
_LARGEST = 10_000
_TEMPLATE = ("{{", "{%", "{#")


def makes_groups(path: str, loader: Any) -> bool:  # noqa: ANN401 - Ansible's own
    """Whether the file does that, in this simple way."""
    if Path(path).stat().st_size > _LARGEST:
        return False
    text = loader.load_from_file(path, cache="none")
    if not isinstance(text, dict) or text.get("plugin") not in _NAMES or set(text) - _SETTINGS:
        return False
    groups = text.get("keyed_groups")
    return isinstance(groups, list) and all(
        isinstance(each, dict)
        and not set(each) - _OF_A_GROUP
        and str(each.get("key")).isidentifier()
        for each in groups
    )


def doubt_templates(doubt: Callable[[], None]) -> None:
    """Have it called where Ansible comes to a value that might be another in another run."""
    kind = import_module("ansible.plugins.inventory").Constructable
    ordinary = kind._add_host_to_keyed_groups  # noqa: SLF001 - Ansible has no other door

    def add(plugin: Any, keys: Any, variables: Any, *rest: Any, **more: Any) -> None:  # noqa: ANN401 - Ansible's own
        if plugin.get_option("use_extra_vars"):
            doubt()
        for each in keys:
            if not _is_plain(variables.get(each["key"])):
                doubt()
        ordinary(plugin, keys, variables, *rest, **more)

    kind._add_host_to_keyed_groups = add  # noqa: SLF001 - as above


def _is_plain(value: object) -> bool:
    match value:
        case str():
            return not any(mark in value for mark in _TEMPLATE)
        case list():
            return all(map(_is_plain, value))
        case Mapping():
            return all(_is_plain(part) for pair in value.items() for part in pair)
        case _:
            return value is None or isinstance(value, int | float)
