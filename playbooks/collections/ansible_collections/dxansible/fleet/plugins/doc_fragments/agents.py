# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documents the options of modules that deal with agents and their turns."""

from __future__ import annotations


class ModuleDocFragment:
    """Options for agents, and for the ends of their turns."""

    DOCUMENTATION = r"""
options:
  agents:
    description: Further agents, or other settings of known ones, as C(dx_agents) has them.
    type: dict
    default: {}
"""

    ENDS = r"""
options:
  claim_ends:
    description:
      - Whether to claim the ends of turns that belong to an audit trail and were not told yet.
        They are in RV(dx.ends), once over all machines, and are to be told by who claims them.
    type: bool
    default: false
"""
