# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes Ansible poll less often for results of ``serve.yml``.

That playbook has one task, which runs until the engine stops it and reports its news as events.
Ansible would still poll for the task's result a thousand times a second. Ansible loads this plugin
for each playbook in the parent directory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: dx_slow_polling
    type: aggregate
    short_description: Has Ansible look less often for results of the playbook that serves calls
    description:
      - Its only task ends when it is ended, and its news come as events at once.
"""
_SECONDS = 0.1


class CallbackModule(CallbackBase):  # type: ignore[misc] # ansible-core has no types
    """Lowers Ansible's polling rate when the playbook is ``serve.yml``."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "dx_slow_polling"

    def v2_playbook_on_start(self, playbook: Any) -> None:  # noqa: ANN401 - ansible-core has no types
        """Change the poll interval, which no environment variable can set."""
        if Path(playbook._file_name).name == "serve.yml":  # noqa: SLF001 - no public way
            constants.DEFAULT_INTERNAL_POLL_INTERVAL = _SECONDS
