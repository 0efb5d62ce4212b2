# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.run_turn``; the module of that name documents it."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible_collections.dxansible.fleet.plugins.plugin_utils import (
    agents,
    finalize,
    session,
    turn,
    turn_verdict,
    verdict,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.attempt import (
    COMMON_SPEC,
    COMMON_VARIABLES,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import (
    ENDED,
    Keeper,
    ProgramMissingError,
    Reply,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.stream_reader import StreamReader
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn_choice import TurnChoice
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn_ends import found_by
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn_progress import (
    TurnProgress,
    turn_texts,
    turns_of,
)

_SPEC = {
    **COMMON_SPEC,
    "timeout": {"type": "float", "default": 7200.0},
    "idle_timeout": {"type": "float", "default": 1200.0},
    "session": {"type": "str", "default": ""},
    "mode": {
        "type": "str",
        "choices": ["start", "resume", "finalize", "follow"],
    },
    "turn": {"type": "int", "default": 0},
    "tail": {"type": "bool", "default": False},
    "agent": {"type": "str", "default": ""},
    "agents": {"type": "dict", "default": {}},
    "repo": {"type": "str", "default": ""},
    "dir": {"type": "str", "default": ""},
    "beads": {"type": "str", "default": ""},
    "base": {"type": "str", "default": ""},
    "draft": {"type": "bool", "default": False},
    "reviewers": {"type": "list", "elements": "str", "default": []},
    "summary": {"type": "str", "default": ""},
    "task_is_data": {"type": "bool", "default": False},
    "trail": {"type": "str", "default": ""},
    "claim_ends": {"type": "bool", "default": False},
    "queue": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": True},
    "task_socket": {"type": "str", "default": ""},
}

_VARIABLES = {
    **COMMON_VARIABLES,
    "timeout": "dx_session_timeout",
    "idle_timeout": "dx_idle_timeout",
    "output_limit": "dx_session_output_limit",
    "session": "dx_session",
    "agent": "dx_agent",
    "agents": "dx_agents",
    "repo": "dx_repo",
    "dir": "dx_dir",
    "beads": "dx_beads",
    "base": "dx_base",
    "draft": "dx_draft",
    "reviewers": "dx_reviewers",
    "summary": "dx_task_summary",
    "task_is_data": "dx_task_is_data",
    "trail": "dx_trail",
    "claim_ends": "dx_claim_ends",
    "queue": "dx_queue",
    "wait": "dx_wait",
    "task_socket": "dx_command_socket",
}

_OUTPUT_LIMIT = 32 * 2**20


class ActionModule(TurnChoice):
    """One try at a turn of an agent's session: starts it, waits for the one before, or follows it.

    It never gives an agent the same prompt twice.
    """

    spec: ClassVar = _SPEC
    variables: ClassVar = _VARIABLES
    kind: ClassVar = "turn"

    def _given(self) -> dict[str, Any]:
        given = super()._given()
        if "mode" not in given:
            further = "finalize" if self._variables.get("dx_finalize") else "resume"
            given["mode"] = further if given.get("session") else "start"
        return given

    def _progress(self) -> TurnProgress:
        name = self._id(self._arguments["session"], "session")
        return TurnProgress.of(name, self._task.register, self._variables)

    def _output_limit(self) -> int:
        return self._arguments["output_limit"] or max(2**20, _OUTPUT_LIMIT // self._hosts)

    def _step(self, progress: TurnProgress, record: dict[str, Any]) -> verdict.Verdict | None:
        keeper = Keeper(self._link)
        self._check_idle_timeout()
        try:
            if not progress.turn:
                decided = self._choose_turn(keeper, progress, record)
                if decided is not None or not progress.turn:
                    return decided
            with self._guard(4):
                reply = self._ask(keeper, progress)
        except ProgramMissingError as error:
            return self._missing(progress, error)
        except agents.AgentError as error:
            return turn_verdict.wrong_agent(self._host, str(error))
        progress.contacted = True
        if self._continuing and reply.token != progress.token:
            return self._overtaken(progress)
        return self._take(keeper, progress, record, reply)

    # the call

    def _ask(self, keeper: Keeper, progress: TurnProgress) -> Reply:
        waits = self._arguments["wait"]
        if progress.started or self._following:
            where = {"out": progress.out_next, "err": progress.err_next}
            hurry = self._crowded or progress.reader.get("_held")
            wait = (1 if hurry else 4) if waits else 0
            return keeper.poll(progress.key, {"wait": wait, **where})
        agent = self._agent(progress)
        if self._arguments["task_is_data"] and agent.runs_task:
            raise agents.AgentError(turn_verdict.runs_task(agent.name))
        options: dict[str, object] = {
            "token": progress.token,
            "meta": "yes",
            "need": agent.program,
            "deadline": self._deadline(),
            "idle": f"{self._idle_timeout:.3f}".rstrip("0").rstrip("."),
            "progress": agent.progress,
            "limit": self._limit,
            "path": ":".join(self._arguments["path"]),
            "wait": self._first_wait if waits else 0,
        }
        if not waits:
            options["chunk"] = 0
        return keeper.start(progress.key, self._script(progress, agent), options)

    def _script(self, progress: TurnProgress, agent: agents.Agent) -> bytes:
        try:
            task, verify = turn_texts(self._variables, self._arguments["task_socket"])
        except session.CommandError as error:
            raise AnsibleActionFail(str(error)) from error
        former, arguments = progress.meta, self._arguments
        if self._finalizing:
            return self._finalize(progress, task)
        native = former.get("native_id")
        resumed = bool(native and agent.resume)
        if native is None and agent.chosen_id:
            native = agents.chosen_id(progress.id)
        repo = former.get("repo") or arguments["repo"] or None
        directory = self._directory(progress)
        if repo and directory:
            raise AnsibleActionFail(
                "dx_dir and dx_repo can't be used together; a worktree has a directory of its own"
            )
        by_hand = not session.is_ours(progress.id) and directory is None
        beads = former.get("beads") or arguments["beads"] or None
        branch = f"dx/{beads or progress.id}"
        progress.limits = {"timeout": arguments["timeout"], "idle": arguments["idle_timeout"]}
        progress.meta = {
            "host": self._host,
            "agent": agent.name,
            "task": arguments["summary"],
            "repo": repo,
            "directory": directory,
            "beads": beads,
            "native_id": native,
            "trail": arguments["trail"],
            **progress.limits,
        }
        return turn.script(
            turn.Turn(
                session=progress.id,
                arguments=agent.resume if resumed else agent.start,
                prompt=agent.prompt_bytes(task),
                verify=verify,
                prompt_in_file=agent.prompt == "file",
                native_id=native,
                agent=agent.name,
                directory_of=agent.directory_of if by_hand else (),
                directory=directory,
                repo=repo,
                branch=branch,
                environment=agent.environment,
                meta={key: value for key, value in progress.meta.items() if value},
            )
        )

    def _finalize(self, progress: TurnProgress, message: bytes) -> bytes:
        former, arguments = progress.meta, self._arguments
        progress.limits = {"timeout": arguments["timeout"], "idle": 0.0}
        beads = former.get("beads") or arguments["beads"] or None
        names = ("host", "agent", "task", "repo", "directory", "native_id")
        kept = {key: former.get(key) for key in names}
        progress.meta = {**kept, "beads": beads, finalize.MARK: True, **progress.limits}
        return finalize.script(
            finalize.Finalize(
                session=progress.id,
                message=message,
                repo=former.get("repo"),
                base=arguments["base"],
                draft=arguments["draft"],
                reviewers=arguments["reviewers"],
                meta={key: value for key, value in progress.meta.items() if value},
            )
        )

    # the answer

    def _missing(self, progress: TurnProgress, error: ProgramMissingError) -> verdict.Verdict:
        agent = self._agent(progress)
        return verdict.Verdict(
            outcome="PREFLIGHT_FAILED",
            reason="agent_missing",
            error=f"{self._host}: there is no {agent.program} on the PATH that a session has there "
            f"({error.path}); install it, or add its directory to dx_path in the inventory",
        )

    def _overtaken(self, progress: TurnProgress) -> verdict.Verdict | None:
        if self._arguments["queue"]:
            progress.begin(0)
            return None
        return turn_verdict.busy(self._host, progress.id, ours_lost=True)

    def _take(
        self, keeper: Keeper, progress: TurnProgress, record: dict[str, Any], reply: Reply
    ) -> verdict.Verdict | None:
        progress.started = True
        agent = self._agent(progress)
        name = progress.meta.get("agent") or agent.name
        record |= {"turn": progress.turn, "agent": name, "meta": progress.meta}
        if not self._arguments["wait"] and not self._following:
            return turn_verdict.RUNNING
        reader = StreamReader.resume(agent, progress.reader)
        record["truncation"] = turn_verdict.missing(reply)
        record["cut"] = [reply.out_from - progress.out_next, reply.err_from - progress.err_next]
        record["text"] = _read(reader, progress, reply)
        nothing_new = not reply.out and not reply.err
        if not reply.complete:
            if nothing_new:
                record["text"] = _shown(reader.pause())
            progress.reader = reader.state()
            stop_here = not self._arguments["wait"] and nothing_new and reply.state not in ENDED
            if not stop_here:
                return None
            record["text"] += _shown(reader.close())
            record["result"] = found_by(reader, progress.meta)
            return turn_verdict.RUNNING
        record["text"] += _shown(reader.close())
        if self._following and self._advance(keeper, progress):
            return None
        record["result"] = found_by(reader, progress.meta)
        decided = turn_verdict.judge(self._host, agent, reply, reader, progress.limits)
        self._claim_end(keeper, progress, record, decided)
        return decided

    def _advance(self, keeper: Keeper, progress: TurnProgress) -> bool:
        """Go on to the next turn of a session that is followed; False if there is none."""
        if self._arguments["turn"]:
            return False
        with self._guard(0):
            known = turns_of(keeper.list(progress.id).sessions).get(progress.id, [])
        turns = finalize.without_refused(known)
        later = [(number, entry) for number, entry in turns if number > progress.turn]
        if not later:
            return False
        self._choose_followed(progress, later)
        progress.began = time.time()
        return True


def _read(reader: StreamReader, progress: TurnProgress, reply: Reply) -> list[list[str]]:
    gap = reader.skip() if reply.out_from > progress.out_next else ""
    reader.feed_error(reply.err)
    pieces = [["out", gap + reader.feed(reply.out)], ["err", reply.err.decode(errors="replace")]]
    progress.out_next = reply.out_from + len(reply.out)
    progress.err_next = reply.err_from + len(reply.err)
    return [piece for piece in pieces if piece[1]]


def _shown(text: str) -> list[list[str]]:
    return [["out", text]] if text else []
