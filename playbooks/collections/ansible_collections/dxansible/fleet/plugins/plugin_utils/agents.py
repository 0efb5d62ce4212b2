# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The coding agents: how each is started and what its output means.

Built-in agents are in files/agents.yml. The inventory changes them, and adds others, in
``dx_agents``.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from .agent_record import WHOLE, AgentError, RecordReader, check, nearest, uses
from .agent_usage import read_limit, read_usage, written
from .value import Value, field

if TYPE_CHECKING:
    from .agent_events import Match
    from .agent_usage import LimitRule, UsageRule

_FILE = Path(__file__).resolve().parents[2] / "files" / "agents.yml"
_OURS = uuid.UUID("5f0b1c5e-7c53-5d0e-9c2e-2d2f7f3a6b41")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MAPPINGS = ("environment", "exit_codes", "plan_environment")
_READ: dict[str, Mapping[str, Agent]] = {}
"""The agents of inventories, by the ``repr`` of their records."""
_MOST_READ = 64


class Rule(Value):
    """Selects events, and the text to show for them."""

    when: Match
    show: tuple[str, ...]
    """Paths of the text to show."""
    prefix: str = ""
    message: bool = False
    """The text is a message of the agent. The last message is its answer."""
    joined: bool = False
    """Consecutive events hold pieces of one text."""
    quiet: bool = False
    """The text counts as a message but is not shown."""


class Failure(Value):
    """Recognises a failed turn, by an event or a line on standard error."""

    when: Match | None = None
    stderr: re.Pattern[str] | None = None
    """The matching line is the agent's error message."""
    message: tuple[str, ...] = ()
    """Paths of the agent's error message; the first path with text counts."""
    prefix: str = ""


class NeedsInputRule(Value):
    """Recognises an agent that stopped for a human, by an event or a line on standard error."""

    when: Match | None = None
    path: str | None = None
    """Path that must hold a non-empty value too; None if ``when`` is enough."""
    until: Match | None = None
    """A later event after which the agent no longer waits."""
    unless: Match | None = None
    """An earlier event after which the rule does not hold in this turn."""
    stderr: re.Pattern[str] | None = None


class Agent(Value):
    """One coding agent; docs/agents.md describes the fields."""

    name: str
    start: tuple[str, ...]
    resume: tuple[str, ...] = ()
    """Empty if the agent can't continue a conversation."""
    open: tuple[str, ...] = ()
    """The agent's own screen, on a conversation; empty if it has none."""
    permissions: tuple[str, ...] = ()
    """What ``{permissions}`` stands for; with ``plan`` for those of a turn that changes nothing."""
    plan: tuple[str, ...] = ()
    """Empty if the agent has no read-only mode."""
    plan_environment: Mapping[str, str] = field(default_factory=dict)
    restart: tuple[str, ...] = ()
    """Begins again after a usage limit, if the agent has kept nothing of the conversation."""
    version: tuple[str, ...] = ()
    directory_of: tuple[str, ...] = ()
    prompt: str = "stdin"
    events: str = "text"
    native_id: str | None = None
    chosen_id: bool = False
    escape_slash: bool = False
    runs_task: bool = False
    """The agent runs its task as a program, so it gets no task that strangers may have written."""
    text: tuple[Rule, ...] = ()
    finished: tuple[Match, ...] = ()
    failed: tuple[Failure, ...] = ()
    needs_input: tuple[NeedsInputRule, ...] = ()
    usage_limit: tuple[LimitRule, ...] = ()
    usage: tuple[UsageRule, ...] = ()
    progress: str = ""
    """Extended regular expression; only matching lines restart the idle limit.

    If empty, every byte does.
    """
    environment: Mapping[str, str] = field(default_factory=dict)
    exit_codes: Mapping[int, str] = field(default_factory=dict)
    fault: str = ""
    """Why the record can't be read; only of an agent whose output is read all the same."""

    @property
    def program(self) -> str:
        """The agent's program, which must be on the VM's PATH."""
        return self.start[0]

    @property
    def reports_cost(self) -> bool:
        """Whether its events tell what it costs."""
        return any(rule.cost for rule in self.usage)

    @property
    def usage_rules(self) -> str:
        """The rules with which the VM reads its usage and its limits."""
        return written(self.usage_limit, self.usage, self.native_id)

    @property
    def reports_end(self) -> bool:
        """Whether its events show that a turn came to its end."""
        return bool(self.finished)

    def command(
        self, *, resumed: bool, plan: bool = False, model: bool = False, attached: bool = False
    ) -> tuple[str, ...]:
        """The command line of a turn: an argument of a choice that nobody made is left out.

        Raises AgentError if the record has no way to hand a choice over.
        """
        words = self.resume if resumed else self.start
        if plan and not (self.plan and WHOLE in words):
            raise AgentError(_no_way(self.name, "--plan", f"no plan, or no {WHOLE}"))
        if model and not uses(words, "model"):
            raise AgentError(_no_way(self.name, "--model", "no argument with {model}"))
        return self._filled(words, plan=plan, model=model, attached=attached)

    def commands_after_limit(
        self, *, plan: bool, model: bool, attached: bool
    ) -> dict[str, tuple[str, ...]]:
        """The command lines of the same turn after a usage limit, by the key of the record."""
        return {
            key: self._filled(getattr(self, key), plan=plan, model=model, attached=attached)
            for key in ("resume", "restart")
        }

    def _filled(
        self, words: tuple[str, ...], *, plan: bool, model: bool, attached: bool
    ) -> tuple[str, ...]:
        unmade = {name for name, made in (("model", model), ("attachments", attached)) if not made}
        chosen: list[str] = []
        for word in words:
            if word == WHOLE:
                chosen += self.plan if plan else self.permissions
            elif not uses([word], *unmade):
                chosen.append(word)
        return tuple(chosen)

    def prompt_bytes(self, text: bytes) -> bytes:
        """The prompt, escaped if the agent would take it for a slash command."""
        return b" " + text if self.escape_slash and text.startswith(b"/") else text


