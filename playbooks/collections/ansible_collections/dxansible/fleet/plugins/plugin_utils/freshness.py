# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tells whether a kept run is still up to date.

A run may be kept if its inventory comes only from files that can be checked again. Ansible's own
plugins must parse them: those for static files, and ``constructed`` for groups made of variables.
Other variables must come from group_vars and host_vars. Every file is checked before each call.
"""

from __future__ import annotations

import os
import stat
import sys
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import constants, context
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins import inventory as inventory_plugins
from ansible.plugins import loader as loaders
from ansible.plugins.inventory import Constructable
from ansible.vars.plugins import _plugin_should_run

from .file_stamp import stamp
from .link import SERVICE_TOKENS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .file_stamp import Stamp

_STATIC = ("ini", "toml", "yaml")
_SETTLED, _SETTLED_WHERE_COARSE = 0.1, 2.5
"""Seconds; changes closer together may share a timestamp. The second is for whole-second times."""
_PARSERS = ("inventory_loader", "vars_loader", "fragment_loader", "cache_loader")
"""Ansible's loaders of plugins that affect how it parses the inventory."""
_OTHERS = (
    "become_loader",
    "connection_loader",
    "filter_loader",
    "lookup_loader",
    "shell_loader",
    "terminal_loader",
    "test_loader",
)
"""Loaders of plugins that a call may use."""
_HIDDEN = tuple(name.encode() for name in SERVICE_TOKENS)
"""Environment variables that an engine doesn't have."""
_VARIABLES = ("group_vars", "host_vars")
_CONSTRUCTED = ("constructed", "ansible.builtin.constructed")
_SETTINGS = {"plugin", "strict", "use_vars_plugins", "keyed_groups"}
_OF_A_GROUP = {"key", "prefix", "separator"}
_TEMPLATE = ("{{", "{%", "{#")
_ADD = Constructable._add_host_to_keyed_groups  # noqa: SLF001 - Ansible has no other door


class NotCacheable(BaseException):
    """The run can't be kept; the text says why. BaseException: Ansible catches every Exception."""

    def __init__(self, reason: str, *, lasting: bool = True) -> None:
        """``lasting``: the next run can't be kept either."""
        super().__init__(reason)
        self.lasting = lasting

    def as_news(self) -> dict[str, Any]:
        """Return the record that tells the engine's client of it."""
        return {"kind": "stale", "error": str(self), "lasting": self.lasting}


