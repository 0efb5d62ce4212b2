# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.preflight``; the module of that name documents it."""

from __future__ import annotations

from ansible_collections.dxansible.fleet.plugins.plugin_utils.check_run import CheckRun
from ansible_collections.dxansible.fleet.plugins.plugin_utils.solo import SoloAction


class ActionModule(SoloAction):
    """Checks one host; a failed check fails the task."""

    operation = CheckRun