def chosen_id(session: str) -> str:
    """The conversation id, for agents that let the caller choose it."""
    return str(uuid.uuid5(_OURS, session))


def choose(agents: Mapping[str, Agent], name: object) -> Agent:
    """The agent with this name. Raises AgentError if there is none."""
    if isinstance(name, str) and name in agents:
        return agents[name]
    known = ", ".join(sorted(agents))
    raise AgentError(f"there is no agent {name!r}{nearest(name, agents)}; known: {known}")


def author(agents: Mapping[str, Agent], name: object) -> Agent:
    """The agent that has written some output.

    An unknown one counts as a shell. One with an invalid record has a ``fault``, and no rules.
    """
    try:
        return agents.get(str(name)) or agents["shell"]
    except AgentError as error:
        return Agent(name=str(name), start=("",), fault=str(error))


def load_agents(overrides: Mapping[str, Any] | None = None) -> Mapping[str, Agent]:
    """The built-in agents and those of ``dx_agents``, by name.

    An agent's record is read when the agent is looked up; that raises AgentError if the record is
    invalid. Hosts with equal records share one parsed copy.
    """
    if not overrides:
        return _built_in()
    written = repr(overrides)
    if written not in _READ:
        if len(_READ) >= _MOST_READ:
            _READ.clear()
        _READ[written] = _Agents(overrides)
    return _READ[written]


class _Agents(Mapping[str, Agent]):
    """The built-in agents, and those of an inventory."""

    def __init__(self, own: Mapping[str, Any]) -> None:
        self._own, self._parsed = own, dict[str, Agent]()

    def __getitem__(self, name: str) -> Agent:
        if name not in self._own:
            return _built_in()[name]
        if name not in self._parsed:
            self._parsed[name] = _agent(name, _merged(name, self._own))
        return self._parsed[name]

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in _built_in()

    def __iter__(self) -> Iterator[str]:
        own = (name for name in self._own if isinstance(name, str))
        return iter(dict.fromkeys([*_built_in(), *own]))

    def __len__(self) -> int:
        return sum(1 for name in self if name)


