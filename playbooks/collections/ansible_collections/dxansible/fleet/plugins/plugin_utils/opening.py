# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command line that opens an agent's own screen on a session: through ssh, in its directory."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from .agent_record import AgentError
from .agents import author
from .host_run import ask, poll
from .keeper_listing import FINALIZE
from .stream_reader import StreamReader
from .turn import FIRST_BYTES, Trailer, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .agents import Agent
    from .host_run import Steps
    from .keeper_listing import Entry


def opening(
    turns: Sequence[Entry], known: Mapping[str, Agent], path: Sequence[str], patience: float
) -> Steps[dict[str, Any]]:
    """Return the ``words`` of the command line, or ``error``, why there is none.

    ``path`` has the directories that come before the host's PATH. A call counts as lost after
    ``patience`` seconds.
    """
    own = [entry for entry in turns if FINALIZE not in entry.facts]
    if not own:
        return {"error": "it has no turn of an agent"}
    facts = own[-1].facts
    name = str(facts.get("agent"))
    agent = author(known, name)
    if name not in known or agent.fault:
        return {"error": agent.fault or f"there is no agent {name} in the inventory any more"}
    prefix = yield from ask(patience, lambda door: door.terminal())
    if prefix is None:
        return {"error": "its connection is not ssh"}
    native, directory = yield from _find(own, agent, patience)
    if agent.open and native is None:
        return {"error": f"{agent.name} has begun no conversation in it"}
    try:
        command = _command(agent, native or "", directory, path)
    except AgentError as error:
        return {"error": str(error)}
    return {"words": [*prefix, command]}


def _find(
    turns: Sequence[Entry], agent: Agent, patience: float
) -> Steps[tuple[str | None, str | None]]:
    """Find the agent's id of the conversation and the directory, from the newest turn that says."""
    native: str | None = None
    for entry in reversed(turns):
        reply = yield from poll(patience, entry.name, FIRST_BYTES)
        reader = StreamReader(agent)
        reader.feed(reply.out)
        native = native or reader.native_id or entry.facts.get("native_id")
        directory = Trailer.parse(reader.trailer).directory
        if directory is not None and (native is not None or not agent.open):
            return native, directory
    return native, None


def _command(agent: Agent, native: str, directory: str | None, path: Sequence[str]) -> str:
    """Return the command for the host's shell."""
    if directory is None:
        raise AgentError("no turn of it has said in which directory it works")
    place = shlex.quote(directory)
    steps = [f"cd -- {place}"]
    if path:
        places = ":".join(
            f'"$HOME"/{shlex.quote(each[2:])}' if each.startswith("~/") else shlex.quote(each)
            for each in path
        )
        steps.append(f'export PATH={places}:"$PATH"')
    own = words_of(agent.open, native_id=shlex.quote(native), directory=place)
    steps.append(f"exec {own}" if own else 'exec "${SHELL:-/bin/sh}" -l')
    return " && ".join(steps)
