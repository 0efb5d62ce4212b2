# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.clean_sessions``; the module of that name documents it."""

from __future__ import annotations

from ansible_collections.dxansible.fleet.plugins.plugin_utils.clean_run import CleanRun
from ansible_collections.dxansible.fleet.plugins.plugin_utils.solo import SoloAction


class ActionModule(SoloAction):
    """Removes ended sessions of one host and their worktrees, unless that loses work."""

    operation = CleanRun
