# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of ``dxansible.fleet.run_turn``, which runs on the controller as an action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_turn
short_description: Hand a task to the coding agent of a host, and say truthfully what became of it
version_added: 0.2.0
description:
  - Starts a turn of an agent's session with the task in the variable C(dx_task), or follows one.
  - Follows it to its end; no agent gets the same task twice.
  - The host keeps the turn, its time limits and its output, so a lost connection loses nothing.
  - Succeeds only when the agent has ended with exit code 0 and has reported the end of its turn.
options:
  session:
    description: Id of the session. Needed unless O(preflight) makes one.
    type: str
    default: ""
  mode:
    description:
      - V(start) begins the session, V(resume) continues its conversation with a further turn, and
        V(follow) only watches.
      - V(finalize) is a turn without the agent. It commits what is left in the session's worktree
        with C(dx_task) as the message, pushes its branch, and opens a pull request through C(gh)
        where the host has that logged in, with C(dx_body) as its body.
      - Without it, V(start) where there is no O(session), V(finalize) where C(dx_finalize) is true,
        else V(resume).
    type: str
    choices: [start, resume, finalize, follow]
  turn:
    description: The turn to follow. V(0) follows all, from the first to the end of the last.
    type: int
    default: 0
  view:
    description:
      - What is shown of the agent's output. C(transcript) has its words, and a line for each tool;
        C(raw) is the output as the VM keeps it. When empty, all text of its events.
    type: str
    choices: ["", transcript, raw]
    default: ""
  tail:
    description: Whether to begin near the end of the output of a turn that is followed.
    type: bool
    default: false
  agent:
    description: Name of the agent. When empty, C(opencode). A session keeps the one it has.
    type: str
    default: ""
  repo:
    description:
      - A git repository on the host, of which the session gets a worktree and a branch of its own.
      - When empty, the agent works in O(dir), else in the home directory.
    type: str
    default: ""
  dir:
    description:
      - A directory on the host to work in, as it is; one that is relative, or begins with C(~/), is
        in the home directory. A session stays there.
      - For a conversation that was begun by hand, used instead of the one that it was begun in.
    type: str
    default: ""
  model:
    description:
      - Model that the agent is told to use. When empty, that of the session, or else the agent's
        own choice.
    type: str
    default: ""
  plan:
    description: Whether the agent is to work in its own read-only mode in this turn.
    type: bool
    default: false
  attach:
    description:
      - Files on the controller that the agent gets with the task, at most 10 MiB in all. The host
        keeps them with the turn, readable for its user alone.
      - A relative path begins where C(ansible-playbook) was started. With O(command_socket), the
        socket gives the files.
    type: list
    elements: path
    default: []
  beads:
    description: Id of the issue that the task belongs to; it names the branch.
    type: str
    default: ""
  claim:
    description:
      - Whether the session claims its issue, O(beads), on the remote C(origin) of O(repo), before
        the agent begins. A session that another one has replaced can't push any more.
      - A session keeps its claim, and renews it in each turn.
    type: bool
    default: false
  claim_lease:
    description: Seconds from the session's last sign of life, after which another session may take
      the claim over.
    type: float
    default: 14400.0
  claim_refs:
    description: Where the remote keeps claims. For a remote that takes no such refs,
      C(refs/heads/dx-claims).
    type: str
    default: refs/dx/claims
  base:
    description:
      - Branch that the pull request of V(finalize) goes to. When empty, the remote's default.
    type: str
    default: ""
  fork:
    description: Remote of a fork, to which V(finalize) pushes. When empty, C(origin).
    type: str
    default: ""
  labels:
    description: Labels of the pull request.
    type: list
    elements: str
    default: []
  draft:
    description: Whether the pull request is a draft.
    type: bool
    default: false
  reviewers:
    description: Who is asked to review it, users and teams as C(organization/team).
    type: list
    elements: str
    default: []
  summary:
    description: The task in one line without secrets, for listings.
    type: str
    default: ""
  task_is_data:
    description: Whether strangers may have written it, so that no agent may run it as a program.
    type: bool
    default: false
  trail:
    description: Id of the audit trail that is to be told of the turn's end. When empty, none.
    type: str
    default: ""
  on_limit:
    description:
      - What to do when the agent stops at a usage limit. V(wait) waits on the host until the limit
        resets and lets the agent go on in the same turn; V(fail) ends the turn.
      - The time of the wait does not count against O(timeout).
    type: str
    choices: [fail, wait]
    default: fail
  max_cost:
    description:
      - US dollars. A session that has cost as much, as its agent tells, takes no further task
        without a higher limit. V(0) keeps the session's limit, if it has one.
    type: float
    default: 0.0
  required:
    description:
      - Which of O(on_limit) and O(max_cost) the agent has to support; a task for another agent
        fails. The rest has no effect on an agent that does not tell its limit or its cost.
    type: list
    elements: str
    choices: [on_limit, max_cost]
    default: []
  queue:
    description: Whether to wait for a turn that is running, instead of failing.
    type: bool
    default: false
  wait:
    description: Whether to follow the turn to its end.
    type: bool
    default: true
  timeout:
    description: Seconds that the turn may take, enforced on the host. V(0) sets no limit.
    type: float
    default: 7200.0
  idle_timeout:
    description: Seconds that the agent may print nothing. V(0) sets no limit.
    type: float
    default: 1200.0
  output_limit:
    description: Bytes of each stream that the host keeps. V(0) is 32 MiB over all hosts.
    type: int
    default: 0
  command_socket:
    description:
      - Path of a Unix socket that gives the check and the task, byte for byte, instead of
        C(dx_verify) and C(dx_task).
    type: str
    default: ""
