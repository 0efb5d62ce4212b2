# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""ansible-runner's plugin of this name without the task-start events, which we don't read.

ansible-runner sets ANSIBLE_CALLBACK_PLUGINS, which hides the user's own directories of callbacks.
This plugin loads first, and gives them back. The run that serves calls has none of the user's
callbacks: it would tell them nothing, and calls for which there are some never go to it.

Ansible loads the first plugin of this name in its callback directories. ansible-runner's own is in
a later directory; this plugin loads it and derives from it.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from ansible import constants
from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import callback_loader

DOCUMENTATION = """
    name: awx_display
    type: stdout
    short_description: Events for ansible-runner
    description: As ansible-runner's own, but it does not tell that a task starts.
    extends_documentation_fragment:
      - default_callback
    requirements:
      - ansible-runner
"""

_DIRECTORIES = "ANSIBLE_CALLBACK_PLUGINS"


def _give_back() -> None:
    ours = os.environ.pop(_DIRECTORIES)
    home = {"ANSIBLE_HOME": constants.ANSIBLE_HOME}  # the default is a template
    theirs = constants.config.get_config_value("DEFAULT_CALLBACK_PLUGIN_PATH", variables=home)
    os.environ[_DIRECTORIES] = os.pathsep.join([ours, *theirs])
    if any(Path(word).name == "serve.yml" for word in sys.argv):
        constants.CALLBACKS_ENABLED = []
        return
    for directory in theirs:
        callback_loader.add_directory(directory)


def _original() -> Any:  # noqa: ANN401 - ansible-runner's own
    name, here = Path(__file__).name, Path(__file__).parent
    directories = map(Path, os.environ[_DIRECTORIES].split(os.pathsep))
    (path, *_) = (each / name for each in directories if each != here and (each / name).is_file())
    loader = SourceFileLoader("ansible_runner_display", str(path))
    module = ModuleType(loader.name)
    loader.exec_module(module)
    return module


class CallbackModule(_original().CallbackModule):  # type: ignore[misc] # it has no types
    """Disables two events: Ansible never calls a method that is CallbackBase's own."""

    v2_playbook_on_task_start = CallbackBase.v2_playbook_on_task_start
    v2_runner_on_start = CallbackBase.v2_runner_on_start


_give_back()
