# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of ``dxansible.fleet.serve``, which runs on the controller as an action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: serve
short_description: Take calls of dx-dispatch from a socket
version_added: 0.2.0
description:
  - Listens on the Unix socket in the variable C(dx_serve_socket), and does on the hosts of the
    inventory what the calls say that come there. Ansible, the inventory and the connections are
    then there already for each call.
  - For the engine of C(dx-dispatch) alone, which starts it, and ends it when it is idle.
  - Has to be used with C(until), since each try returns what is new on all calls.
options: {}
extends_documentation_fragment:
  - dxansible.fleet.controller
attributes:
  bypass_host_loop:
    description: Is run once for all hosts by the keyword C(run_once).
    support: none
  check_mode:
    description: Has no check mode.
    support: none
  idempotent:
    description: Never ends by itself, so there is no second time.
    support: none
seealso:
  - module: dxansible.fleet.fan_out
author:
  - dxansible contributors (@dxansible)
"""

EXAMPLES = r"""
- name: Take calls from the socket
  dxansible.fleet.serve:
  run_once: true
  register: served
  until: served.dx.done
  retries: 2000000000
  delay: 0
"""

RETURN = r"""
dx:
  description: What is new.
  returned: always
  type: dict
  contains:
    kind:
      description: V(served).
      type: str
      returned: always
      sample: served
    news:
      description:
        - Records since the last try, each with the number of its C(call). They are those of
          M(dxansible.fleet.fan_out), or of the kind V(end) or V(refused) for a call as a whole.
      type: list
      elements: dict
      returned: always
    done:
      description: Always V(false).
      type: bool
      returned: always
"""