class Freshness:
    """The files that a run depends on, and their state when the run began."""

    def __init__(self, began: float) -> None:
        """``began``: a time before the run read anything, in seconds since the epoch.

        Parses the inventory again to find out which files it reads. Raises NotCacheable.
        """
        self._began = began
        self._stamps: dict[str, Stamp | None] = {}
        self._modules = {path: _brief(path) for path in _configuration()}
        self._seen = 0
        """Number of Python modules at the last check."""
        for path, found in self._modules.items():
            if found is not None and found[0] / 1e9 > began:
                raise NotCacheable(f"{path} has changed while it was loaded", lasting=False)
        check_callbacks()
        self._look_at_settings()
        self._look_at_plugins()
        sources = list(map(str, context.CLIARGS["inventory"]))
        _Watched.note = self._note
        _Manager.note = self._note
        Constructable._add_host_to_keyed_groups = _Groups._add_host_to_keyed_groups  # noqa: SLF001 - Ansible has no other door
        try:
            _Manager(loader=_Watched(), sources=sources)
        finally:
            Constructable._add_host_to_keyed_groups = _ADD  # noqa: SLF001 - as above
        self._look_at_variables()
        playbooks = {str(Path(each).absolute().parent) for each in context.CLIARGS["args"]}
        for base in {*map(_base, sources), *playbooks}:
            for name in _VARIABLES:
                self._note_tree(f"{base}/{name}")

    def changed(self) -> str | None:
        """The first path that has changed; None if nothing has. Raises NotCacheable."""
        self._look_at_modules()
        for path, known in self._modules.items():
            if _brief(path) != known:
                return path
        for path, found in self._stamps.items():
            if stamp(path) != found:
                return path
        return None

    def _note(self, path: str) -> None:
        if path in self._stamps:
            return
        found = stamp(path)
        self._stamps[path] = found
        if found is None:
            return
        if stat.S_ISDIR(found.mode):
            last = os.stat(path).st_mtime  # noqa: PTH116 - beside the others
        elif stat.S_ISREG(found.mode):
            last = max(found.modified, found.changed) / 1e9
        else:
            raise NotCacheable(f"{path} is no plain file")
        if stat.S_ISREG(found.mode) and any(map(Path(path).read_bytes().__contains__, _HIDDEN)):
            raise NotCacheable(f"{path} names a variable that is a secret")
        coarse = found.changed and found.changed % 10**9 == 0
        if last > self._began - (_SETTLED_WHERE_COARSE if coarse else _SETTLED):
            raise NotCacheable(f"{path} has just changed", lasting=False)

    def _note_tree(self, path: str) -> None:
        self._note(path)
        found = self._stamps[path]
        if found is not None and stat.S_ISDIR(found.mode):
            for name in found.names:
                self._note_tree(f"{path}/{name}")

    def _look_at_modules(self) -> None:
        """Record the Python modules that were loaded since the last check."""
        if len(sys.modules) == self._seen:
            return
        self._seen = len(sys.modules)
        for path in _loaded_from():
            if path not in self._modules:
                found = self._modules[path] = _brief(path)
                if found is not None and found[0] / 1e9 > self._began:
                    raise NotCacheable(f"{path} has changed", lasting=False)

    def _look_at_settings(self) -> None:
        get = constants.config.get_config_value
        for directory in _callback_directories():
            self._note(str(directory))
        identities = [each.rpartition("@")[2] for each in get("DEFAULT_VAULT_IDENTITY_LIST")]
        for given in filter(None, [get("DEFAULT_VAULT_PASSWORD_FILE"), *identities]):
            path = str(Path(given).expanduser().absolute())
            self._note(path)
            if os.access(path, os.X_OK):
                raise NotCacheable(f"{path} is a script")

    def _look_at_plugins(self) -> None:
        for name in (*_PARSERS, *_OTHERS):
            loader = getattr(loaders, name)
            for setting in loader.config or ():
                path = str(Path(setting).expanduser().absolute())
                self._note_tree(path)
                found = self._stamps[path]
                if name in _PARSERS and found is not None and found.names:
                    raise NotCacheable(f"there are plugins in {path}")

    def _look_at_variables(self) -> None:
        cache = constants.config.get_config_value("CACHE_PLUGIN")
        if cache not in {"memory", "jsonfile"}:
            raise NotCacheable(f"facts are kept by {cache}")
        for name in loaders.vars_loader._plugin_instance_cache:  # noqa: SLF001 - as Ansible does
            plugin = loaders.vars_loader.get(name)
            ours = type(plugin).__module__ == "ansible.plugins.vars.host_group_vars"
            if not ours or _plugin_should_run(plugin, "inventory"):
                raise NotCacheable(f"variables come from the plugin {name}")


def check_callbacks() -> None:
    """Raise NotCacheable if something else than ansible-runner is to see the events of each run."""
    get = constants.config.get_config_value
    if get("CALLBACKS_ENABLED") or get("DEFAULT_LOG_PATH"):
        raise NotCacheable("Ansible keeps a log of each run, or has callbacks for it")
    for path in _callback_directories():
        if any(path.glob("*.py")):
            raise NotCacheable(f"there are callbacks in {path}")


def _callback_directories() -> list[Path]:
    """Return where callbacks of the user may be; ansible-runner's own are elsewhere."""
    found = map(Path, constants.config.get_config_value("DEFAULT_CALLBACK_PLUGIN_PATH"))
    return [path for path in found if not (path / "awx_display.py").exists()]


class _Watched(DataLoader):  # type: ignore[misc] # ansible-core has no types
    """Ansible's loader; records the files and directories that it reads."""

    note: Callable[[str], None]

    def load_from_file(self, file_name: str, *rest: Any, **more: Any) -> Any:  # noqa: ANN401 - Ansible's own
        type(self).note(self.path_dwim(file_name))
        return super().load_from_file(file_name, *rest, **more)

    def list_directory(self, path: str) -> list[str]:
        type(self).note(self.path_dwim(path))
        return list(super().list_directory(path))


