# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documents the options of all modules that contact a host."""

from __future__ import annotations


class ModuleDocFragment:
    """Options for the preflight and the connection."""

    DOCUMENTATION = r"""
options:
  connect_timeout:
    description: Seconds for a connection to come up.
    type: float
    default: 5.0
  ssh:
    description:
      - Settings of the ssh client, as RV(dxansible.fleet.preflight#module:dx.ssh) gives them.
    type: dict
    default: {}
  batch_mode:
    description: Whether never to wait for a person to type a password or a passphrase.
    type: bool
    default: true
  preflight:
    description:
      - Checks the host before the first contact, as M(dxansible.fleet.preflight) does, so that no
        task of its own is needed. A check that fails fails the task, and nothing else is done.
    type: dict
    suboptions:
      run_id:
        description: As O(dxansible.fleet.preflight#module:run_id).
        type: str
        default: ""
      id_prefix:
        description: As O(dxansible.fleet.preflight#module:id_prefix).
        type: str
        default: cmd
      checks:
        description: As O(dxansible.fleet.preflight#module:checks).
        type: bool
        default: true
      slack_channel:
        description: As O(dxansible.fleet.preflight#module:slack_channel).
        type: str
        default: ""
"""
