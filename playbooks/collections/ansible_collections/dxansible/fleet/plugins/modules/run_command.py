# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of ``dxansible.fleet.run_command``, which runs on the controller as an action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_command
short_description: Run a shell command exactly once, and say truthfully what became of it
version_added: 0.1.0
description:
  - Starts the command under an id, unless the host has that id already, and follows it to its end.
  - The host keeps the command, its deadline and its output, so a lost connection loses nothing.
  - Output may be any bytes, of any amount. What is cut in its middle is counted.
  - Succeeds only when the command has ended with exit code 0.
options:
  cmd:
    description:
      - The command, for the shell of the host. A template like any other option; what must not be
        one belongs into the variable C(dx_command), which counts when this is empty.
    type: str
    default: ""
  id:
    description:
      - Id of the command's session on this host, as RV(dxansible.fleet.preflight#module:dx.id)
        gives it.
      - The same id never runs a command twice, and never another one than its first. Another
        text, or another O(path), is refused with the reason V(id_conflict).
      - Needed unless O(preflight) makes one.
    type: str
    default: ""
  timeout:
    description: Seconds that the command may take, enforced on the host. V(0) sets no limit.
    type: float
    default: 60.0
  output_limit:
    description: Bytes of each stream to keep. V(0) is 4 MiB, and less in a play with many hosts.
    type: int
    default: 0
  cwd:
    description:
      - Directory in which the command runs; V(~/) is the home directory on the host. When empty,
        the home directory. A command whose directory is not there does not run, and fails.
    type: str
    default: ""
  env:
    description: Variables of the command's environment, and their values.
    type: dict
    default: {}
  command_socket:
    description:
      - Path of a Unix socket that gives the command, byte for byte, instead of C(dx_command) and
        C(dx_stdin); a line of JSON comes first.
      - It has a C(summary) of the command, which the host keeps for listings, and the sizes in
        bytes of what the command reads on its standard input (C(stdin)) and of its C(text), which
        follow in this order. What is cut short never runs.
    type: str
    default: ""
  attach:
    description: Whether only to follow what was started under the id, and to start nothing.
    type: bool
    default: false
  may_have_arrived:
    description:
      - Whether an earlier run with this id may have reached the host, so that the command may be
        running there even if the host can't be reached now.
    type: bool
    default: false
  token:
    description:
      - Letters and digits that several runs of one caller have in common; one that finds what
        another of them has started has not attached to it. Each run has its own by default.
    type: str
    default: ""
extends_documentation_fragment:
  - dxansible.fleet.controller
  - dxansible.fleet.contact
  - dxansible.fleet.contact.work
attributes:
  check_mode:
    description: Runs nothing in check mode, and is skipped.
    support: full
  idempotent:
    description: The host runs a command once under an id. A further task attaches, and has changed
      nothing.
    support: partial
    details: With O(id) or O(preflight.run_id). Without them each task has an id of its own.
notes:
  - C(dx_command) and C(dx_stdin) are never templates. Their text reaches the host as it is written.
    They may be secrets of ansible-vault.
  - The command runs as C(ansible_user). The keyword C(become) is refused; use sudo in the command.
  - The keyword C(environment) is refused; export the variables in the command, or set O(path).
  - Many hosts are done faster by M(dxansible.fleet.fan_out), with these options.
seealso:
  - module: dxansible.fleet.preflight
  - module: dxansible.fleet.stop_command
author:
  - dxansible contributors (@dxansible)
"""

EXAMPLES = r"""
- name: Check the host, and run a command there
  dxansible.fleet.run_command:
    cmd: cd ~/affordabot && make deploy VERSION={{ version | quote }}
    preflight: {}
    timeout: 600
  register: deployed

- name: Run the command in dx_command, once, however often this is played
  dxansible.fleet.run_command:
    preflight:
      run_id: deploy_42
"""

RETURN = r"""
msg:
  description: What happened and what to do.
  returned: always
  type: str
  sample: "epyc6: exit code 2"
rc:
  description: Exit code of the command; null where it did not run to an exit of its own.
  returned: when not skipped
  type: int
  sample: 2
stdout:
  description: The command's output, bytes that are not UTF-8 replaced.
  returned: when the command has ended
  type: str
stderr:
  description: The command's error output, likewise.
  returned: when the command has ended
  type: str
stdout_lines:
  description: The lines of RV(stdout).
  returned: as stdout
  type: list
  elements: str
stderr_lines:
  description: The lines of RV(stderr).
  returned: as stderr
  type: list
  elements: str
truncated:
  description: Bytes of both streams that were cut.
  returned: when the command has ended
  type: int
  sample: 0
dx:
  description: What is known of the command.
  returned: always
  type: dict
  contains:
    kind:
      description: Always V(command).
      type: str
      returned: always
      sample: command
    id:
      description: The session's id.
      type: str
      returned: when not skipped
      sample: deploy_42-9f86d081
    ssh:
      description: Settings of the ssh client, for O(ssh) of a later task.
      type: dict
      returned: when not skipped
    preflight:
      description:
        - What the checks have found, as RV(dxansible.fleet.preflight#module:dx). When one has
          failed, RV(dx) itself is that.
        - Its RV(dxansible.fleet.preflight#module:dx.status) is null if the connection was lost.
      type: dict
      returned: with O(preflight)
    limit:
      description: Bytes of each stream that are kept.
      type: int
      returned: when not skipped
      sample: 4194304
    done:
      description: Always V(true), so C(until) may ask for it.
      type: bool
      returned: always
    starts_s:
      description: In how many seconds the host starts the command.
      type: int
      returned: with O(start_at)
      sample: 7200
    started:
      description: Whether the host has the command.
      type: bool
      returned: when not skipped
    attempts:
      description: Connection attempts.
      type: int
      returned: when not skipped
      sample: 1
    attached:
      description: Whether an earlier run has started the command under this id.
      type: bool
      returned: when the host has answered
    full:
      description:
        - Whether the host's disk was full, so that output is missing without being counted.
      type: bool
      returned: when the command has ended
    outcome:
      description: V(SUCCESS), V(FAILURE), V(TIMEOUT), V(ABORTED) or V(PREFLIGHT_FAILED).
      type: str
      returned: when not skipped
      sample: FAILURE
    reason:
      description: Why the outcome is what it is.
      type: str
      returned: when not skipped
      sample: exit_nonzero
    error:
      description: What happened and what to do; null on success.
      type: str
      returned: when not skipped
    evidence:
      description:
        - What the outcome was made from. V(told) by the VM; V(never_sent), as nothing has left the
          controller; V(refused) by the transport before anything was sent; V(lost), as work may
          have arrived and nobody has answered since; V(tool), a failure of the controller;
          V(service), the word of GitHub.
      type: str
      returned: when not skipped
      sample: told
    exit_code:
      description: As RV(rc).
      type: int
      returned: when not skipped
    stop_verified:
      description:
        - After a stop, whether no process of the command is left; null where nothing had to be
          stopped.
      type: bool
      returned: when not skipped
    left_running:
      description: Processes that the command left behind.
      type: int
      returned: when not skipped
    duration_ms:
      description: Milliseconds since the first attempt.
      type: int
      returned: when not skipped
      sample: 2340
"""
