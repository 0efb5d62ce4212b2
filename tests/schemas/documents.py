"""What is printed: the shape of each document, and where a dict has other fields than its class.

The fields and their types are those of the classes that the documents are made from. The docstrings
are the descriptions in the schemas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

from dxansible.jules.model import JulesResult, Session
from dxansible.record import Changes, FanoutOutcome, Push
from dxansible.render.event_kinds import OutputEvent, Problem
from dxansible.results import (
    CleanResult,
    FanoutResult,
    HostMapping,
    PreflightResult,
    SessionInfo,
    TurnResult,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ADDED", "DOCUMENTS", "LEFT_OUT", "OPTIONAL", "OUTPUT"]


class CommandDocument(TypedDict):
    """Of `--exec`, `--rerun` and `--diff`, and of `--logs` and `--abort` of a command.

    `outcome` is null if the VMs start the command later.
    """

    outcome: FanoutOutcome | None
    exit_code: int
    results: list[FanoutResult]


class TurnsDocument(TypedDict):
    """Of a task for agents, and of `--logs` and `--abort` of an agent's session.

    `outcome` is null while a turn runs. `error` is there if `any:` found no free host.
    """

    outcome: FanoutOutcome | None
    exit_code: int
    results: list[TurnResult]
    error: NotRequired[Problem]


class Finalized(TurnResult):
    """The result of a finalize: a turn, and the address of the pull request."""

    pull_request: str | None


class PullRequestDocument(TypedDict):
    """Of `--finalize-pr`. `outcome` is null if the VM goes on with it."""

    outcome: FanoutOutcome | None
    exit_code: int
    results: list[Finalized]


class JulesDocument(TypedDict):
    """Of a task for Jules, and of all calls about one session of Jules.

    `outcome` is null while the session goes on.
    """

    outcome: FanoutOutcome | None
    exit_code: int
    results: list[JulesResult]


class HostsDocument(TypedDict):
    """Of `--list`, and of `--status` of hosts."""

    exit_code: int
    hosts: list[PreflightResult]


class SessionsDocument(TypedDict):
    """Of `--sessions`, and of `--status` of a command.

    `errors` has a text for each host that could not be asked.
    """

    exit_code: int
    sessions: list[SessionInfo]
    errors: dict[str, str]


class SessionDocument(TypedDict):
    """Of `--status` of an agent's session."""

    exit_code: int
    session: SessionInfo
    last_turn: TurnResult


class JulesSessionsDocument(TypedDict):
    """Of `--sessions --jules`."""

    exit_code: int
    sessions: list[Session]


class CleanDocument(TypedDict):
    """Of `--clean`."""

    exit_code: int
    dry_run: bool
    hosts: list[CleanResult]


class Engine(TypedDict):
    """A resident engine, and for how many seconds it has been running."""

    pid: int
    program: str
    seconds: int


class OpenDocument(TypedDict):
    """Of `--open`: the words of the command that opens the agent's own screen on a session."""

    exit_code: int
    host: str
    command: list[str]


class EnginesDocument(TypedDict):
    """Of `--engine status`, and of `--engine stop` with the engines that were ended."""

    exit_code: int
    engines: list[Engine]


class Node(TypedDict):
    """A node of Receptor; `error` says why nothing can go through it."""

    node: str
    usable: bool
    signed: bool
    answer_ms: int | None
    error: str | None


class NodesDocument(TypedDict):
    """Of `--nodes`."""

    exit_code: int
    nodes: list[Node]


class InitDocument(TypedDict):
    """Of `--init`: the path of the inventory, the names of its VMs, and the next command."""

    exit_code: int
    inventory: str
    vms: list[str]
    next: str


class CompletionDocument(TypedDict):
    """Of `--completion`: the script for the shell."""

    exit_code: int
    script: str


class RecordedHost(TypedDict):
    """A host of a recorded run. `outcome` is null if nobody saw its end."""

    host: str
    outcome: FanoutOutcome | None
    reason: str | None


class Run(TypedDict):
    """A recorded run. Times are seconds since 1970; `ended` is null until the end is known.

    `parent` is the run that this one repeats.
    """

    run_id: str
    began: float
    ended: float | None
    parent: str | None
    pattern: str
    inventory: str
    command_summary: str
    hosts: list[RecordedHost]


class RunsDocument(TypedDict):
    """Of `--runs`."""

    exit_code: int
    runs: list[Run]


class Request(TypedDict):
    """The request that Jules would get."""

    method: str
    url: str
    body: dict[str, object]


class DryRunDocument(TypedDict):
    """Of `--dry-run` of a task or a command. `invisible_characters` counts each.

    They are as `{"U+200B": 2}`. `one_of` is true for `any:`. `options` has those that are set.

    `request` is there if the task is for Jules.
    """

    exit_code: int
    dry_run: bool
    prompt: NotRequired[str]
    command: NotRequired[str]
    invisible_characters: dict[str, int]
    target: NotRequired[str]
    one_of: NotRequired[bool]
    hosts: NotRequired[list[HostMapping]]
    options: NotRequired[dict[str, object]]
    request: NotRequired[Request]


class ErrorDocument(TypedDict):
    """Of every call that has no result: it was refused, failed as a whole, or was interrupted."""

    exit_code: int
    error: Problem


DOCUMENTS = {
    "command": CommandDocument,
    "turns": TurnsDocument,
    "pull-request": PullRequestDocument,
    "jules": JulesDocument,
    "hosts": HostsDocument,
    "sessions": SessionsDocument,
    "session": SessionDocument,
    "jules-sessions": JulesSessionsDocument,
    "clean": CleanDocument,
    "open": OpenDocument,
    "engines": EnginesDocument,
    "nodes": NodesDocument,
    "init": InitDocument,
    "completion": CompletionDocument,
    "runs": RunsDocument,
    "dry-run": DryRunDocument,
    "error": ErrorDocument,
}
"""By the name of the schema's file."""

_State = Literal["running", "ended"]

OUTPUT = ("stdout", "stderr", "stdout_base64", "stderr_base64")
LEFT_OUT: Mapping[type, tuple[str, ...]] = {
    FanoutResult: ("stdout_bytes", "stderr_bytes"),
    JulesResult: ("session",),
}
"""Fields of a class that its dict does not have."""
ADDED: Mapping[type, Mapping[str, Any]] = {
    FanoutResult: dict.fromkeys(OUTPUT, str),
    TurnResult: {"state": Literal["running", "scheduled", "ended"]},
    Changes: {"no_changes": bool},
    Push: {"came": str | None},
    JulesResult: {
        "host": Literal["jules"],
        "session_id": str | None,
        "url": str | None,
        "jules_state": str | None,
        "state": _State,
        "title": str | None,
        "pull_request": str | None,
    },
}
"""Fields of a dict that its class does not have, or has otherwise."""
OPTIONAL: Mapping[type, tuple[str, ...]] = {
    FanoutResult: ("stdout_base64", "stderr_base64"),
    OutputEvent: ("base64",),
}
"""Fields that are there only if they have a value, which is not null."""
