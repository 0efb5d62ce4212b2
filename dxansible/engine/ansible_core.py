"""Loading ansible-core before the fork, so that after it nothing tells the difference.

Its modules are loaded, and nothing else: neither an inventory nor a plugin, as a plugin of the
user's may have the name of one of Ansible's and must win.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dxansible.engine.parsed import Beside, remember

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["load_playbook"]

_MODULES = (
    "ansible.executor.task_queue_manager",
    "ansible.parsing.yaml.dumper",
    "ansible.playbook.handler_task_include",
    "ansible.utils.encrypt",
    "multiprocessing.popen_fork",
    "multiprocessing.synchronize",
    "tomllib",
)
_PLUGINS = (
    "become.su",
    "become.sudo",
    "cache.jsonfile",
    "cache.memory",
    "callback.default",
    "callback.junit",
    "connection.local",
    "connection.ssh",
    "filter.core",
    "filter.encryption",
    "filter.mathstuff",
    "filter.urls",
    "inventory.ini",
    "inventory.script",
    "inventory.toml",
    "inventory.yaml",
    "shell.sh",
    "strategy.free",
    "vars.host_group_vars",
)
"""Loaded for what they import, and forgotten: a run may have its own plugins of these names."""
_TEMPORARY = ("tmp", "tmppath", "temppath")


def load_playbook() -> tuple[Callable[[], None], Callable[[], None], Callable[[], None]]:
    """Return what runs ansible-playbook, what the fork has to do before, and what can be done late.

    The last makes runs faster, and a first one need not wait for it.
    """
    beside = Beside()
    constants = import_module("ansible.constants")
    seen = dict(os.environ)
    cli = import_module("ansible.cli")
    playbook = import_module("ansible.cli.playbook")
    for name in _MODULES:
        with suppress(ImportError):
            import_module(name)
    _load_what_plugins_import()
    beside.offer()
    callbacks = os.environ.get("ANSIBLE_CALLBACK_PLUGINS", "")
    manager = import_module("ansible.config.manager")
    definitions = constants.config.get_configuration_definitions()
    temporary = [each for each in definitions if definitions[each].get("type") in _TEMPORARY]
    _refuse_what_speaks(constants, cli.display)
    # made for this process, though each call makes its own
    atexit.unregister(manager.cleanup_tmp_file)
    for each in temporary:
        shutil.rmtree(getattr(constants, each), ignore_errors=True)

    def renew() -> None:
        for setting, definition in definitions.items():
            names = [entry.get("name") for entry in definition.get("env") or ()]
            if setting in temporary or any(
                seen.get(each) != os.environ.get(each) for each in names
            ):
                value = constants.config.get_config_value(setting, variables=vars(constants))
                setattr(constants, setting, value)
        cli.check_blocking_io()
        cli.display._set_column_width()  # noqa: SLF001 - it is for the terminal of the call

    return playbook.main, renew, lambda: remember(callbacks)


def _refuse_what_speaks(constants: Any, display: Any) -> None:  # noqa: ANN401 - Ansible's own
    """Raise RuntimeError where loading has an effect that each call should see."""
    said = (display._warns, display._deprecations, display._errors)  # noqa: SLF001 - nothing else tells
    if any(said) or constants.config.WARNINGS or constants.DEFAULT_LOG_PATH:
        raise RuntimeError("Ansible warns of its settings, or keeps a log")
    for path in filter(None, [constants.CONFIG_FILE]):
        text = Path(path).read_bytes()
        if b"$" in text or b"{{" in text:
            raise RuntimeError("ansible.cfg refers to the environment")


def _load_what_plugins_import() -> None:
    before = set(sys.modules)
    for name in _PLUGINS:
        with suppress(ImportError):
            import_module(f"ansible.plugins.{name}")
    for name in set(sys.modules) - before:
        parent, _, last = name.rpartition(".")
        if parent.startswith("ansible.plugins."):
            del sys.modules[name]
            vars(sys.modules[parent]).pop(last, None)
