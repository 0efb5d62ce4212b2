"""One fleet as an inventory of each kind that Ansible reads, and patterns over it."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

from ansible.parsing.vault import VaultLib, VaultSecret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["KINDS", "PASSWORD", "PATTERNS", "write"]

PASSWORD = "of the vault"  # noqa: S105 - of a vault in a test
_GROUPS: Mapping[str, tuple[str, ...]] = {
    "web": ("web-01", "web-02", "web-03", "web-10"),
    "db": ("dba.example.org", "dbb.example.org", "dbc.example.org"),
    "cache": ("web-03", "10.0.0.5", "fd00::5"),
    "staging": ("web-10", "dbc.example.org"),
    "east": ("web-01", "dba.example.org", "10.0.0.5"),
    "west": ("web-02", "web-03", "dbb.example.org"),
    "empty": (),
}
_CHILDREN: Mapping[str, tuple[str, ...]] = {"prod": ("east", "west"), "site": ("prod", "staging")}
_LONERS = ("loner", "odd_name")
_ALONE = (
    "all", "*", "web", "db", "cache", "staging", "east", "prod", "site", "empty", "ungrouped",
    "loner", "odd_name", "web-01", "dba.example.org", "10.0.0.5", "fd00::5", "nosuch",
    "web*", "*.example.org", "*-0?", "db?.example.org", "web-[01]*", "10.0.0.*", "*e*",
    "~web-0[12]", "~.*\\.example\\.org", "~^(web|db)", "~a.*g$", "~(east|west)",
    "web[0]", "web[1]", "web[-1]", "web[0:1]", "web[1:]", "web[:2]", "db[-2:]", "all[0:4]",
    "prod[2]", "web[9]",
    "!web", "!all", "!nosuch", "web:&nosuch", "all:!all", "web,db", "web , db", "web:db",
    "web:db:!staging", "web:&east", "prod:!web-01", "prod:&db:!dbb.example.org", "all:!~web",
    "site:!prod", "&web:prod", "!web:all", "web:!web-01:!web-02", "all:!*.example.org",
    "~web:&~.*0[13]", "web[0]:db[0]", "all:!web[0:1]", "cache:!10.0.0.5", "web-01,web-01",
    "web-01,nosuch", "east:west:&cache",
)  # fmt: skip
_OPERANDS = ("web", "db", "cache", "east", "site", "*0*", "~.*b")
PATTERNS = (
    *_ALONE,
    *(
        f"{one}:{sign}{other}"
        for one, other in itertools.combinations(_OPERANDS, 2)
        for sign in "!&"
    ),
)  # fmt: skip


def write(kind: str, directory: Path) -> list[Path]:
    """Write the inventory; return its sources, in the order of ``-i``."""
    found: list[Path] = _WRITERS[kind](directory)
    return found


def _script(directory: Path) -> list[Path]:
    script = _file(directory / "fleet", f"#!/bin/sh\ncat <<'END'\n{_listing()}\nEND\n")
    script.chmod(0o700)
    return [script]


def _static(directory: Path) -> list[Path]:
    return [_file(directory / "hosts.yml", json.dumps(_yaml()))]


def _vaulted(directory: Path) -> list[Path]:
    vault = VaultLib([("default", VaultSecret(PASSWORD.encode()))])
    secret = vault.encrypt("dx_aliases: [hidden_name]\n").decode()
    _file(directory / "host_vars" / "web-01.yml", secret)
    return _static(directory)


def _directory(directory: Path) -> list[Path]:
    _parts(directory / "fleet")
    return [directory / "fleet"]


def _file(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def _ini(groups: Mapping[str, tuple[str, ...]], children: Mapping[str, tuple[str, ...]]) -> str:
    lines = list(_LONERS)
    for name, hosts in groups.items():
        lines += ["", f"[{name}]", *hosts]
    for name, inner in children.items():
        lines += ["", f"[{name}:children]", *inner]
    return "\n".join(lines) + "\n"


def _yaml() -> dict[str, object]:
    groups: dict[str, object] = {
        name: {"hosts": dict.fromkeys(hosts)} for name, hosts in _GROUPS.items()
    }
    groups |= {name: {"children": dict.fromkeys(inner)} for name, inner in _CHILDREN.items()}
    return {"all": {"hosts": dict.fromkeys(_LONERS), "children": groups}}


def _toml() -> str:
    lines = ["[ungrouped.hosts]", *(f'"{name}" = {{}}' for name in _LONERS)]
    for name, hosts in _GROUPS.items():
        lines += ["", f"[{name}.hosts]", *(f'"{host}" = {{}}' for host in hosts)]
    for name, inner in _CHILDREN.items():
        lines += ["", f"[{name}]", f"children = {json.dumps(inner)}"]
    return "\n".join(lines) + "\n"


def _listing() -> str:
    found: dict[str, object] = {name: {"hosts": hosts} for name, hosts in _GROUPS.items()}
    found |= {name: {"children": inner} for name, inner in _CHILDREN.items()}
    return json.dumps(found | {"ungrouped": {"hosts": _LONERS}, "_meta": {"hostvars": {}}})


def _constructed(directory: Path) -> list[Path]:
    """The hosts have variables, and Ansible's plugin makes the groups of them."""
    names = dict.fromkeys([*_LONERS, *itertools.chain.from_iterable(_GROUPS.values())])
    hosts = {
        name: {"member_of": [group for group, hosts in _GROUPS.items() if name in hosts]}
        for name in names
    }
    groups: dict[str, object] = {
        name: {"children": dict.fromkeys(inner)} for name, inner in _CHILDREN.items()
    }
    first = {"all": {"hosts": hosts, "children": groups | {"empty": {}}}}
    made = {
        "plugin": "ansible.builtin.constructed",
        "keyed_groups": [{"key": "member_of", "prefix": "", "separator": ""}],
        "groups": {"with_digits": "inventory_hostname is search('[0-9]')"},
    }
    return [
        _file(directory / "01-hosts.yml", json.dumps(first)),
        _file(directory / "02-constructed.yml", json.dumps(made)),
    ]


def _parts(directory: Path) -> list[Path]:
    """Three files of different kinds, of which each has a part of the groups."""
    names = list(_GROUPS)
    first = {name: _GROUPS[name] for name in names[:3]}
    second: dict[str, object] = {
        name: {"hosts": dict.fromkeys(_GROUPS[name])} for name in names[3:]
    }
    third = {name: {"children": inner} for name, inner in _CHILDREN.items()}
    script = f"#!/bin/sh\necho '{json.dumps(third)}'\n"
    sources = [
        _file(directory / "1-hosts", _ini(first, {})),
        _file(directory / "2-more.yml", json.dumps(second)),
        _file(directory / "3-groups", script),
    ]
    sources[-1].chmod(0o700)
    return sources


_WRITERS = {
    "ini": lambda directory: [_file(directory / "hosts", _ini(_GROUPS, _CHILDREN))],
    "yaml": _static,
    "toml": lambda directory: [_file(directory / "hosts.toml", _toml())],
    "script": _script,
    "constructed": _constructed,
    "vaulted": _vaulted,
    "several": _parts,
    "directory": _directory,
}
KINDS = tuple(_WRITERS)
