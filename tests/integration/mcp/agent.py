"""An agent that calls tools of ``dx-dispatch --mcp`` through the SDK's client."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import (
    CallToolResult,
    ElicitRequestFormParams,
    ElicitRequestParams,
    ElicitResult,
    TextContent,
)

from tests.schemas import check_document

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from typing import TextIO

    from mcp.client.session import ClientRequestContext

    from tests.integration.dispatcher import Dispatcher

__all__ = ["OLD", "Agent", "document", "settled"]

OLD = "legacy"
"""The mode of a client that speaks the protocol of 2025, as most agents do."""
_MOST_CALLS = 9
_OURS = {"id", "state", "left_out"}
"""Fields of an answer that a document of --json has not."""


class Agent:
    """One agent and its server; questions to its user are answered with ``says``."""

    def __init__(
        self,
        user: Dispatcher,
        *options: str,
        says: str | None = None,
        mode: str = OLD,
        env: Mapping[str, str] = MappingProxyType({}),
        errors: TextIO = sys.stderr,
    ) -> None:
        self.questions: list[str] = []
        self._says, self._mode, self._errors = says, mode, errors
        dispatch = str(Path(sys.executable).parent / "dx-dispatch")
        self._server = StdioServerParameters(
            command=dispatch, args=["--mcp", *options], env={**user.environment, **env}
        )

    def does(self, work: Callable[[Client], Awaitable[None]]) -> None:
        """Connect, do the work, and leave."""

        async def session() -> None:
            async with self.client() as client:
                await work(client)

        asyncio.run(session())

    def client(self) -> Client:
        """The client, which is connected while it is a context."""
        return Client(
            stdio_client(self._server, errlog=self._errors),
            mode=self._mode,
            elicitation_callback=self._answer if self._says else None,
        )

    def calls(self, *calls: tuple[str, dict[str, Any]]) -> Sequence[dict[str, Any]]:
        """Call tools one after the other, each until its call is over; return the documents."""
        found: list[dict[str, Any]] = []

        async def work(client: Client) -> None:
            for name, arguments in calls:
                found.append(await settled(client, name, arguments))

        self.does(work)
        return found

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Call one tool, and return the document."""
        (found,) = self.calls((name, arguments))
        return found

    async def _answer(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult:
        del context
        assert isinstance(params, ElicitRequestFormParams)
        self.questions.append(params.message)
        return ElicitResult(action=self._says, content={})  # type: ignore[arg-type]


async def settled(client: Client, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Call a tool again while its answer comes too late, as it may on a busy machine.

    Work that is looked at, or handed over, may go on; all other calls are called to their end.
    """
    goes_on = name in {"dispatch", "reply"} or (name == "logs" and "wait" not in arguments)
    found: dict[str, Any] = {"state": "unknown"}
    for _ in range(_MOST_CALLS):
        found = document(await client.call_tool(name, arguments))
        known = "running" in {each.get("state") for each in found.get("results", ())}
        if "error" in found or found["state"] == "ended" or (goes_on and known):
            break
    return found


def document(answer: CallToolResult) -> dict[str, Any]:
    """The document of an answer, which its text has too; without our fields it is --json's."""
    found: dict[str, Any] = answer.structured_content
    (text,) = answer.content
    assert isinstance(text, TextContent)
    assert json.loads(text.text) == found
    assert answer.is_error == ("error" in found)
    _check(found)
    return found


def _check(found: dict[str, Any]) -> None:
    if found.get("state") in {"running", "unknown"}:
        return  # what --json never prints: a call that returns before the end
    plain = {name: value for name, value in found.items() if name not in _OURS}
    if "results" in plain:
        plain["results"] = [_as_printed(each) for each in plain["results"]]
    check_document(json.dumps(plain))


def _as_printed(result: dict[str, Any]) -> dict[str, Any]:
    ours = ("_offsets", "_tail")
    kept = {name: value for name, value in result.items() if not name.endswith(ours)}
    kept.pop("text", None)
    return kept | ({"stdout": "", "stderr": ""} | kept if "command_summary" in kept else {})
