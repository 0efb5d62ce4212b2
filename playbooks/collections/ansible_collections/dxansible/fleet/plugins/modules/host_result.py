# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of ``dxansible.fleet.host_result``, which runs on the controller as an action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_result
short_description: Give each host its own result of a task that was for all
version_added: 0.2.0
description:
  - Returns what M(dxansible.fleet.fan_out) has found of the host, and fails where that has failed.
    So the recap, the exit code, C(rescue), C(any_errors_fatal) and callbacks see each host.
options:
  register:
    description: Name of the variable in which the result of M(dxansible.fleet.fan_out) is.
    type: str
    required: true
extends_documentation_fragment:
  - dxansible.fleet.controller
attributes:
  action:
    description: Runs on the controller, and asks the host for nothing.
    support: full
  check_mode:
    description: Changes nothing; returns the same in check mode.
    support: full
  idempotent:
    description: Returns the same each time.
    support: full
notes:
  - The results hold output of the hosts, so nothing in them is a template.
seealso:
  - module: dxansible.fleet.fan_out
author:
  - dxansible contributors (@dxansible)
"""

EXAMPLES = r"""
- name: Give each host its own result
  dxansible.fleet.host_result:
    register: fleet
"""

RETURN = r"""
msg:
  description: What happened, and what to do.
  returned: always
  type: str
  sample: "epyc6: exit code 2"
dx:
  description: The record of the host; the other values too are those of the operation's module.
  returned: when the result of M(dxansible.fleet.fan_out) has it
  type: dict
  contains:
    kind:
      description: Kind of the record.
      type: str
      returned: always
      sample: command
    done:
      description: Always V(true).
      type: bool
      returned: always
"""
