"""Parses an inventory as ansible-playbook does, and notes all that the result depends on.

It is of use to other runs only if it comes from files alone, and from those that are noted: parsed
by Ansible's own plugins for static files, and those that make groups of what these have given.
"""

from __future__ import annotations

import os
import pickle
import stat
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, NamedTuple, NoReturn

from dxansible.engine.inventory_groups import doubt_templates, makes_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Stamp", "Texts", "key_of", "read", "restore", "run_has_plugins", "stamp"]

_Key = tuple[str, frozenset[Any]]
Texts = dict[_Key, Any]
"""What is in files, by `key_of` their texts."""

_STATIC = ("ini", "toml", "yaml")
_SETTLED, _SETTLED_WHERE_COARSE = 0.1, 2.5
"""Seconds since the last change; two in less could have one time, which whole seconds tell of."""
_TRIES = 5
_DECISIVE = ("inventory_loader", "vars_loader", "fragment_loader", "cache_loader")
"""Of Ansible's plugin loaders: what they load decides how it parses."""


class _Doubt(BaseException):
    """Another run might find something else. Ansible catches every Exception."""


class Stamp(NamedTuple):
    """The state of a file, or of a directory without its files."""

    inode: int
    mode: int
    names: tuple[str, ...] = ()
    size: int = 0
    modified: int = 0
    changed: int = 0
    """Nanoseconds; for a new mode, and for edits that put the other time back."""


def stamp(path: str) -> Stamp | None:
    """What is there; None if nothing is, or nothing that can be opened.

    Opened for it, since a network file system may answer without asking its server otherwise.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = os.fstat(fd)
        if stat.S_ISDIR(found.st_mode):
            names = tuple(sorted(os.listdir(fd)))  # noqa: PTH208 - it is open
            return Stamp(found.st_ino, found.st_mode, names)
    finally:
        os.close(fd)
    times = found.st_mtime_ns, found.st_ctime_ns
    return Stamp(found.st_ino, found.st_mode, (), found.st_size, *times)


def key_of(text: str) -> _Key:
    """All that parsing depends on: the text, and Ansible's tags of it, such as where it is from."""
    tags = import_module("ansible.module_utils._internal._datatag").AnsibleTagHelper.tags
    return str(text), tags(text)


def run_has_plugins() -> bool:
    """Whether there are plugins, beside a playbook say, that may have a part in parsing."""
    loaders = import_module("ansible.plugins.loader")
    return any(getattr(loaders, name)._extra_dirs for name in _DECISIVE)  # noqa: SLF001 - nothing else tells


def read(sources: Sequence[str], file: BinaryIO) -> None:
    """Write what was found in a way for `restore`; before it, the sources and stamps.

    Without what was found if there is a doubt: the stamps tell when to try again. For a process of
    its own, which is of no use for anything else after it.
    """
    said = os.memfd_create("said")
    for fd in (1, 2):
        os.dup2(said, fd)
    reader = _Reader()
    given, found, texts = list(sources), None, Texts()
    with suppress(Exception, _Doubt):  # the runs will parse, and say what is wrong
        given, found, texts = reader.parse(sources)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    pickle.dump((given, reader.stamps, reader.warnings), file)
    if found is not None and os.fstat(said).st_size == 0:
        _keep(found, file)
        pickle.dump(texts, file, pickle.HIGHEST_PROTOCOL)


