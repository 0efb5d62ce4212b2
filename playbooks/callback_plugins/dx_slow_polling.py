# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Has Ansible look less often for results of the playbook that serves calls.

That playbook has one task, which ends when it is ended, and its news come as events at once.
Ansible would look a thousand times a second all the same. It loads this for every playbook beside.
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
    """Is told that a playbook starts."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "dx_slow_polling"

    def v2_playbook_on_start(self, playbook: Any) -> None:  # noqa: ANN401 - ansible-core has no types
        """Change the setting, which has no variable in the environment."""
        if Path(playbook._file_name).name == "serve.yml":  # noqa: SLF001 - no public way
            constants.DEFAULT_INTERNAL_POLL_INTERVAL = _SECONDS