class _Manager(InventoryManager):  # type: ignore[misc] # ansible-core has no types
    """Ansible's manager; records its sources, and raises NotCacheable for unfit ones."""

    note: Callable[[str], None]

    def parse_source(self, source: str, cache: bool = False) -> bool:  # noqa: FBT001, FBT002 - Ansible's own
        if "," in source:
            raise NotCacheable("the inventory is a list of hosts")
        type(self).note(source)
        parsed = super().parse_source(source, cache=cache)
        if not parsed and not Path(source).is_dir():
            raise NotCacheable(f"{source} can't be parsed")
        return bool(parsed)

    def _fetch_inventory_plugins(self) -> list[Any]:
        plugins = super()._fetch_inventory_plugins()
        return _fit(self._inventory.current_source, plugins, self._loader)


def _fit(source: str, plugins: list[Any], loader: DataLoader) -> list[Any]:
    """The plugins that may parse the source, in Ansible's order. Raises NotCacheable."""
    builtin = Path(str(inventory_plugins.__file__)).parent
    named = {}
    for plugin in plugins:
        path = Path(plugin._original_path)  # noqa: SLF001 - nothing else tells
        if path.parent != builtin:
            raise NotCacheable(f"the inventory is read by {path}")
        named[path.stem] = plugin
    auto = named.pop("auto", None)
    static = [plugin for name, plugin in named.items() if name in _STATIC]
    if any(named[name].verify_file(source) for name in named.keys() - set(_STATIC)):
        raise NotCacheable(f"{source} is a script")
    if auto is None or not auto.verify_file(source):
        return static
    try:
        text = loader.load_from_file(source, cache="none")
    except Exception:  # noqa: BLE001 - no YAML, so it names no plugin
        return static
    if not isinstance(text, Mapping) or "plugin" not in text:
        return static
    if _makes_groups(text):
        return [auto]
    raise NotCacheable(f"{source} is read by a plugin")


def _makes_groups(text: Mapping[str, Any]) -> bool:
    """Whether the file only makes ``keyed_groups``, each from the name of a variable."""
    groups = text.get("keyed_groups")
    return (
        text["plugin"] in _CONSTRUCTED
        and not set(text) - _SETTINGS
        and isinstance(groups, list)
        and all(
            isinstance(each, dict)
            and not set(each) - _OF_A_GROUP
            and str(each.get("key")).isidentifier()
            for each in groups
        )
    )


class _Groups(Constructable):  # type: ignore[misc] # ansible-core has no types
    """Ansible's maker of groups; raises NotCacheable for a value that may change by itself."""

    def _add_host_to_keyed_groups(self, keys: Any, variables: Any, *rest: Any, **more: Any) -> None:  # noqa: ANN401 - Ansible's own
        if self.get_option("use_extra_vars") or not all(
            _is_plain(variables.get(each["key"])) for each in keys
        ):
            raise NotCacheable("a group is made of a template")
        _ADD(self, keys, variables, *rest, **more)


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


def _base(source: str) -> str:
    return source if Path(source).is_dir() else str(Path(source).absolute().parent)


def _brief(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - hundreds of them in each call
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _loaded_from() -> Iterator[str]:
    """Files of the loaded Python modules, without the standard library."""
    library = sysconfig.get_path("stdlib") + os.sep
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if path and (not path.startswith(library) or "-packages" in path):
            yield path


def _configuration() -> Iterator[str]:
    """The Python executable, and the paths where Ansible looks for its configuration."""
    yield from (
        sys.executable,
        str(Path("~/.ansible.cfg").expanduser()),
        "/etc/ansible/ansible.cfg",
    )
    yield str(Path("ansible.cfg").absolute())
    if given := os.environ.get("ANSIBLE_CONFIG"):
        yield given


def started() -> float:
    """Start time of our parent, which parsed the inventory, in seconds since the epoch."""
    ticks = int(Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[19])
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK")
