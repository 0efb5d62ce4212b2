"""A history of sessions that race for the claim on one issue: a plan, played to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.dxansible.fleet.plugins.plugin_utils import claim, turn
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn import Trailer

from tests.simulation.claims.process import Ask, Crowd
from tests.simulation.claims.programs import PROGRAMS, Repository
from tests.simulation.claims.remote import Remote
from tests.simulation.claims.shell import Files, Input, Shell, Streams
from tests.simulation.claims.syntax import functions_of
from tests.simulation.loop import Chance, EndlessError, Loop
from tests.simulation.vm import EPOCH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulation.claims.process import Process, Steps


__all__ = ["CLAIM_REF", "SCRIPTS", "ClaimHistory", "Session", "Told", "functions"]

CLAIM_REF = f"{claim.REFS}/bd-1"
_HORIZON = 40 * 86400.0
_FILES = Path(turn.__file__).parents[2] / "files"
_TURN = """
__dx_enter_repo
[ -z "$issue" ] || __dx_keep_claim
dx_work
[ -z "$renewer" ] || __dx_end_claim
printf '\\n\\036dx-turn code=0\\n'
"""
"""What a turn does besides its agent's work."""
_FINALIZE = """
mkdir "$desk"
push_to=${fork:-origin}
__dx_let_git_ask_nothing
__dx_push
"""
"""What a finalize does once everything is committed."""
SCRIPTS = {"turn": _TURN, "finalize": _FINALIZE}
_VARIABLES = {
    "again": "then finalize again", "renewer": "", "left_out": "", "trouble": "", "tab": "\t",
}  # fmt: skip


@cache
def functions() -> dict[str, str]:
    """Return the functions of our scripts. Those that are `PROGRAMS` are never called."""
    names = ("script.sh", "git.sh", "claim.sh", "turn.sh", "finalize.sh")
    return {
        name: body
        for each in names
        for name, body in functions_of((_FILES / each).read_text()).items()
    }


@dataclass(slots=True)
class Told:
    """What a step of a session has told, and when it worked."""

    kind: str
    began: float
    ended: float | None = None
    killed: bool = False
    problem: str = ""
    """Empty for a success."""
    status: int | None = None
    worked: tuple[float, float] | None = None
    """When its agent began and ended; only of turns that got so far."""
    frozen: bool = False


@dataclass(slots=True)
class Session:
    """A session of the plan: its steps run one after another."""

    number: int
    plan: Mapping[str, Any]
    repository: Repository
    files: Files = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    crowds: list[Crowd] = field(default_factory=list)
    """The processes of each of its steps that has begun."""
    git_calls: int = 0

    @property
    def name(self) -> str:
        """The session's id."""
        return f"ses_{self.number:016x}-01234567"

    @property
    def tree(self) -> str:
        """Its worktree."""
        return f"/state/worktrees/{self.name}"


