"""A client: drives the product's run of a host on virtual time, as `fan` does on real time."""

from __future__ import annotations

import json
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

from ansible_collections.dxansible.fleet.plugins.plugin_utils import first_sent, session
from ansible_collections.dxansible.fleet.plugins.plugin_utils.checks import CheckFailure
from ansible_collections.dxansible.fleet.plugins.plugin_utils.clean_run import CleanRun
from ansible_collections.dxansible.fleet.plugins.plugin_utils.command_run import CommandRun
from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_run import (
    Ask,
    Crowd,
    News,
    Pause,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.inputs import Inputs, Payload
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import Keeper
from ansible_collections.dxansible.fleet.plugins.plugin_utils.link import (
    CallTimeoutError,
    LinkError,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.list_run import ListRun
from ansible_collections.dxansible.fleet.plugins.plugin_utils.machine import Machine
from ansible_collections.dxansible.fleet.plugins.plugin_utils.record import PreflightStatus
from ansible_collections.dxansible.fleet.plugins.plugin_utils.stop_run import StopRun
from ansible_collections.dxansible.fleet.plugins.plugin_utils.verdict import STATUS

from tests.simulation.network import failure_of
from tests.simulation.vm import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_run import HostRun

    from tests.simulation.history import History
    from tests.simulation.network import Answer
    from tests.simulation.process import Work

__all__ = ["HOST", "Client", "ClientMachine", "session_of"]

HOST = "epyc6"
_KINDS: Mapping[str, type[HostRun]] = {
    "run": CommandRun,
    "follow": CommandRun,
    "stop": StopRun,
    "list": ListRun,
    "clean": CleanRun,
}


@cache
def _defaults(run: type[HostRun]) -> Mapping[str, Any]:
    return {name: facts.get("default") for name, facts in run.spec.items()}


def session_of(name: str, host: str = HOST) -> str:
    """Return the session's id of a run on a host."""
    return session.session_id(f"cmd_{name}", host)


class _PendingError(BaseException):
    """A call has to wait for its answer; then all of it is made again, with that answer."""

    def __init__(self, command: str, data: bytes) -> None:
        super().__init__()
        self.command, self.data = command, data


class ClientMachine(Machine):
    """The machine of a client or of a whole call. Its clock stands still while a call is made."""

    def __init__(self, history: History, number: int = 0, machine: int = 0) -> None:
        """``number`` tells the client's tokens from others'. Clients may share a ``machine``."""
        self._history, self._number, self._machine = history, number, machine
        self.held: float | None = None
        self._count = 0

    def now(self) -> float:
        return 1e6 + (self._history.loop.now if self.held is None else self.held)

    def wall(self) -> float:
        return EPOCH + self.now() - 1e6 + self._history.wall_offset

    def boot(self) -> str:
        return f"machine-{self._machine}"

    def token(self, size: int) -> str:
        self._count += 1
        return f"{self._number * 1000000 + self._count:0{2 * size}x}"

    def spread(self, low: float, high: float) -> float:
        return self._history.chance.between(low, high)


class _Door:
    """The client's door to its host, without Ansible."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.keeper = Keeper(self, client.machine)
        self.reached = self.answered = False
        self.failure: Any = None
        self.answers: list[Answer] = []
        self.position = 0

    def check(self, options: Mapping[str, Any], seconds: float) -> SimpleNamespace:
        del seconds
        client, failure = self._client, None
        host = client.history.host
        trouble = client.history.network.trouble(client.number) if options["checks"] else None
        if trouble in {"dns", "refused", "off"}:
            failure = CheckFailure(STATUS[failure_of(trouble).failure], f"{host}: {trouble}")
        record: dict[str, Any] = {
            "kind": "preflight", "id": session.session_id(options["run_id"], host),
            "status": str(failure.status if failure else PreflightStatus.OK),
            "error": failure and failure.text, "ssh": {}, "duration_ms": 1,
        }  # fmt: skip
        return SimpleNamespace(failure=failure, record=record)

    def open(self, ssh: Mapping[str, Any], *, connect_timeout: float, batch_mode: bool) -> None:
        """Do nothing."""

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, *, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        del sudoable
        if self.position == len(self.answers):
            raise _PendingError(cmd, in_data or b"")
        answer = self.answers[self.position]
        self.position += 1
        if isinstance(answer, Exception):
            if isinstance(answer, LinkError):
                self.failure = answer.failure
            raise answer
        self.failure, self.answered = None, True
        self.reached |= 0 <= answer[0] < 255
        return answer


class Client:
    """One client of the plan, and what it has told."""

    kinds: ClassVar[Mapping[str, type[HostRun]]] = _KINDS

    def __init__(self, history: History, plan: Mapping[str, Any], number: int) -> None:
        """``plan`` is an entry of the plan's ``clients``."""
        self.history, self.plan, self.number = history, plan, number
        self.machine = ClientMachine(history, number, plan.get("machine", 0))
        self.news: list[dict[str, Any]] = []
        self.result: dict[str, Any] | None = None
        """The task's result; None while the run goes on, or if it was killed."""
        self.broken: BaseException | None = None
        self.ended: float | None = None
        self.killed = False
        self.token = str(plan.get("token") or "")
        self._steps: Any = None
        self._door: Any = None
        self._asked: Ask[Any] | None = None
        self._turn = 0

    @property
    def reached(self) -> bool:
        """Whether the VM has answered a call."""
        return self._door is not None and bool(self._door.answered)

    @property
    def record(self) -> dict[str, Any]:
        """The last record of the run."""
        return dict((self.result or {}).get("dx", {}))

    def begin(self) -> None:
        """Begin the run."""
        plan, kind = self.plan, str(self.plan["kind"])
        again = plan.get("again")
        if again and not self.history.clients[again - 1].killed:
            self.killed = True  # there is nothing to go on with
            self._end()
            return
        self.token = self.token or self.machine.token(8)
        self._door = _Door(self)
        run = self.kinds[kind]
        options = {**_defaults(run), **self._options(kind)}
        inputs = Inputs(payload=Payload(data=self._payload()))
        crowd = Crowd(hosts=plan.get("hosts", 1), width=plan.get("width", 1))
        made = run(self.history.host, options, inputs, crowd, self._door, machine=self.machine)
        self._steps = made.steps()
        self._advance(lambda: next(self._steps))

    @property
    def works(self) -> list[Work]:
        """The truth of what the client is about."""
        return self.history.vm.truth.get(
            session_of(self.plan.get("name", ""), self.history.host), []
        )

    def _payload(self) -> bytes:
        if self.plan.get("command") is None:
            return b""
        text = b"run %d" % self.plan["command"]
        head = {"summary": None, "stdin": 0, "text": len(text)}
        return json.dumps(head).encode() + b"\n" + text

    def _options(self, kind: str) -> dict[str, Any]:
        plan, options = self.plan, dict[str, Any]()
        if kind in {"run", "follow"}:
            options = {
                "timeout": float(plan.get("timeout", 60.0)), "attach": kind == "follow",
                "max_retries": plan.get("retries", 1), "stream": bool(plan.get("stream")),
                "when_back": float(plan.get("when_back", 0.0)), "token": self.token,
                "output_limit": plan.get("output_limit", 0),
            }  # fmt: skip
            if plan.get("start_in"):
                options["start_at"] = self.machine.wall() + plan["start_in"]
            if plan.get("again"):
                began = self.history.clients[plan["again"] - 1].first_began
                stamp = first_sent.stamp(began, self.history.clients[plan["again"] - 1].machine)
                options |= {"may_have_arrived": True, "first_sent": stamp}
        if kind in {"list", "clean"}:
            return options
        if plan.get("preflight"):
            checks = kind == "run" and not plan.get("again")
            options["preflight"] = {"run_id": f"cmd_{plan['name']}", "checks": checks}
        else:
            options["id"] = session_of(plan["name"], self.history.host)
        return options

    @property
    def first_began(self) -> float:
        """When the first of the runs began that this one continues, by its machine's clock."""
        again = self.plan.get("again")
        return (
            self.history.clients[again - 1].first_began if again else 1e6 + float(self.plan["at"])
        )

    def kill(self) -> None:
        """End the client at once; it tells nothing more."""
        if self.ended is None:
            self.killed, self._asked = True, None
            self._turn += 1
            self._end()

    def _end(self) -> None:
        self.ended = self.history.loop.now
        self.history.client_ended()

    def _advance(self, move: Callable[[], Ask[Any] | Pause | News]) -> None:
        self.machine.held = None
        while True:
            try:
                step = move()
            except StopIteration as end:
                self.result = end.value
                self._end()
                return
            except Exception as error:  # noqa: BLE001 - the judge says what may be raised
                self.broken = error
                self._end()
                return
            move = self._steps.__next__
            if isinstance(step, News):
                self.news.append(step.record)
            elif isinstance(step, Pause):
                self._turn += 1
                self.history.loop.after(step.seconds, self._go_on, self._turn)
                return
            else:
                self._ask(step)
                return

    def _go_on(self, turn: int) -> None:
        if turn == self._turn:
            self._advance(self._steps.__next__)

    def _ask(self, step: Ask[Any]) -> None:
        self._asked = step
        self._turn += 1
        self._door.answers = []
        self.machine.held = self.history.loop.now
        self.history.loop.after(step.seconds, self._give_up, self._turn)
        self._make(step)

    def _make(self, step: Ask[Any]) -> None:
        door, machine = self._door, self.machine
        door.position, count = 0, machine._count
        try:
            answer = step.make(door)
        except _PendingError as pending:
            machine._count = count
            turn = self._turn
            self.history.network.send(
                self.number, pending.command, pending.data, lambda found: self._hear(turn, found)
            )
            return
        except Exception as error:  # noqa: BLE001 - passed on to the run
            failure = error
            self._asked = None
            self._advance(lambda: self._steps.throw(failure))
            return
        self._asked = None
        self._advance(lambda: self._steps.send(answer))

    def _hear(self, turn: int, answer: Answer) -> None:
        if turn == self._turn and self._asked is not None:
            self._door.answers.append(answer)
            self._make(self._asked)

    def _give_up(self, turn: int) -> None:
        if turn == self._turn and self._asked is not None:
            self._asked = None
            self._turn += 1
            self._advance(lambda: self._steps.throw(CallTimeoutError()))
