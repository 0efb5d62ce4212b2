# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of ``dxansible.fleet.list_sessions``, which runs on the controller as an action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: list_sessions
short_description: List the agents' sessions and the commands of a host, as the host knows them
version_added: 0.2.0
description:
  - Reads what the host has kept of every session in one round trip, and changes nothing but the
    notes that O(claim_ends) and O(thread) ask for.
options:
  session:
    description: Only this session. When empty, all.
    type: str
    default: ""
  prefix:
    description: Only those whose ids begin so.
    type: str
    default: ""
  only:
    description: Whether to leave out commands, or agents' sessions. When empty, neither.
    type: str
    choices: ["", agents, commands]
    default: ""
  words:
    description: Whether C(message) also has the last words of turns that run.
    type: bool
    default: false
  opens:
    description:
      - Whether C(opens) of the result has the command line that opens the agent's own screen on
        O(session), as C(words), or C(error), why there is none.
    type: bool
    default: false
  path:
    description: Directories that come before the host's C(PATH) in that command line.
    type: list
    elements: str
    default: []
  trail:
    description: The audit trail whose ends are to be claimed. When empty, any.
    type: str
    default: ""
  thread:
    description: Where the audit trail O(trail) goes on, noted on its turns for other machines.
    type: str
    default: ""
extends_documentation_fragment:
  - dxansible.fleet.controller
  - dxansible.fleet.agents
  - dxansible.fleet.agents.ends
  - dxansible.fleet.contact
attributes:
  check_mode:
    description: Lists in check mode as well, and then claims no ends and notes no thread.
    support: full
  idempotent:
    description: Changes nothing, but for ends, which are claimed once.
    support: full
notes:
  - The variable for O(thread) is C(dx_trail_thread).
seealso:
  - module: dxansible.fleet.run_turn
author:
  - dxansible contributors (@dxansible)
"""

EXAMPLES = r"""
- name: Check the host and list its sessions
  dxansible.fleet.list_sessions:
    preflight: {}
  register: listed
"""

RETURN = r"""
msg:
  description: How many there are, or what is wrong.
  returned: always
  type: str
  sample: "epyc6: 2 sessions"
dx:
  description:
    - What there is.
    - C(done) and C(preflight) are those of RV(dxansible.fleet.run_command#module:dx).
  returned: always
  type: dict
  contains:
    kind:
      description: Always V(sessions).
      type: str
      returned: always
      sample: sessions
    sessions:
      description:
        - For each session its C(kind), V(agent) or V(command), its id (C(session)), the name that
          the host had where it was started (C(started_for)), C(state) in one word, number of the
          last C(turn) and of all C(turns), C(agent), C(outcome) (null while it runs), C(reason),
          C(error), C(exit_code), C(asks), C(message), C(age_s) and C(idle_s) in seconds, C(task),
          C(beads) and C(repo).
        - Of an agent's session also C(usage), the sum of what the agent told of its turns,
          C(resets_at) of the last turn's usage limit in seconds since 1970, and C(resumes_s), the
          seconds until a turn goes on that waits for one.
      type: list
      elements: dict
      returned: always
    load:
      description: Load of the host over one minute; null if it is unknown.
      type: float
      returned: always
      sample: 0.25
    error:
      description: Why the host could not be asked; null if it could.
      type: str
      returned: always
    ends:
      description: As RV(dxansible.fleet.run_turn#module:dx.ends).
      type: list
      elements: dict
      returned: when O(claim_ends)
"""
