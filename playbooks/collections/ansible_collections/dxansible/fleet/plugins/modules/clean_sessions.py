# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of ``dxansible.fleet.clean_sessions``, an action of the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: clean_sessions
short_description: Remove agents' sessions that ended long ago
version_added: 0.2.0
description:
  - Removes sessions of which every turn has ended, with all that the host has kept of them.
  - A git worktree of a session goes with it only when it is clean and its commits are on another
    branch or on a remote. Otherwise both stay, and the result says why.
options:
  age:
    description: Days since the session's end. V(0) removes every one that has ended.
    type: int
    default: 30
  dry_run:
    description: Whether only to say what would be removed. Check mode does the same.
    type: bool
    default: false
extends_documentation_fragment:
  - dxansible.fleet.controller
  - dxansible.fleet.contact
attributes:
  check_mode:
    description: Removes nothing in check mode, and says what it would remove.
    support: full
  idempotent:
    description: Changes nothing where no further session has become old enough.
    support: full
notes:
  - The variable for O(age) is C(dx_clean_age).
seealso:
  - module: dxansible.fleet.list_sessions
author:
  - dxansible contributors (@dxansible)
"""

EXAMPLES = r"""
- name: Remove what ended a week ago
  dxansible.fleet.clean_sessions:
    age: 7
    preflight: {}
"""

RETURN = r"""
msg:
  description: How many were removed, or what is wrong.
  returned: always
  type: str
  sample: "epyc6: 2 removed"
dx:
  description:
    - What was done.
    - C(done) and C(preflight) are those of RV(dxansible.fleet.run_command#module:dx).
  returned: always
  type: dict
  contains:
    kind:
      description: Always V(clean).
      type: str
      returned: always
      sample: clean
    removed:
      description: Ids of the sessions that are gone.
      type: list
      elements: str
      returned: always
    removable:
      description: In a dry run, ids of the sessions that would be gone.
      type: list
      elements: str
      returned: always
    kept:
      description: For each session that stays because of its work, the reason.
      type: dict
      returned: always
    error:
      description: Why the host could not be asked; null if it could.
      type: str
      returned: always
"""