class ClaimHistory:
    """Plays a plan."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        """``plan`` is as in `plan_claims`."""
        self.plan = plan
        self.loop, self.chance = Loop(), Chance(int(plan["seed"]))
        self.remote = Remote(plan, self.loop, self.chance)
        self.objects: dict[str, str] = {}
        self.endless = False
        self._nonces = 0
        self.sessions = [
            Session(number, each, self._repository(number))
            for number, each in enumerate(plan["clients"], start=1)
        ]

    def play(self) -> ClaimHistory:
        """Play the plan to its end."""
        if "foreign" in self.plan:
            self.objects["foreign"] = "something else\n"
            self.remote.refs[CLAIM_REF] = "foreign"
        for each in self.sessions:
            self.loop.at(each.plan["at"], self._begin, each)
        try:
            self.loop.run(_HORIZON)
        except EndlessError:
            self.endless = True
        return self

    def wall(self, number: int) -> int:
        """Return the time of a session's machine, in seconds since 1970."""
        ahead = self.plan["clients"][number - 1].get("clock", 0.0)
        return int(EPOCH + self.loop.now + ahead)

    def _repository(self, number: int) -> Repository:
        def full() -> bool:
            return any(
                each["kind"] == "disk" and each["client"] == number
                and each["from"] <= self.loop.now < each["to"]
                for each in self.plan["faults"]
            )  # fmt: skip

        return Repository(number, self.remote, self.objects, full)

    def _begin(self, session: Session) -> None:
        """Begin the next step, if there is one."""
        number = len(session.told)
        steps = session.plan["steps"]
        if number == len(steps):
            return
        told = Told(steps[number]["kind"], self.loop.now)
        session.told.append(told)
        if told.kind == "finalize" and session.tree not in session.files:
            told.problem, told.status = "repo_unusable", 1
            self._end(session, told)
            return
        session.crowds.append(Crowd(self.loop))
        session.git_calls = 0
        out: list[str] = []
        shell = self._shell(session, told, steps[number])
        made = session.crowds[-1].spawn(self._steps(session, told, shell, out))
        shell.process, shell.main = made, str(made.pid)
        if "killed" in steps[number]:
            self.loop.after(steps[number]["killed"], self._kill, session, told, steps[number])

    def _steps(self, session: Session, told: Told, shell: Shell, out: list[str]) -> Steps:
        try:
            status: int = yield from shell.run(SCRIPTS[told.kind], Streams(Input(), out, []))
        except GeneratorExit:
            told.killed = True
            self.loop.after(0.0, self._end, session, told)
            raise
        trailer = Trailer.parse("".join(out).rpartition("\n\x1e")[2])
        told.status, told.problem = status, trailer.problem or ""
        self.loop.after(0.0, self._end, session, told)
        return status

    def _end(self, session: Session, told: Told) -> None:
        told.ended = self.loop.now
        steps = session.plan["steps"]
        if len(session.told) < len(steps):
            pause = steps[len(session.told)].get("pause", 0.0)
            self.loop.after(pause, self._begin, session)

    def _kill(self, session: Session, told: Told, step: Mapping[str, Any]) -> None:
        if told.ended is None:
            session.crowds[-1].kill(whole=step.get("whole", True))

    def variables(self, session: Session, step: int) -> dict[str, str]:
        """Return what a session's script begins with; ``step`` counts from 1."""
        wanted = claim.Claim(issue="bd-1", host=f"vm{session.number}", lease=session.plan["lease"])
        place = f"/state/sessions/{session.name}.{step}"
        return {
            **_VARIABLES, **claim.values_of(wanted), "held": f"refs/dx/held/{session.name}",
            "session": session.name, "dir": place, "desk": f"{place}/desk", "root": "/state",
            "tree": session.tree, "repo": "/project", "branch": session.plan["branch"],
            "fork": "mine" if self.plan.get("fork") else "",
        }  # fmt: skip

    def _shell(self, session: Session, told: Told, step: Mapping[str, Any]) -> Shell:
        variables = self.variables(session, len(session.told))
        session.files[variables["repo"]] = session.files[variables["dir"]] = None

        def work(*_arguments: object) -> Ask:
            return self._work(session, told, step)

        def make_worktree(shell: Shell, *_arguments: object) -> int:
            session.files[session.tree] = None
            shell.variables["tree"] = session.tree
            return 0

        def date(_shell: Shell, _words: list[str], streams: Streams) -> int:
            streams.out.append(f"{self.wall(session.number)}\n")
            return 0

        def git(_shell: Shell, words: list[str], streams: Streams) -> int | Ask:
            self._count(session, told)
            return session.repository.git(words, streams)

        own = {
            "git": git, "date": date, "nonce": self._nonce, "dx_work": work,
            "__dx_make_worktree": make_worktree,
        }  # fmt: skip
        return Shell(session.files, functions(), {**PROGRAMS, **own}, variables)

    def _nonce(self) -> str:
        self._nonces += 1
        return f"{self._nonces:024x}"

    def _work(self, session: Session, told: Told, step: Mapping[str, Any]) -> Ask:

        def begin(_process: Process, reply: Any) -> None:  # noqa: ANN401 - a callable
            told.worked = (self.loop.now, _HORIZON)
            session.repository.head = f"work{session.number}+{len(session.told)}"

            def end() -> None:
                told.worked = (told.worked[0] if told.worked else 0.0, self.loop.now)
                reply((0, "", ""))

            self.loop.after(step["seconds"], end)

        return Ask(begin)

    def _count(self, session: Session, told: Told) -> None:
        """Let a fault of this call of git befall the session."""
        session.git_calls += 1
        for each in self.plan["faults"]:
            if (
                each["kind"] != "freeze"
                or each["client"] != session.number
                or each["step"] != len(session.told)
                or each["git"] != session.git_calls
            ):
                continue
            told.frozen = True
            session.crowds[-1].freeze(each["seconds"])
