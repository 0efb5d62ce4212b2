"""Drives runs of hosts without Ansible: with answers that a test gives, or on a keeper."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_door import HostDoor
from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_run import (
    Ask,
    Crowd,
    HostRun,
    News,
    Pause,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.inputs import Inputs, Payload
from ansible_collections.dxansible.fleet.plugins.plugin_utils.machine import THIS_MACHINE, Machine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_run import Steps
    from ansible_collections.dxansible.fleet.plugins.plugin_utils.preflight import Preflight
    from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_errors import SshFailure
    from ansible_collections.dxansible.fleet.plugins.plugin_utils.stream_reader import StreamReader

__all__ = ["Played", "answered", "known_to", "make_run", "on_keeper", "play"]

T = TypeVar("T")


@dataclass
class Played:
    """What came of a run whose calls a test has answered."""

    result: dict[str, Any] = field(default_factory=dict)
    news: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    """Verb and arguments of each; options by name come last."""
    pauses: list[float] = field(default_factory=list)
    error: str | None = None
    """Why the run broke."""

    @property
    def record(self) -> dict[str, Any]:
        """The last one."""
        found: dict[str, Any] = self.result["dx"]
        return found

    @property
    def verbs(self) -> list[str]:
        """What was asked, in order."""
        return [call[0] for call in self.calls]


class _Told:
    """A keeper that answers what the test says; raises an exception, asks a function."""

    mark = "dx-test"

    def __init__(self, answers: list[Any], calls: list[tuple[Any, ...]]) -> None:
        self._answers, self._calls = answers, calls

    def __getattr__(self, verb: str) -> Any:  # noqa: ANN401 - any verb
        def call(*arguments: object, **options: object) -> Any:  # noqa: ANN401 - any answer
            self._calls.append((verb, *arguments, *([options] if options else [])))
            answer = self._answers.pop(0)
            if isinstance(answer, BaseException):
                raise answer
            return answer(*arguments) if callable(answer) else answer

        return call


class _Door(HostDoor):
    """No checks, and a connection that is there."""

    failure: SshFailure | None = None

    def __init__(self, keeper: Any) -> None:  # noqa: ANN401 - ours or the test's
        self.keeper, self.reached = keeper, False

    def check(self, options: Mapping[str, Any], seconds: float) -> Preflight:
        raise NotImplementedError

    def open(self, ssh: Mapping[str, Any], *, connect_timeout: float, batch_mode: bool) -> None:
        del ssh, connect_timeout, batch_mode

    def terminal(self) -> list[str]:
        return ["ssh", "-t", "epyc6"]


def make_run(  # noqa: PLR0913 - options by name
    kind: type[HostRun],
    given: Mapping[str, Any],
    variables: Mapping[str, Any] | None = None,
    crowd: Crowd | None = None,
    socket: str = "",
    *,
    machine: Machine = THIS_MACHINE,
) -> HostRun:
    """The run of a host whose task gives these options; the others have their defaults."""
    defaults = {name: facts.get("default") for name, facts in kind.spec.items()}
    inputs = Inputs(variables=variables or {}, payload=Payload(socket))
    options = defaults | dict(given)
    return kind("epyc6", options, inputs, crowd or Crowd(), _Door(None), machine=machine)


def play(run: HostRun, *answers: Any) -> Played:  # noqa: ANN401 - of any verb
    """Go through a run with one answer for each of its calls; all of them have to be used."""
    played, left = Played(), list(answers)
    door = _Door(_Told(left, played.calls))
    try:
        played.result = _drive(run.steps(), door, played)
    except (ValueError, LookupError) as error:
        played.error = str(error)
    assert left == [], "more answers than calls"
    return played


def answered(steps: Steps[T], *answers: Any) -> T:  # noqa: ANN401 - as above
    """What the steps return with one answer for each of their calls."""
    left = list(answers)
    found = _drive(steps, _Door(_Told(left, [])), Played())
    assert left == [], "more answers than calls"
    return found


def on_keeper(keeper: Any, steps: Steps[T]) -> T:  # noqa: ANN401 - ours
    """What the steps return, whose calls a keeper answers."""
    return _drive(steps, _Door(keeper), Played())


def _drive(steps: Steps[T], door: _Door, played: Played) -> T:
    answer: Any = None
    error: Exception | None = None
    while True:
        try:
            step = steps.send(answer) if error is None else steps.throw(error)
        except StopIteration as end:
            found: T = end.value
            return found
        answer = error = None
        match step:
            case News():
                played.news.append(step.record)
            case Pause():
                played.pauses.append(step.seconds)
            case Ask():
                try:
                    answer = step.make(door)
                except Exception as failure:  # noqa: BLE001 - the run's own business
                    error = failure


def known_to(reader: StreamReader) -> dict[str, Any]:
    """All that a reader of output knows, to compare it with another's."""
    found = {**vars(reader), "_decoder": reader._decoder.getstate(), "message": reader.message}
    del found["_message"], found["_agent"]
    return found
