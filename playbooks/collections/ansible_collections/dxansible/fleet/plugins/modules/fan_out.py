# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of ``dxansible.fleet.fan_out``, which runs on the controller as an action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fan_out
short_description: Do one thing on all hosts of a play, from one process
version_added: 0.2.0
description:
  - Does what O(operation) says on every host of the batch, each with its own variables, connection
    and result. At most C(forks) calls are under way at a time; with more hosts, each has its turn.
  - One process does it for all hosts, where Ansible forks one for each host and task.
  - Is to be used with C(run_once) and C(delegate_to=localhost). Under the strategies C(free) and
    C(host_pinned), which know no C(run_once), it is skipped; use the module of O(operation) there.
  - Fails no host, since a failed task with C(run_once) fails all. M(dxansible.fleet.host_result)
    fails the hosts that did not succeed.
options:
  operation:
    description:
      - What to do, by the name of the playbook that does it. The work is that of one of this
        collection's modules. M(dxansible.fleet.preflight) does V(check_hosts);
        M(dxansible.fleet.run_command) V(run_command) and V(follow_command);
        M(dxansible.fleet.run_turn) V(start_session) and V(follow_session);
        M(dxansible.fleet.stop_command) V(stop_command) and V(stop_session); and the modules of
        the same name V(list_sessions) and V(clean_sessions).
    type: str
    required: true
    choices: [check_hosts, clean_sessions, follow_command, follow_session, list_sessions,
      run_command, start_session, stop_command, stop_session]
  options:
    description:
      - Options of that module, the same for all hosts, beside those that the operation always has.
        Templates in them are those of the first host. What is left out comes from the variables
        of each host, as with the module.
    type: dict
    default: {}
  news:
    description:
      - Whether each try returns only what is new since the last one, in RV(dx.news), for programs
        that read the events of a task with C(until).
      - Else the first try goes on to the end of all hosts, and RV(dx.hosts) has their results.
    type: bool
    default: false
  command_socket:
    description: As O(dxansible.fleet.run_command#module:command_socket), read once for all hosts.
    type: str
    default: ""
  payload:
    description:
      - What O(command_socket) would give, in base64, for a caller on another machine.
    type: str
    default: ""
  flow_socket:
    description:
      - Path of a Unix socket that says how much of the output its reader has taken. The commands
        then wait for the reader rather than lose output.
    type: str
    default: ""
  page:
    description:
      - Bytes of output of all hosts, after which the runs of commands end where they are, for a
        caller that can say nothing to this one. Their last record has C(page_end), from where a
        further one goes on with C(dx_offsets); so long the commands wait. V(0) is no limit.
    type: int
    default: 0
  most_hosts:
    description:
      - Start nothing if the batch has more hosts than this; 0 is any number. Without O(news) the
        task fails then.
    type: int
    default: 0
  by_node:
    description:
      - Leave out the hosts that have a variable C(dx_node), other than V(local), and report them by
        node in the first of the O(news). Their caller has them contacted by these execution nodes.
    type: bool
    default: false
  patience:
    description:
      - Seconds after which a try returns without news, so that its caller knows that it goes on.
    type: float
    default: 3600.0
  slack_channel:
    description: The channel of the audit trail, only to be told with the names of the hosts.
    type: str
    default: ""
extends_documentation_fragment:
  - dxansible.fleet.controller
attributes:
  bypass_host_loop:
    description: Is run once for all hosts by the keyword C(run_once).
    support: none
  check_mode:
    description: Does in check mode what the module of O(operation) does.
    support: full
  idempotent:
    description: As the module of O(operation); it has changed something where one host has.
    support: partial
    details: For commands and turns with C(dx_run_id) or C(dx_session), or O(options) like them.
notes:
  - An option that the task leaves out is the variable C(dx_) with the option's name. O(operation)
    and O(options) have none.
  - A condition C(when) is asked of each host; where it is false nothing is done. Where it is false
    for the first host of the batch, Ansible skips the task for all.
  - The keywords C(become) and C(environment) are refused as the modules refuse them.
seealso:
  - module: dxansible.fleet.host_result
  - module: dxansible.fleet.run_command
author:
  - dxansible contributors (@dxansible)
"""

EXAMPLES = r"""
- name: Run the command in dx_command on all hosts at once
  dxansible.fleet.fan_out:
    operation: run_command
  run_once: true
  delegate_to: localhost
  register: fleet

- name: Give each host its own result
  dxansible.fleet.host_result:
    register: fleet
"""

RETURN = r"""
dx:
  description: What became of the hosts.
  returned: always
  type: dict
  contains:
    kind:
      description: V(fleet); in check mode, where nothing is done, the kind of a host's record.
      type: str
      returned: always
      sample: fleet
    done:
      description: Whether all hosts are done. While it is V(false), try again.
      type: bool
      returned: always
    failed:
      description: For each host that is done and did not succeed, why.
      type: dict
      returned: when not skipped
      sample: {epyc6: "epyc6: exit code 2"}
    hosts:
      description:
        - For each host, what the module of O(operation) would have returned, as its C(stdout),
          C(stderr), C(rc), C(msg) and C(dx).
      type: dict
      returned: when not O(news)
    news:
      description:
        - Records since the last try, in the order in which they came, each with its C(host) and
          C(kind), and C(done) in the last one of the host.
        - The first of all has the kind C(hosts), or C(too_many_hosts), and the names of all hosts.
          With O(by_node) it also has C(nodes), the hosts of each execution node.
          The others are those of the module of O(operation), or have the kind C(broken), with
          C(error) and the places in files (C(origins)) of a host whose variables Ansible can't use.
      type: list
      elements: dict
      returned: when O(news)
"""
