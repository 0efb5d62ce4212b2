"""The tools: what an agent reads about each of them, and which arguments each accepts."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from dxansible.errors import UsageError
from dxansible.parameters import TIMEOUT
from dxansible.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dxansible.cli.table import Options
    from dxansible.mcp.work import Work

__all__ = [
    "COMMAND_SECONDS",
    "INSTRUCTIONS",
    "MOST_BYTES",
    "MOST_SECONDS",
    "MOST_SESSIONS",
    "TOOLS",
    "Tool",
    "check_arguments",
]

MOST_SECONDS = 20
"""A call returns within this time."""
MOST_BYTES = 16_000
"""Bytes of each stream in an answer, all hosts together, unless the call says otherwise."""
MOST_SESSIONS = 25
COMMAND_SECONDS = TIMEOUT.default

INSTRUCTIONS = (
    "Runs commands, and hands tasks to coding agents, on a fleet of machines. Every call returns "
    f"within {MOST_SECONDS} s; work with state=running continues: see logs with its id; after "
    "state=unknown call again. Never repeat work because there was no answer: use the same run_id."
)

_SAY_NAMES_ONLY = {"required", "additionalProperties"}
_RULES = {
    "type": "has to be of the type {}",
    "enum": "has to be one of {}",
    "minimum": "has to be at least {}",
    "exclusiveMinimum": "has to be above {}",
    "maximum": "has to be at most {}",
}
"""What a value has to be, by the word of the schema."""
_TEXT: Mapping[str, Any] = {"type": "string"}
_FLAG: Mapping[str, Any] = {"type": "boolean"}
_TARGET = {"type": "string", "description": "Host, group or Ansible pattern"}
_RUN_ID = {
    "type": "string",
    "description": "Your own id (letters, digits, _); repeating the call with it attaches",
}
_WAIT = {
    "type": "number",
    "minimum": 0,
    "maximum": MOST_SECONDS,
    "description": "Seconds to wait for the end",
}
_LIMIT = {
    "type": "integer",
    "minimum": 0,
    "maximum": 200_000,
    "description": f"Bytes of output; default {MOST_BYTES}",
}
_SECONDS = {"type": "number", "exclusiveMinimum": 0}


class Tool(Value):
    """One tool: its name, its arguments, and hints for the client."""

    name: str
    call: str
    """Its function, by module and name, as the command line's modes have theirs."""
    description: str
    properties: Mapping[str, Mapping[str, Any]]
    required: tuple[str, ...] = ()
    reads: bool = False
    """It changes nothing."""
    destroys: bool = False
    repeatable: bool = False
    """The same call again has no further effect."""
    asks: bool = False
    """A person may have to agree first."""

    def begin(self, options: Options, given: Mapping[str, Any], *, agreed: bool) -> Work:
        """Return the work of a call, which has not begun; loads only its module.

        Raises UsageError.
        """
        module, _, function = self.call.partition(".")
        call = getattr(import_module(f"dxansible.mcp.{module}"), function)
        work: Work = call(options, given, **({"agreed": agreed} if self.asks else {}))
        return work

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its arguments."""
        schema: dict[str, Any] = {
            "type": "object",
            "properties": dict(self.properties),
            "additionalProperties": False,
        }
        return schema | ({"required": list(self.required)} if self.required else {})


_ALL = (
    Tool(
        name="hosts",
        call="inquiries.list_hosts",
        description="The machines with live health, agent, load, capabilities (= groups).",
        properties={"target": _TARGET},
        reads=True,
        repeatable=True,
    ),
    Tool(
        name="exec",
        call="commands.execute",
        description="Run a shell command on the target. Returns the outcome of each host with the "
        "head and tail of its output, or state=running after `wait` (default: the most).",
        properties={
            "target": _TARGET,
            "command": _TEXT,
            "timeout": {
                **_SECONDS,
                "description": f"Seconds, enforced on the host; default {COMMAND_SECONDS:g}",
            },
            "cwd": _TEXT,
            "env": {"type": "object", "additionalProperties": _TEXT},
            "run_id": _RUN_ID,
            "wait": _WAIT,
            "limit": _LIMIT,
        },
        required=("target", "command"),
        destroys=True,
        asks=True,
    ),
    Tool(
        name="dispatch",
        call="turns.dispatch",
        description="Hand a task to the coding agent of the target, as a new session. Returns its "
        "id once the machine has the task.",
        properties={
            "target": {"type": "string", "description": "As for exec; any:PATTERN is a free host"},
            "task": {"type": "string", "description": "All that the agent is told"},
            "repo": {
                "type": "string",
                "description": "Git repository on the host; the session gets a worktree and branch",
            },
            "dir": {"type": "string", "description": "Instead of repo: a directory as it is"},
            "agent": _TEXT,
            "model": _TEXT,
            "plan": {"type": "boolean", "description": "Use the agent's read-only mode"},
            "attach": {
                "type": "array",
                "items": _TEXT,
                "description": "Paths of files on this machine to send with the task",
            },
            "verify": {"type": "string", "description": "Command that has to pass afterwards"},
            "timeout": _SECONDS,
            "run_id": _RUN_ID,
        },
        required=("target", "task"),
        destroys=True,
    ),
    Tool(
        name="sessions",
        call="inquiries.list_work",
        description="Sessions and commands, as their hosts know them; running ones first.",
        properties={
            "target": _TARGET,
            "kind": {"enum": ["agents", "commands"]},
            "limit": {"type": "integer", "minimum": 1, "description": f"Default {MOST_SESSIONS}"},
        },
        reads=True,
        repeatable=True,
    ),
    Tool(
        name="logs",
        call="looks.read_logs",
        description="State, result and output of a session or command.",
        properties={
            "id": {"type": "string", "description": "Of a session, or a run_id"},
            "wait": _WAIT,
            "offset": {
                "type": "integer",
                "minimum": 0,
                "description": "Byte to begin at: total of the last answer for news alone",
            },
            "limit": _LIMIT,
        },
        required=("id",),
        reads=True,
        repeatable=True,
    ),
    Tool(
        name="reply",
        call="turns.reply",
        description="Continue an agent's session with a further task or an answer.",
        properties={
            "session": _TEXT,
            "task": _TEXT,
            "queue": {"type": "boolean", "description": "Wait for a running turn, then start"},
            "verify": _TEXT,
            "timeout": _SECONDS,
            "run_id": _RUN_ID,
        },
        required=("session", "task"),
        destroys=True,
    ),
    Tool(
        name="stop",
        call="looks.stop",
        description="Stop a session or command, and verify that its processes are gone.",
        properties={"id": _TEXT},
        required=("id",),
        destroys=True,
        repeatable=True,
        asks=True,
    ),
    Tool(
        name="pull_request",
        call="pull_requests.open_pull_request",
        description="Commit what a session has left, push its branch, open the pull request.",
        properties={
            "session": _TEXT,
            "beads": {"type": "string", "description": "Issue id"},
            "base": {"type": "string", "description": "Branch to merge into"},
            "draft": _FLAG,
        },
        required=("session",),
        repeatable=True,
    ),
)
TOOLS: Mapping[str, Tool] = {each.name: each for each in _ALL}


def check_arguments(tool: Tool, arguments: Mapping[str, Any]) -> None:
    """Raise UsageError for arguments that the tool's schema does not allow."""
    problem = best_match(Draft202012Validator(tool.schema).iter_errors(arguments))
    if problem is None:
        return
    where = problem.json_path.removeprefix("$").removeprefix(".") or "arguments"
    words = f": {problem.message}"  # of other rules, it has the value: a whole command, maybe
    if problem.validator not in _SAY_NAMES_ONLY:
        rule, least = _RULES[str(problem.validator)], problem.validator_value
        words = f" {rule.format(', '.join(least) if isinstance(least, list) else least)}"
    known = ", ".join(tool.properties)
    raise UsageError(f"{tool.name}: {where}{words}", f"its arguments are: {known}")
