# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.list_sessions``; the module of that name documents it."""

from __future__ import annotations

from ansible_collections.dxansible.fleet.plugins.plugin_utils.list_run import ListRun
from ansible_collections.dxansible.fleet.plugins.plugin_utils.solo import SoloAction


class ActionModule(SoloAction):
    """Lists the sessions of one host."""

    operation = ListRun
