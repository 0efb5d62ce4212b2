# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documents the options of modules that contact a host."""

from __future__ import annotations


class ModuleDocFragment:
    """Options for the preflight, the connection, and work on the host."""

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
attributes:
  action_group:
    description: Use C(group/dxansible.fleet.all) or C(group/dxansible.fleet.contact) in
      C(module_defaults) to set options for all modules of that group.
    support: full
    membership: [dxansible.fleet.all, dxansible.fleet.contact]
notes:
  - An option that the task leaves out is the variable that the host has for it,
    C(dx_preflight_timeout) for O(connect_timeout), C(dx_preflight) for O(preflight.checks), and
    C(dx_) with the option's name for the others, but for those that another note names.
"""

    WORK = r"""
options:
  max_retries:
    description: Further connection attempts in a row. Work that was started is not started again.
    type: int
    default: 1
  retry_delay:
    description: Seconds between two connection attempts.
    type: float
    default: 2.0
  when_back:
    description:
      - Seconds for which a host that can't be reached is waited for. The work starts once, when the
        host answers. At most six days; 0 waits for none.
    type: float
    default: 0.0
  start_at:
    description:
      - When the host starts the work, in seconds since 1970, counted from the moment at which the
        work arrives there. The host keeps the time by itself.
      - The task ends once the host has the work. RV(dx.outcome) is then V(RUNNING), and
        RV(dx.starts_s) says in how many seconds it starts. V(0) starts it at once.
    type: float
    default: 0.0
  path:
    description: Directories to put before C(PATH); C(~/) is the home directory on the host.
    type: list
    elements: str
    default: []
"""
