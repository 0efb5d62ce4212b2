# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.run_command``; the module of that name documents it."""

from __future__ import annotations

from ansible_collections.dxansible.fleet.plugins.plugin_utils.command_run import CommandRun
from ansible_collections.dxansible.fleet.plugins.plugin_utils.solo import SoloAction


class ActionModule(SoloAction):
    """Runs a command on one host, and follows it to its end."""

    operation = CommandRun
