# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.stop_command``; the module of that name documents it."""

from __future__ import annotations

from ansible_collections.dxansible.fleet.plugins.plugin_utils.solo import SoloAction
from ansible_collections.dxansible.fleet.plugins.plugin_utils.stop_run import StopRun


class ActionModule(SoloAction):
    """Stops one session on one host and verifies that it is gone."""

    operation = StopRun
