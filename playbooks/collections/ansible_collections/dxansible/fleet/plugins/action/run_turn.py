# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.run_turn``; the module of that name documents it."""

from __future__ import annotations

from ansible_collections.dxansible.fleet.plugins.plugin_utils.solo import SoloAction
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn_run import TurnRun


class ActionModule(SoloAction):
    """Gives a task to an agent on one host, and follows it to its end."""

    operation = TurnRun
