# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Gives a task to an agent on a host, or follows a turn that was started earlier."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from . import agents, finalize, session, turn, turn_verdict, verdict
from .agent_record import AgentError
from .attempts import COMMON_SPEC, SLOWEST, seconds_text
from .claim import LEASE, META, REFS, Claim
from .keeper_listing import FINALIZE
from .keeper_reply import ProgramMissingError, Reply
from .start_once import send_start
from .states import ENDED, SessionState
from .stream_reader import StreamReader
from .transcript import VIEWS, ending
from .turn import Trailer
from .turn_choice import TurnChoice, TurnProgress
from .turn_ends import turn_facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .host_door import HostDoor
    from .host_run import Steps
    from .record import Verdict

_OUTPUT_LIMIT = 32 * 2**20
_MODEL = re.compile(r"(?!-)[^\s{}]{1,200}")
"""No option of the agent, and no placeholder."""


class TurnRun(TurnChoice):
    """Starts a turn of an agent session after the turn before has ended, or follows a turn.

    It never gives an agent the same prompt twice.
    """

    kind: ClassVar = "turn"
    starts_work: ClassVar = True
    of_fan: ClassVar = frozenset({"first_sent", "may_have_arrived", "sent_file", "shown", "token"})
    spec: ClassVar = {
        **COMMON_SPEC,
        "timeout": {"type": "float", "default": 7200.0, "variable": "dx_session_timeout"},
        "output_limit": {"type": "int", "default": 0, "variable": "dx_session_output_limit"},
        "idle_timeout": {"type": "float", "default": 1200.0, "variable": "dx_idle_timeout"},
        "session": {"type": "str", "default": "", "variable": "dx_session"},
        "mode": {"type": "str", "choices": ["start", "resume", "finalize", "follow"]},
        "turn": {"type": "int", "default": 0, "variable": "dx_turn"},
        "tail": {"type": "bool", "default": False, "variable": "dx_tail"},
        "view": {"type": "str", "choices": [*VIEWS], "default": "", "variable": "dx_view"},
        "agent": {"type": "str", "default": "", "variable": "dx_agent"},
        "agents": {"type": "dict", "default": {}, "variable": "dx_agents"},
        "repo": {"type": "str", "default": "", "variable": "dx_repo"},
        "dir": {"type": "str", "default": "", "variable": "dx_dir"},
        "model": {"type": "str", "default": "", "variable": "dx_model"},
        "plan": {"type": "bool", "default": False, "variable": "dx_plan"},
        "attach": {"type": "list", "elements": "path", "default": [], "variable": "dx_attach"},
        "beads": {"type": "str", "default": "", "variable": "dx_beads"},
        "claim": {"type": "bool", "default": False, "variable": "dx_claim"},
        "claim_lease": {"type": "float", "default": LEASE, "variable": "dx_claim_lease"},
        "claim_refs": {"type": "str", "default": REFS, "variable": "dx_claim_refs"},
        "base": {"type": "str", "default": "", "variable": "dx_base"},
        "fork": {"type": "str", "default": "", "variable": "dx_fork"},
        "labels": {"type": "list", "elements": "str", "default": [], "variable": "dx_labels"},
        "draft": {"type": "bool", "default": False, "variable": "dx_draft"},
        "reviewers": {"type": "list", "elements": "str", "default": [], "variable": "dx_reviewers"},
        "summary": {"type": "str", "default": "", "variable": "dx_task_summary"},
        "task_is_data": {"type": "bool", "default": False, "variable": "dx_task_is_data"},
        "trail": {"type": "str", "default": "", "variable": "dx_trail"},
        "claim_ends": {"type": "bool", "default": False, "variable": "dx_claim_ends"},
        "on_limit": {
            "type": "str",
            "choices": ["fail", "wait"],
            "default": "fail",
            "variable": "dx_on_limit",
        },
        "max_cost": {"type": "float", "default": 0.0, "variable": "dx_max_cost"},
        "required": {
            "type": "list",
            "elements": "str",
            "choices": ["on_limit", "max_cost"],
            "default": [],
            "variable": "dx_required",
        },
        "queue": {"type": "bool", "default": False, "variable": "dx_queue"},
        "wait": {"type": "bool", "default": True, "variable": "dx_wait"},
        "shown": {"type": "dict", "default": {}, "variable": "dx_shown"},
    }

    _late = False
    """The VM said last that the turn starts later."""

    def output_limit(self) -> int:
        """Bytes of each stream that the VM keeps."""
        return self.options["output_limit"] or max(2**20, _OUTPUT_LIMIT // self.crowd.hosts)

    def step(self, record: dict[str, Any]) -> Steps[Verdict | None]:
        """Choose the turn, start it, or ask for news of it."""
        try:
            return (yield from self._advance(record))
        except ProgramMissingError as error:
            return turn_verdict.no_program(self.host, self.agent.program, error.path)
        except AgentError as error:
            return turn_verdict.wrong_agent(self.host, str(error), self.progress.joined)
        finally:
            record.setdefault("turn", self.progress.turn)

    def _advance(self, record: dict[str, Any]) -> Steps[Verdict | None]:
        progress = self.progress
        if not progress.turn:
            decided = yield from self.choose_turn(record)
            if decided is not None or not progress.turn:
                return decided
        reply = yield from self._ask()
        if (unrecorded := self.heard(reply)) is not None:
            return unrecorded
        if self.continuing and not progress.started_by_us:
            return self._overtaken()
        self._describe(record)
        if reply.state == SessionState.SCHEDULED:
            self._late = True
            return self.scheduled(record, reply, follows=self.options["wait"])
        if self._late and self.following:
            yield from self.note_start()
        self._late = False
        return (yield from self._take(record, reply))

    # the call

    @property
    def _waits(self) -> bool:
        """Whether to wait for the turn's end, or for the claim, which comes before the agent."""
        claims = self.progress.meta.get(META) and not (self.finalizing or self.following)
        return bool(self.options["wait"] or claims)

    def _ask(self) -> Steps[Reply]:
        progress, waits = self.progress, self._waits
        yield from self.until_start()
        if progress.started or self.following:
            return (yield from self._poll())
        agent = self.agent
        if self.options["task_is_data"] and agent.runs_task:
            raise AgentError(turn_verdict.runs_task(agent.name))
        options: dict[str, object] = {
            "meta": "yes",
            "need": agent.program,
            "idle": seconds_text(self.idle_timeout),
            "progress": agent.progress,
        }
        script = self._script(agent)
        if not waits:
            options |= {"wait": 0, "chunk": 0}

        def start(door: HostDoor) -> Reply:
            return door.keeper.start(progress.key, script, {**self.start_options(), **options})

        reply = yield from send_start(self, progress.key, 4 + len(script) / SLOWEST, start)
        return (yield from self._poll()) if reply is None else reply

    def _poll(self) -> Steps[Reply]:
        progress = self.progress
        hurry = progress.reader is not None and progress.reader.holds_newline
        wait = (1 if hurry else self.patience) if self._waits else 0
        asked = {"wait": wait, "out": progress.out_next, "err": progress.err_next}
        return (yield from self.poll(4, progress.key, asked))

    def _script(self, agent: agents.Agent) -> bytes:
        if self.finalizing:
            return self._finalize(*self.inputs.turn_texts("dx_body"))
        task, verify = self.inputs.turn_texts("dx_verify")
        progress, former, options = self.progress, self.progress.meta, self.options
        native = former.get("native_id")
        resumed = bool(native and agent.resume)
        if native is None and agent.chosen_id:
            native = agents.chosen_id(progress.id)
        repo = former.get("repo") or options["repo"] or None
        directory = self.directory
        if repo and directory:
            raise ValueError(
                "dx_dir and dx_repo can't be used together; a worktree has a directory of its own"
            )
        ours = session.is_ours(progress.id)  # what began by hand never begins again
        beads = former.get("beads") or options["beads"] or None
        claim = Claim.of_session(self.host, beads, former, options) if repo else None
        model = self._model(former)
        attachments = self.inputs.attachments(options["attach"])
        made = {"plan": options["plan"], "model": bool(model), "attached": bool(attachments)}
        command = agent.command(resumed=resumed, **made)
        waits_for_limit = options["on_limit"] == "wait"
        if waits_for_limit and not agent.usage_limit:
            if "on_limit" in options["required"]:
                raise AgentError(turn_verdict.tells_no_limit(agent.name))
            waits_for_limit = False
        progress.limits = {"timeout": options["timeout"], "idle": options["idle_timeout"]}
        progress.meta = {
            "host": self.host,
            "agent": agent.name,
            "task": options["summary"],
            "repo": repo,
            "directory": directory,
            "beads": beads,
            "model": model,
            "native_id": native,
            "trail": options["trail"],
            META: claim.meta() if claim else None,
            "max_cost": self.max_cost(former),
            **progress.limits,
        }
        return turn.script(
            turn.Turn(
                session=progress.id,
                arguments=command,
                resumed=resumed,
                **agent.commands_after_limit(**made) | ({} if ours else {"restart": ()}),
                rules=agent.usage_rules,
                on_limit="wait" if waits_for_limit else "",
                attachments=attachments,
                names_files=not agent.runs_task,
                model=model,
                prompt=agent.prompt_bytes(task),
                verify=verify,
                prompt_in_file=agent.prompt == "file",
                native_id=native,
                agent=agent.name,
                directory_of=() if ours or directory else agent.directory_of,
                directory=directory,
                repo=repo,
                branch=f"dx/{beads or progress.id}",
                claim=claim,
                environment={
                    **agent.environment,
                    **(agent.plan_environment if options["plan"] else {}),
                },
                meta={key: value for key, value in progress.meta.items() if value},
            )
        )

    def _model(self, former: Mapping[str, Any]) -> str:
        """The chosen model; a session keeps it. Raises AgentError."""
        chosen = self.options["model"]
        if chosen and not (_MODEL.fullmatch(chosen) and chosen.isprintable()):
            raise AgentError(
                f"{chosen!r} can't be a model; give one printable word, as --model NAME"
            )
        return str(chosen or former.get("model") or "")

    def _finalize(self, message: bytes, body: bytes) -> bytes:
        progress, former, options = self.progress, self.progress.meta, self.options
        progress.limits = {"timeout": options["timeout"], "idle": 0.0}
        beads = former.get("beads") or options["beads"] or None
        names = (
            *("host", "agent", "task", "repo", "directory", "model", "native_id", "max_cost"),
            META,
        )
        kept = {key: former.get(key) for key in names}
        claim = Claim.of_session(self.host, former.get("beads"), former, {"claim": False})
        progress.meta = {**kept, "beads": beads, FINALIZE: True, **progress.limits}
        return finalize.script(
            finalize.Finalize(
                session=progress.id,
                message=message,
                body=body,
                repo=former.get("repo"),
                base=options["base"],
                claim=claim,
                fork=options["fork"],
                labels=options["labels"],
                draft=options["draft"],
                reviewers=options["reviewers"],
                meta={key: value for key, value in progress.meta.items() if value},
            )
        )

    # the answer

    def _overtaken(self) -> Verdict | None:
        if self.options["queue"]:
            self.progress.begin(0)
            self.progress.first_sent = None  # the next turn has another id
            return None
        return turn_verdict.busy(self.host, self.progress.id)

    def _describe(self, record: dict[str, Any]) -> None:
        progress = self.progress
        name = progress.meta.get("agent") or self.agent.name
        record |= {"turn": progress.turn, "agent": name, "meta": progress.meta}

    def _take(self, record: dict[str, Any], reply: Reply) -> Steps[Verdict | None]:
        progress, agent, waits = self.progress, self.agent, self._waits
        progress.started = True
        if not waits and not self.following:
            return verdict.RUNNING
        if self.following:
            record |= {"began": progress.times[0], "ended": progress.times[1]}
        reader = progress.reader = progress.reader or StreamReader(agent, self.options["view"])
        record["truncation"] = reply.truncation
        record["cut"] = _cut(progress, reply)
        record["text"] = _read(reader, progress, reply)
        if not (self.options["wait"] or self.following or reply.complete) and _begun(reader):
            record["text"] = []
            return verdict.RUNNING
        nothing_new = not reply.out and not reply.err
        if not reply.complete:
            if nothing_new:
                record["text"] = _news(progress, reader.pause())
            record["upto"] = [progress.out_next - reader.holds_newline, progress.err_next]
            if waits or not nothing_new or reply.state in ENDED:
                return None
            record["text"] += _news(progress, reader.close())
            record["result"] = turn_facts(reader, progress.meta, reply)
            return verdict.RUNNING
        text = reader.close()
        decided = turn_verdict.judge(self.host, agent, reply, reader, progress.limits)
        record["text"] += _news(progress, text + ending(decided, self.options["view"]))
        record["upto"] = [progress.out_next + 1, progress.err_next]  # beyond the end: closed
        if self.following and (yield from self.go_on()):
            progress.began = self.machine.now()
            return None
        record["result"] = turn_facts(reader, progress.meta, reply)
        yield from self.claim_end(record, decided)
        return decided


def _begun(reader: StreamReader) -> bool:
    """Whether the script has said that the agent begins: it has its claim."""
    said = Trailer.parse(reader.trailer)
    return said.directory is not None and said.problem is None


def _cut(progress: TurnProgress, reply: Reply) -> list[int]:
    """The bytes of both streams that are missing before the reply, and were never shown."""
    out, err = progress.shown
    asked = max(out, progress.out_next), max(err, progress.err_next)
    return [max(0, reply.out_from - asked[0]), max(0, reply.err_from - asked[1])]


def _read(reader: StreamReader, progress: TurnProgress, reply: Reply) -> list[list[str]]:
    """Read the reply. Returns the text after the bytes that an earlier run has shown."""
    gap = reader.skip() if reply.out_from > progress.out_next else ""
    old_out, old_err = (
        progress.shown[0] - reply.out_from,
        max(0, progress.shown[1] - reply.err_from),
    )
    if old_out > 0:
        reader.feed(reply.out[:old_out])
        gap = ""
        if old_out <= len(reply.out):
            reader.pause()  # the newline before the position was shown, not held back
    reader.feed_error(reply.err)
    out, err = reply.out[max(0, old_out) :], reply.err[old_err:]
    pieces = [["out", gap + reader.feed(out)], ["err", err.decode(errors="replace")]]
    progress.out_next, progress.err_next = reply.out_upto, reply.err_upto
    return [piece for piece in pieces if piece[1]]


def _news(progress: TurnProgress, text: str) -> list[list[str]]:
    """The text for the record; none while the output is what an earlier run has shown."""
    return [["out", text]] if text and progress.out_next >= progress.shown[0] else []
