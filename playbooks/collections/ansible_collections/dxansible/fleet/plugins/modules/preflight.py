# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of ``dxansible.fleet.preflight``, which runs on the controller as an action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Check that a host can be used, before anything runs on it
version_added: 0.1.0
description:
  - Checks the mapping of the host in the inventory, DNS, and that the login method is available
    here, in this order.
  - The first check that fails is the status, and fails the task.
  - Makes no bare TCP probe of a host that passes, since OpenSSH 9.8 and later penalise them; the
    connection that follows is the probe. O(connect=true) makes it at once.
  - Reads the variables C(ansible_host), C(ansible_port), C(ansible_user), C(dx_auth_mode),
    C(dx_aliases), C(dx_capabilities) and C(dx_hostnames).
options:
  run_id:
    description:
      - Name of the run, of up to 64 letters, digits and underscores, from which the id of its
        session on this host is made.
      - When empty, a new one is made.
    type: str
    default: ""
  id_prefix:
    description: What a new id begins with.
    type: str
    default: cmd
  timeout:
    description: Seconds for each check, and for a connection to come up.
    type: float
    default: 5.0
    aliases: [connect_timeout]
  checks:
    description: Whether to check at all. When V(false), the task only says how the host is reached.
    type: bool
    default: true
  connect:
    description:
      - Whether to make a real connection and have the host answer.
    type: bool
    default: false
  check_reachable:
    description: Whether O(connect) may do so; a host says it with C(dx_check_reachable).
    type: bool
    default: true
  batch_mode:
    description: Whether never to wait for a person to type a password or a passphrase.
    type: bool
    default: true
  survey:
    description:
      - Whether to ask for the load of the host, for what runs there, and for its coding agent, in
        the same round trip. There is none of it without O(connect=true).
    type: bool
    default: true
  version:
    description: Whether O(survey) also has the agent print its version, which may take a second.
    type: bool
    default: true
  agent:
    description: Name of the agent to look for. When empty, C(opencode).
    type: str
    default: ""
  path:
    description: Directories to put before C(PATH) when looking for the agent.
    type: list
    elements: str
    default: []
  slack_channel:
    description: The channel of the audit trail, only to be returned in RV(dx.slack_channel).
    type: str
    default: ""
extends_documentation_fragment:
  - dxansible.fleet.controller
  - dxansible.fleet.agents
attributes:
  action:
    description: Runs on the controller.
    support: full
  action_group:
    description: Use C(group/dxansible.fleet.all) in C(module_defaults) to set O(batch_mode) and
      O(connect_timeout) for all modules that contact a host.
    support: full
    membership: [dxansible.fleet.all]
  check_mode:
    description: Changes nothing; makes the same checks in check mode.
    support: full
  idempotent:
    description: Changes nothing, so it has never changed anything.
    support: full
notes:
  - An option that the task leaves out is the variable that the host has for it,
    C(dx_preflight_timeout) for O(timeout), C(dx_preflight) for O(checks), and C(dx_) with the
    option's name for the others. O(id_prefix) and O(connect) have none.
seealso:
  - module: dxansible.fleet.run_command
author:
  - dxansible contributors (@dxansible)
"""

EXAMPLES = r"""
- name: Check that the host answers
  dxansible.fleet.preflight:
    connect: true

- name: Learn how the host is reached, for a command that was started earlier
  dxansible.fleet.preflight:
    run_id: deploy_42
    checks: false
  register: checked
"""

RETURN = r"""
msg:
  description: What is wrong and what to do, or that the checks have passed.
  returned: always
  type: str
  sample: "epyc6: preflight passed"
dx:
  description: What was found.
  returned: always
  type: dict
  contains:
    kind:
      description: Always V(preflight).
      type: str
      returned: always
      sample: preflight
    id:
      description:
        - Id of the run's session on this host, for O(dxansible.fleet.run_command#module:id).
      type: str
      returned: always
      sample: deploy_42-9f86d081
    status:
      description:
        - V(OK), or the first check that failed, as V(HOST_UNRESOLVABLE), V(HOST_UNREACHABLE),
          V(USER_MAPPING_MISSING), V(AUTH_MODE_INVALID) or V(TIMEOUT).
      type: str
      returned: always
      sample: OK
    error:
      description: What is wrong and what to do; null when the status is V(OK).
      type: str
      returned: always
    user:
      description: User on the host; null if the inventory has none.
      type: str
      returned: always
      sample: feng
    auth_mode:
      description: Login method, V(local), V(tailscale) or V(ssh_key).
      type: str
      returned: always
      sample: tailscale
    address:
      description: Where the host is, as the inventory says it.
      type: str
      returned: always
      sample: epyc6
    port:
      description: Port of sshd; null if the connection has none.
      type: int
      returned: always
      sample: 22
    user_from:
      description: V(ssh_config) if ssh's configuration names the user and the inventory does not.
      type: str
      returned: always
      sample: ssh_config
    aliases:
      description: Other names of the host.
      type: list
      elements: str
      returned: always
      sample: [epyc]
    capabilities:
      description: What the host is good for.
      type: list
      elements: str
      returned: always
      sample: [gpu, ml]
    connect:
      description: Whether a connection was to be made.
      type: bool
      returned: always
    attempts:
      description: Connections made.
      type: int
      returned: always
      sample: 1
    latency_ms:
      description:
        - Milliseconds until the host answered, without those that its agent took to tell its
          version; null without a connection.
      type: int
      returned: always
      sample: 90
    agent:
      description: Name of the agent that was looked for; null for none.
      type: str
      returned: always
      sample: opencode
    agent_found:
      description: Whether it is on the C(PATH) there; null if it was not looked for.
      type: bool
      returned: always
    agent_version:
      description: What it says of its version; null if it says nothing.
      type: str
      returned: always
      sample: 1.18.33
    load:
      description: Load of the host over one minute; null if it is unknown.
      type: float
      returned: always
      sample: 0.25
    running:
      description: Sessions and commands that run there; null if it was not asked.
      type: int
      returned: always
      sample: 1
    duration_ms:
      description: Milliseconds that the checks took.
      type: int
      returned: always
      sample: 150
    slack_channel:
      description: O(slack_channel); null if it is empty.
      type: str
      returned: always
      sample: C09MQGMFKDE
    ssh:
      description:
        - Settings of the ssh client that the other modules want to know; empty if the connection is
          not ssh.
      type: dict
      returned: always
      sample: {strict: ask, sends: [LANG, "LC_*"]}
    warning:
      description: What ssh does that a person should know, with a remedy; null if nothing.
      type: str
      returned: always
      sample: null
    done:
      description: Always V(true).
      type: bool
      returned: always
"""