class _Reader:
    """Has Ansible parse, and looks at what it does."""

    def __init__(self) -> None:
        self.stamps: dict[str, Stamp | None] = {}
        self.warnings: list[Any] = []

    def parse(self, sources: Sequence[str]) -> tuple[list[str], Any, Texts]:
        """The sources as Ansible names them, what is in them, and in files of variables."""
        options = [part for source in sources for part in ("-i", source)]
        cli = import_module("ansible.cli.playbook").PlaybookCLI(["ansible-playbook", *options, "-"])
        cli.parse()
        given = import_module("ansible.context").CLIARGS["inventory"]
        loaders = import_module("ansible.plugins.loader")
        loaders.init_plugin_loader([])
        self._look_at_plugins(loaders)
        # whoever takes the result has no facts: their plugin may be one that can't be used here
        vars(import_module("ansible.constants"))["CACHE_PLUGIN"] = "memory"
        display = import_module("ansible.utils.display").Display
        display._warning = lambda _, warning: self._hear(warning)  # noqa: SLF001 - Ansible has no other door
        doubt_templates(_raise_doubt)
        loader = self._loader()()
        manager = self._manager()(loader=loader, sources=given)
        _look_at_variables(loaders.vars_loader)
        # each run asks for these at once, and Ansible remembers them
        manager.groups["all"].get_hosts()
        manager.get_groups_dict()
        return list(map(str, given)), manager._inventory, loader.texts()  # noqa: SLF001 - as above

    def _look_at_plugins(self, loaders: Any) -> None:  # noqa: ANN401 - Ansible's own
        if run_has_plugins():
            raise _Doubt
        for name in _DECISIVE:
            loader = getattr(loaders, name)
            for setting in loader.config or ():
                path = str(Path(setting).expanduser().absolute())
                self._note(path)
                if self.stamps[path] is not None and os.listdir(path):  # noqa: PTH208 - as Ansible does
                    raise _Doubt
            for path in loader._get_package_paths():  # noqa: SLF001 - nothing else tells
                self._note(path)

    def _hear(self, warning: Any) -> None:  # noqa: ANN401 - Ansible's own
        if warning.event.formatted_traceback:
            raise _Doubt
        self.warnings.append(warning)

    def _note(self, path: str) -> None:
        if path not in self.stamps:
            self.stamps[path] = _settled_stamp(path)

    def _loader(self) -> type[Any]:
        """Ansible's DataLoader, but what is read of group_vars and host_vars is noted."""
        note = self._note
        ordinary: type[Any] = import_module("ansible.parsing.dataloader").DataLoader

        class Watched(ordinary):  # type: ignore[misc]
            _keys: ClassVar[dict[str, _Key]] = {}

            def texts(self) -> Texts:
                kept = self._FILE_CACHE
                return {key: kept[path] for path, key in self._keys.items() if path in kept}

            def load(self, data: str, file_name: str, *rest: Any, **more: Any) -> Any:  # noqa: ANN401 - Ansible's own
                self._keys[file_name] = key_of(data)
                return super().load(data, file_name, *rest, **more)

            def load_from_file(self, file_name: str, *rest: Any, **more: Any) -> Any:  # noqa: ANN401 - Ansible's own
                note(self.path_dwim(file_name))
                return super().load_from_file(file_name, *rest, **more)

            def list_directory(self, path: str) -> list[str]:
                note(self.path_dwim(path))
                return list(super().list_directory(path))

            def path_exists(self, path: str) -> bool:
                full = os.fsdecode(self.path_dwim(path))
                if os.path.lexists(full):
                    note(full)
                return bool(super().path_exists(path))

        return Watched

    def _manager(self) -> type[Any]:
        """Ansible's InventoryManager, but it notes what it looks at, and raises _Doubt."""
        note = self._note
        ordinary: type[Any] = import_module("ansible.inventory.manager").InventoryManager

        class Watched(ordinary):  # type: ignore[misc]
            def parse_source(self, source: str, cache: bool = False) -> bool:  # noqa: FBT001, FBT002 - Ansible's own
                is_directory = Path(source).is_dir()
                base = source if is_directory else str(Path(source).parent)
                for path in (source, f"{base}/group_vars", f"{base}/host_vars"):
                    note(path)
                parsed = super().parse_source(source, cache=cache)
                if not parsed and not is_directory:
                    raise _Doubt
                return bool(parsed)

            def _fetch_inventory_plugins(self) -> list[Any]:
                plugins = super()._fetch_inventory_plugins()
                for plugin in plugins:
                    note(plugin._original_path)  # noqa: SLF001 - nothing else tells
                return _fit(self._inventory.current_source, plugins, self._loader)

        return Watched


