"""The inventory of a playbook's call, if it is so large that an engine should keep it parsed.

Few imports: this is part of each call.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["large_inventory"]

_LARGE = 5_000
"""Bytes; a handful of hosts with variables of their own, which every call would parse."""
_OPTIONS = ("-i", "--inventory")
_DEPTH = 3
_VARIABLES = ("group_vars", "host_vars")
_OF_VARIABLES = 1_000
"""Bytes that a file of them counts for; there may be thousands."""


def large_inventory(arguments: Sequence[str]) -> list[str]:
    """The sources among ansible-playbook's arguments, as absolute paths; none if they are small.

    A way to write them that is not known here only makes the call slower: the engine compares.
    """
    given = list(_sources(arguments))
    if not given or any("," in each or each.startswith(("~", "$")) for each in given):
        return []
    here = os.getcwd()
    found = [os.path.join(here, each) for each in given]
    return found if sum(_size(each, _DEPTH) for each in found) >= _LARGE else []


def _sources(arguments: Sequence[str]) -> Iterator[str]:
    following = iter(arguments)
    for argument in following:
        name, equals, value = argument.partition("=")
        if argument in _OPTIONS:
            yield from (each for each in [next(following, "")] if each)
        elif equals and name == _OPTIONS[1]:
            yield value


def _size(path: str, depth: int) -> int:
    """Of what Ansible would parse, about."""
    try:
        with os.scandir(path) as entries:
            parts = [each for each in entries if each.name not in _VARIABLES]
        files = sum(each.stat().st_size for each in parts if each.is_file())
        nested = [each.path for each in parts if depth and each.is_dir()]
        return files + _of_variables(path) + sum(_size(each, depth - 1) for each in nested)
    except NotADirectoryError:
        return os.stat(path).st_size + _of_variables(os.path.dirname(path))
    except OSError:
        return 0


def _of_variables(directory: str) -> int:
    found = 0
    for name in _VARIABLES:
        try:
            found += len(os.listdir(f"{directory}/{name}")) * _OF_VARIABLES
        except OSError:
            continue
    return found