extends_documentation_fragment:
  - dxansible.fleet.controller
  - dxansible.fleet.agents
  - dxansible.fleet.agents.ends
  - dxansible.fleet.contact
  - dxansible.fleet.contact.work
attributes:
  check_mode:
    description: Starts nothing in check mode, and follows nothing.
    support: full
  idempotent:
    description: A session is begun once. A further task that begins it attaches, and has changed
      nothing.
    support: partial
    details: With O(mode=start) and O(preflight.run_id), or with O(mode=follow). Else each task is a
      further turn.
notes:
  - The variables for O(timeout), O(output_limit) and O(summary) are C(dx_session_timeout),
    C(dx_session_output_limit) and C(dx_task_summary). O(mode) and O(command_socket) have none.
  - C(dx_task), C(dx_verify) and C(dx_body) are never templates.
seealso:
  - module: dxansible.fleet.preflight
  - module: dxansible.fleet.list_sessions
author:
  - dxansible contributors (@dxansible)
"""

EXAMPLES = r"""
- name: Check the host, and hand over the task in dx_task
  dxansible.fleet.run_turn:
    preflight:
      id_prefix: ses
    agent: claude
    repo: ~/affordabot
  register: turn
"""

RETURN = r"""
msg:
  description: What happened and what to do.
  returned: always
  type: str
  sample: "epyc6: done"
rc:
  description: Exit code of the turn; null where it did not run to an exit of its own.
  returned: when the preflight has passed
  type: int
  sample: 0
dx:
  description:
    - What is known of the turn.
    - Beside what follows, C(ssh), C(preflight), C(limit), C(done), C(attempts), C(reason),
      C(error), C(evidence), C(exit_code), C(stop_verified), C(left_running) and C(duration_ms) are
      those of RV(dxansible.fleet.run_command#module:dx).
  returned: always
  type: dict
  contains:
    kind:
      description: Always V(turn).
      type: str
      returned: always
      sample: turn
    id:
      description: The session.
      type: str
      returned: always
      sample: ses_0123456789abcdef-9f86d081
    started:
      description: Whether the host has the task.
      type: bool
      returned: always
    turn:
      description: Number of the turn in its session; V(0) if it has none.
      type: int
      returned: always
      sample: 1
    starts_s:
      description: In how many seconds the host starts the turn.
      type: int
      returned: with O(start_at)
      sample: 7200
    agent:
      description: The session's agent.
      type: str
      returned: when the host has the task
      sample: opencode
    meta:
      description: What the host keeps of the turn for listings.
      type: dict
      returned: when the host has the task
    text:
      description: The end of the agent's work, as pairs of a stream and readable text.
      type: list
      elements: list
      returned: when something was read
    cut:
      description: How many bytes of both streams are missing before RV(dx.text).
      type: list
      elements: int
      returned: when something was read
    upto:
      description:
        - How many bytes of both streams were read, up to the end of RV(dx.text).
        - One more of standard output says that the turn has ended, and its text is complete.
      type: list
      elements: int
      returned: when something was read
    truncation:
      description:
        - Bytes of the turn that the host has not kept (C(stdout_bytes), C(stderr_bytes)), known
          once it has ended, and whether its disk was full (C(disk_full)), so that more is missing.
      type: dict
      returned: when something was read
    result:
      description:
        - The agent's last C(message) (empty where it ended without one), its own id of the
          conversation (C(native_id)), C(directory), C(branch), C(verify_exit_code), and what
          changed in the repository (C(commits), C(files), C(dirty), C(head)). Null is what the turn
          had not come to.
        - C(usage) has the tokens and the cost that the agent told, and C(resets_at) the time at
          which its usage limit resets, in seconds since 1970.
        - Of V(finalize) also C(push), with C(host), C(repository), C(fork), C(branch), C(base),
          C(head), C(gh) (V(used), V(absent), V(login), V(failed), V(no_labels), V(no_reviewers)),
          C(pull_request_origin) (V(created), V(found), V(merged)), C(url) of the pull request and
          C(note), the words of C(gh).
      type: dict
      returned: when the turn has ended
    ends:
      description:
        - Of each turn whose end was seen, what became of it, and whether this client is to tell it
          (C(claimed)), with the C(trail) that it belongs to and the C(thread) in which that is.
      type: list
      elements: dict
      returned: when O(claim_ends) and an end was seen
    outcome:
      description:
        - V(SUCCESS), V(FAILURE), V(TIMEOUT), V(ABORTED) or V(PREFLIGHT_FAILED); V(RUNNING) where
          the turn goes on and was not to be waited for.
      type: str
      returned: always
      sample: SUCCESS
    asks:
      description: Whether a success ends with a question in the agent's last message.
      type: bool
      returned: when the agent has ended by itself
"""