def _raise_doubt() -> NoReturn:
    raise _Doubt


def _fit(source: str, plugins: list[Any], loader: Any) -> list[Any]:  # noqa: ANN401 - Ansible's own
    """Those of Ansible's plugins that may parse the source, in its order."""
    builtin = Path(str(import_module("ansible.plugins.inventory").__file__)).parent
    paths = [Path(plugin._original_path) for plugin in plugins]  # noqa: SLF001 - nothing else tells
    if any(path.parent != builtin for path in paths):
        raise _Doubt
    named = {path.stem: plugin for path, plugin in zip(paths, plugins, strict=True)}
    auto = named.pop("auto", None)
    static = [plugin for name, plugin in named.items() if name in _STATIC]
    if any(named[name].verify_file(source) for name in named.keys() - set(_STATIC)):
        raise _Doubt
    if auto is None or not auto.verify_file(source):
        return static
    if makes_groups(source, loader):
        return [auto]
    # auto would read it for nothing, if yaml can parse it
    return static[:1] if static[:1] == [named.get("yaml")] else []


def _look_at_variables(loader: Any) -> None:  # noqa: ANN401 - Ansible's own
    should_run = import_module("ansible.vars.plugins")._plugin_should_run  # noqa: SLF001 - as Ansible does
    for name in loader._plugin_instance_cache:  # noqa: SLF001 - as Ansible does
        plugin = loader.get(name)
        ours = type(plugin).__module__ == "ansible.plugins.vars.host_group_vars"
        if not ours or should_run(plugin, "inventory"):
            raise _Doubt


def _settled_stamp(path: str) -> Stamp | None:
    """Taken when it is certain that a later edit changes it."""
    for _ in range(_TRIES):
        now = time.time()
        found = stamp(path)
        if found is None or stat.S_ISDIR(found.mode):
            return found
        if not stat.S_ISREG(found.mode):
            raise _Doubt
        coarse = found.changed % 10**9 == 0
        least = _SETTLED_WHERE_COARSE if coarse else _SETTLED
        remaining = max(found.modified, found.changed) / 1e9 + least - now
        if remaining <= 0:
            return found
        if remaining > least:
            raise _Doubt  # by another clock, or one that was put back
        time.sleep(remaining)
    raise _Doubt


class _Pickler(pickle.Pickler):
    """Writes hosts and groups as numbers: each refers to others without end."""

    numbers: dict[int, int]

    def persistent_id(self, value: object) -> int | None:
        return self.numbers.get(id(value))


class _Unpickler(pickle.Unpickler):
    entities: list[Any]

    def persistent_load(self, number: int) -> object:
        return self.entities[number]


def _keep(inventory: Any, file: BinaryIO) -> None:  # noqa: ANN401 - Ansible's own
    entities = [*inventory.hosts.values(), *inventory.groups.values()]
    ids = import_module("ansible.utils.vars").cur_id
    pickle.dump((type(inventory), list(map(type, entities)), ids), file)
    pickler = _Pickler(file, pickle.HIGHEST_PROTOCOL)
    pickler.numbers = {id(entity): number for number, entity in enumerate(entities)}
    pickler.dump([vars(inventory), *map(vars, entities)])


def restore(file: BinaryIO) -> tuple[object, Texts]:
    """The InventoryData that was found, and files of variables. Raises EOFError if none was."""
    kind, kinds, ids = pickle.load(file)  # noqa: S301 - written by `read`
    inventory = kind.__new__(kind)
    unpickler = _Unpickler(file)
    unpickler.entities = [each.__new__(each) for each in kinds]
    for each, state in zip([inventory, *unpickler.entities], unpickler.load(), strict=True):
        vars(each).update(state)
    # or what a run adds gets the numbers that these hosts have
    vars(import_module("ansible.utils.vars"))["cur_id"] = ids
    return inventory, pickle.load(file)  # noqa: S301 - as above