def _merged(name: str, own: Mapping[str, Any]) -> dict[str, Any]:
    if not _NAME.fullmatch(name):
        wrong = f"{name!r} is not a valid name; use letters, digits, '-' and '_'"
        raise AgentError(f"dx_agents: {wrong}")
    record = dict(_records().get(name, {}))
    changes = own.get(name, {})
    if not isinstance(changes, dict):
        raise AgentError(f"dx_agents: {name}: must be a mapping of keys; see docs/agents.md")
    for key, value in changes.items():
        before = record.get(key)
        if key in _MAPPINGS and isinstance(before, dict) and isinstance(value, dict):
            merged = {**before, **value}
            record[key] = {entry: kept for entry, kept in merged.items() if kept is not None}
        else:
            record[key] = value
    return {key: value for key, value in record.items() if value is not None}


def _agent(name: str, record: Mapping[str, Any]) -> Agent:
    reader = RecordReader(f"dx_agents: {name}", record)
    reader.refuse_unknown(set(Agent.__dataclass_fields__) - {"name", "fault"})
    agent = Agent(
        name=name,
        start=reader.arguments("start"),
        resume=reader.arguments("resume"),
        open=reader.arguments("open"),
        permissions=reader.words("permissions"),
        plan=reader.words("plan"),
        plan_environment=reader.environment("plan_environment"),
        restart=reader.arguments("restart"),
        version=reader.arguments("version"),
        directory_of=reader.arguments("directory_of"),
        prompt=reader.word("prompt", ("stdin", "file")),
        events=reader.word("events", ("text", "json")),
        native_id=reader.path("native_id"),
        chosen_id=reader.flag("chosen_id"),
        escape_slash=reader.flag("escape_slash"),
        runs_task=reader.flag("runs_task"),
        text=tuple(_rule(inner) for inner in reader.records("text")),
        finished=reader.matches("finished"),
        failed=tuple(_failure(inner) for inner in reader.records("failed")),
        needs_input=tuple(_needs_input(inner) for inner in reader.records("needs_input")),
        usage_limit=tuple(map(read_limit, reader.records("usage_limit"))),
        usage=tuple(map(read_usage, reader.records("usage"))),
        progress=reader.expression("progress"),
        environment=reader.environment("environment"),
        exit_codes=reader.exit_codes("exit_codes"),
    )
    check(agent, reader)
    return agent


def _rule(reader: RecordReader) -> Rule:
    reader.refuse_unknown(Rule.__dataclass_fields__)
    rule = Rule(
        when=reader.match("when"),
        show=reader.paths("show"),
        prefix=reader.string("prefix"),
        message=reader.flag("message"),
        joined=reader.flag("joined"),
        quiet=reader.flag("quiet"),
    )
    if not rule.show:
        reader.fail("show", "is missing; write the path of the text, such as part.text")
    return rule


def _failure(reader: RecordReader) -> Failure:
    reader.refuse_unknown(Failure.__dataclass_fields__)
    if _on_stderr(reader, "message"):
        return Failure(stderr=reader.pattern("stderr"), prefix=reader.string("prefix"))
    return Failure(
        when=reader.match("when"), message=reader.paths("message"), prefix=reader.string("prefix")
    )


def _needs_input(reader: RecordReader) -> NeedsInputRule:
    reader.refuse_unknown(NeedsInputRule.__dataclass_fields__)
    if _on_stderr(reader, "path", "until", "unless"):
        return NeedsInputRule(stderr=reader.pattern("stderr"))
    return NeedsInputRule(
        when=reader.match("when"),
        path=reader.path("path"),
        until=reader.match("until") if reader.has("until") else None,
        unless=reader.match("unless") if reader.has("unless") else None,
    )


def _on_stderr(reader: RecordReader, *of_events: str) -> bool:
    """Whether a rule matches standard error. Refuses keys that apply only to events."""
    if reader.has("stderr") == reader.has("when"):
        reader.fail("when", "write either when or stderr")
    for key in of_events:
        if reader.has("stderr") and reader.has(key):
            reader.fail(key, "does nothing with stderr")
    return reader.has("stderr")


def _no_way(agent: str, option: str, what: str) -> str:
    return (
        f"{agent} can't be given {option}: its record in dx_agents has {what}; "
        f"leave out {option}, or see docs/agents.md"
    )


@cache
def _records() -> dict[str, dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, dict[str, Any]] = yaml.load(_FILE.read_text("utf-8"), Loader=loader)  # noqa: S506 - both are safe
    return found


@cache
def _built_in() -> dict[str, Agent]:
    return {name: _agent(name, _merged(name, {})) for name in _records()}
