# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of ``dxansible.fleet.stop_command``, which runs on the controller as an action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stop_command
short_description: Stop a command by its id, and see that it is gone
version_added: 0.1.0
description:
  - Sends TERM to everything that belongs to the command, waits, sends KILL, and looks until nothing
    is left.
  - A command that has ended by itself is left as it is; the result says how it ended.
  - An id that the host has not seen yet cannot start a command there any more.
  - Fails unless the command is known to be gone.
options:
  id:
    description:
      - Id of the command's session on this host, as RV(dxansible.fleet.preflight#module:dx.id)
        gives it.
      - Needed unless O(preflight.run_id) gives the one that was made of it.
    type: str
    default: ""
  wait:
    description: Seconds to wait for the command to be gone.
    type: int
    default: 8
  turns:
    description: Whether O(id) is an agent's session, whose last turn is to be stopped.
    type: bool
    default: false
  cwd:
    description: As O(dxansible.fleet.run_command#module:cwd), for O(command_socket).
    type: str
    default: ""
  env:
    description: As O(dxansible.fleet.run_command#module:env), for O(command_socket).
    type: dict
    default: {}
  path:
    description: With O(command_socket), what the command had as O(path).
    type: list
    elements: str
    default: []
  command_socket:
    description:
      - Path of a Unix socket that gives the command as for M(dxansible.fleet.run_command). Another
        command under the same id is then left alone.
    type: str
    default: ""
extends_documentation_fragment:
  - dxansible.fleet.controller
  - dxansible.fleet.agents
  - dxansible.fleet.agents.ends
  - dxansible.fleet.contact
attributes:
  check_mode:
    description: Stops nothing in check mode, and is skipped.
    support: full
  idempotent:
    description: A command that has ended by itself stays as it is, and nothing has changed.
    support: partial
    details: A command that was stopped is reported as stopped each time, and as a change.
notes:
  - The variable for O(id) is C(dx_session). O(wait), O(turns) and O(command_socket) have none.
seealso:
  - module: dxansible.fleet.run_command
author:
  - dxansible contributors (@dxansible)
"""

EXAMPLES = r"""
- name: Stop the command that was started as deploy_42
  dxansible.fleet.stop_command:
    preflight:
      run_id: deploy_42
      checks: false
"""

RETURN = r"""
msg:
  description: What became of the command.
  returned: always
  type: str
  sample: "epyc6: aborted (its processes are gone)"
dx:
  description:
    - What became of the command.
    - Beside what follows, C(done), C(preflight), C(reason), C(error), C(exit_code)
      and C(left_running) are those of RV(dxansible.fleet.run_command#module:dx).
  returned: always
  type: dict
  contains:
    kind:
      description: Always V(stop).
      type: str
      returned: always
      sample: stop
    id:
      description: The id that was asked for.
      type: str
      returned: always
      sample: deploy_42-9f86d081
    state:
      description:
        - What the host says of the session. V(aborted), if it was stopped; V(exited), V(timeout),
          V(killed) or V(unstarted), if it had ended before; V(lost), if nobody knows how it ended,
          and what was left of it was stopped; V(conflict) if the id belongs to another command
          than that of O(command_socket); V(unknown) if the host gave no answer.
      type: str
      returned: always
      sample: aborted
    totals:
      description:
        - Bytes that the command had written to standard output and to standard error; null if the
          host gave no answer.
      type: list
      elements: int
      returned: always
      sample: [120, 0]
    outcome:
      description:
        - V(ABORTED), or the outcome that the command had before. V(FAILURE) with C(reason)
          V(lost_contact), if the host did not answer, or failed a check.
      type: str
      returned: always
      sample: ABORTED
    evidence:
      description: As RV(dxansible.fleet.run_command#module:dx.evidence).
      type: str
      returned: always
      sample: told
    stop_verified:
      description:
        - Whether no process of the command is left. Also ends what a command has left behind that
          had ended by itself; C(left_running) then counts what remains.
      type: bool
      returned: always
      sample: true
    ends:
      description: As RV(dxansible.fleet.run_turn#module:dx.ends).
      type: list
      elements: dict
      returned: when O(claim_ends) and O(turns)
"""
