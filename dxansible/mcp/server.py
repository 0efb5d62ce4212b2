"""The server on standard input and output; the only module that knows the SDK.

While it serves, the SDK has descriptor 1 to itself; what else is printed goes to standard error.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp.types import Tool as ToolType

from dxansible.errors import Declined, DxError, UsageError
from dxansible.mcp.tools import INSTRUCTIONS, MOST_SECONDS, TOOLS, Tool, check_arguments
from dxansible.mcp.work import LateAnswers
from dxansible.redact import printable, summarize
from dxansible.render.documents import error_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp.server.context import ServerRequestContext

    from dxansible.cli.table import Options
    from dxansible.mcp.work import Document, Work

__all__ = ["described", "serve"]

_MARGIN = 1.0
"""Seconds of a call that are left for its answer."""
_LAST_LOOK = 3.0
"""Seconds to end a look at work that goes on."""
_KEY = "confirm"
_MOST_NAMED = 10
"""Hosts that a question names."""


def serve(options: Options, version: str) -> None:
    """Serve until standard input ends, and every host has the work that was begun."""
    calls = _Calls(options)
    asyncio.run(calls.serve(version))
    for each in calls.begun:
        each.sight.handed_over.wait()


def described() -> list[ToolType]:
    """Return the tools as the protocol describes them."""
    return [
        ToolType(
            name=each.name,
            description=each.description,
            input_schema=each.schema,
            annotations=ToolAnnotations(
                read_only_hint=each.reads,
                destructive_hint=each.destroys,
                idempotent_hint=each.repeatable,
            ),
        )
        for each in TOOLS.values()
    ]


class _Calls:
    """The calls of one client."""

    def __init__(self, options: Options) -> None:
        self._options, self._late = options, LateAnswers()
        self.begun: list[Work] = []
        """Work that changes something, which not every host may have yet."""
        self._stops: dict[str, str] = {}
        """The whole id that a question was about, by the one that the agent gave."""

    async def serve(self, version: str) -> None:
        server = Server(
            "dx-dispatch",
            version=version,
            instructions=INSTRUCTIONS,
            on_list_tools=self._list,
            on_call_tool=self._call,
        )
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())

    async def _list(
        self, _context: ServerRequestContext[Any], _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(tools=described())

    async def _call(
        self, context: ServerRequestContext[Any], params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; an error of the call is a result, which the agent can read."""
        try:
            tool, given = TOOLS.get(params.name), params.arguments or {}
            if tool is None:
                raise UsageError(f"there is no tool {params.name}", f"use {', '.join(TOOLS)}")
            check_arguments(tool, given)
            return _result(await self._answer(_User(context, params), tool, given))
        except _Unanswered as unanswered:
            return unanswered.request
        except DxError as error:
            return _result(json.loads(error_document(error)))

    async def _answer(self, user: _User, tool: Tool, given: Mapping[str, Any]) -> Document:
        agreed = not user.can_answer
        if user.has_answered:
            await user.confirm("")
            agreed = True
        work = self._late.take(tool, given) or self._begin(tool, given, agreed=agreed)
        try:
            return await self._wait(work, tool, given)
        except DxError:
            if not work.sight.unconfirmed:
                raise
        if tool.name == "stop":
            (self._stops[given["id"]],) = work.sight.unconfirmed
        await user.confirm(_question(tool, given, work.sight.unconfirmed))
        return await self._wait(self._begin(tool, given, agreed=True), tool, given)

    def _begin(self, tool: Tool, given: Mapping[str, Any], *, agreed: bool) -> Work:
        if agreed and tool.name == "stop":
            given = {**given, "id": self._stops.pop(given["id"], given["id"])}
        return tool.begin(self._options, given, agreed=agreed)

    async def _wait(self, work: Work, tool: Tool, given: Mapping[str, Any]) -> Document:
        """Return the answer of the work, or what is known of it once the call has to return."""
        if not tool.reads:
            self.begun = [each for each in self.begun if not each.sight.handed_over.is_set()]
            self.begun.append(work)
        work.start()
        most = MOST_SECONDS - _MARGIN
        if work.leave is None:
            found = await _within(work, min(most, given.get("wait", most)))
        else:
            found = await _within(work, most - _LAST_LOOK)
            if found is None:
                work.leave.set()
                found = await _within(work, _LAST_LOOK)
        if found is None:
            self._late.keep(tool, given, work)
        return found or work.so_far()


class _Unanswered(Exception):  # noqa: N818 - no error: the client calls again with the answer
    """The client has to ask the user, and to call again."""

    def __init__(self, request: InputRequiredResult) -> None:
        super().__init__()
        self.request = request


class _User:
    """The person behind the client, if the client lets them be asked."""

    def __init__(self, context: ServerRequestContext[Any], params: CallToolRequestParams) -> None:
        self._context, self._given = context, (params.input_responses or {}).get(_KEY)
        offered = context.session.client_capabilities
        forms = offered.elicitation if offered else None
        self.can_answer = forms is not None and (forms.form is not None or forms.url is None)

    @property
    def has_answered(self) -> bool:
        """Whether this call repeats one that had to ask."""
        return self._given is not None

    async def confirm(self, message: str) -> None:
        """Ask, unless the answer is here already. Raises Declined."""
        answer = self._given or await self._ask(message)
        if not isinstance(answer, ElicitResult) or answer.action != "accept":
            raise Declined

    async def _ask(self, message: str) -> ElicitResult:
        schema: dict[str, Any] = {"type": "object", "properties": {}}
        session = self._context.session
        if session.can_send_request:
            return await session.elicit_form(message, schema, self._context.request_id)
        form = ElicitRequestFormParams(message=message, requested_schema=schema)
        raise _Unanswered(InputRequiredResult(input_requests={_KEY: ElicitRequest(params=form)}))


async def _within(work: Work, seconds: float) -> Document | None:
    """Wait for the answer; the end of the wait, or of the call, does not end the work."""
    answer = asyncio.wrap_future(work.answer)
    answer.add_done_callback(lambda done: done.cancelled() or done.exception())
    done, _ = await asyncio.wait([answer], timeout=max(0.0, seconds))
    return answer.result() if done else None


def _question(tool: Tool, given: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return what to ask before a stop, or before a command on many hosts."""
    if tool.name == "stop":
        return f"Stop {printable(names[0])}?"
    named = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
    return f"Run on {len(names)} hosts ({named})?\n{printable(summarize(given['command']))}"


def _result(document: Document) -> CallToolResult:
    """Return the document as a result, for clients with and without structured content."""
    return CallToolResult(
        content=[TextContent(type="text", text=json.dumps(document))],
        structured_content=document,
        is_error="error" in document,
    )
