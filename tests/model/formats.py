"""The wire formats of the agents, as far as they need them.

OpenCode speaks OpenAI's chat completions, Codex its responses, Claude Code Anthropic's messages,
and Gemini CLI Google's generateContent.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from tests.model.script import Ask

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FORMATS", "FULL_BODY", "Event", "error_body"]

Event = tuple[str | None, Any]
"""Name and data of a server-sent event."""

_numbers = itertools.count(1)


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(
        str(part["text"]) for part in parts if isinstance(part, dict) and "text" in part
    )


def _step(command: str) -> dict[str, str]:
    return {"command": command, "description": "a step"}


def _ask_chat(body: dict[str, Any]) -> Ask:
    items = [(str(each["role"]), _text(each.get("content"))) for each in body["messages"]]
    tools = [str(each["function"]["name"]) for each in body.get("tools") or []]
    return Ask.of([item for item in items if item[0] in {"user", "tool"}], tools, ("bash",))


def _chat(ask: Ask) -> Iterator[Event]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> Event:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2} if finish else None
        head = {"id": f"chat-{next(_numbers)}", "object": "chat.completion.chunk", "created": 1}
        return None, {**head, "model": "m", "choices": [choice], "usage": usage}

    command = ask.command()
    yield chunk({"role": "assistant", "content": ""})
    if command is not None:
        name, arguments = ask.call(_step)
        function = {"name": name, "arguments": json.dumps(arguments)}
        call = {
            "index": 0,
            "id": f"call-{next(_numbers)}",
            "type": "function",
            "function": function,
        }
        yield chunk({"tool_calls": [call]})
    else:
        yield from (chunk({"content": word}) for word in ask.answer())
    yield chunk({}, "stop" if command is None else "tool_calls")
    yield None, "[DONE]"


def _ask_responses(body: dict[str, Any]) -> Ask:
    items = []
    for each in body["input"]:
        if str(each.get("type", "message")).endswith("call_output"):
            items.append(("tool", _text(each.get("output"))))
        elif each.get("role") == "user":
            items.append(("user", _text(each.get("content"))))
    tools = [
        str(each.get("name")) if "tools" not in each else f"{each['name']}__{inner['name']}"
        for each in body.get("tools") or []
        for inner in each.get("tools", [each])
    ]
    return Ask.of(items, tools, ("exec_command", "shell_command", "shell"))


def _responses(ask: Ask) -> Iterator[Event]:
    sequence = itertools.count()

    def event(kind: str, **fields: object) -> Event:
        return kind, {"type": kind, "sequence_number": next(sequence), **fields}

    base = {"id": f"resp-{next(_numbers)}", "object": "response", "created_at": 1, "model": "m"}
    yield event("response.created", response={**base, "status": "in_progress", "output": []})
    command = ask.command()
    if command is not None:
        key = "cmd" if ask.tool == "exec_command" else "command"
        name, arguments = ask.call(lambda words: {key: words})
        item: dict[str, Any] = {
            "type": "function_call",
            "id": f"item-{next(_numbers)}",
            "call_id": f"call-{next(_numbers)}",
            "name": name.rpartition("__")[2],
            "arguments": json.dumps(arguments),
            "status": "completed",
        }
        if "__" in name:  # a tool of a server
            item["namespace"] = name.rpartition("__")[0]
    else:
        item = {"type": "message", "id": f"item-{next(_numbers)}", "role": "assistant"}
        yield event("response.output_item.added", output_index=0, item={**item, "content": []})
        words = []
        for word in ask.answer():
            words.append(word)
            place = {"output_index": 0, "content_index": 0, "item_id": item["id"]}
            yield event("response.output_text.delta", delta=word, **place)
        text = {"type": "output_text", "text": "".join(words), "annotations": []}
        item |= {"status": "completed", "content": [text]}
    yield event("response.output_item.done", output_index=0, item=item)
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    response = {**base, "status": "completed", "output": [item], "usage": usage}
    yield event("response.completed", response=response)


def _ask_messages(body: dict[str, Any]) -> Ask:
    items = []
    for each in body["messages"]:
        content = each.get("content")
        if each.get("role") == "user":
            parts = content if isinstance(content, list) else []
            done = [part for part in parts if part.get("type") == "tool_result"]
            items += [("tool", _text(part.get("content"))) for part in done]
            items.append(("user", _text(content)))
    tools = [str(each.get("name")) for each in body.get("tools") or []]
    return Ask.of(items, tools, ("Bash",))


def _messages(ask: Ask) -> Iterator[Event]:
    def event(kind: str, **fields: object) -> Event:
        return kind, {"type": kind, **fields}

    usage = {"input_tokens": 1, "output_tokens": 1}
    message = {"id": f"msg-{next(_numbers)}", "type": "message", "role": "assistant"}
    empty: dict[str, Any] = {
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }
    yield event("message_start", message={**message, **empty, "usage": usage})
    command = ask.command()
    if command is not None:
        name, arguments = ask.call(_step)
        block: dict[str, Any] = {
            "type": "tool_use",
            "id": f"toolu-{next(_numbers)}",
            "name": name,
            "input": {},
        }
        yield event("content_block_start", index=0, content_block=block)
        delta = {"type": "input_json_delta", "partial_json": json.dumps(arguments)}
        yield event("content_block_delta", index=0, delta=delta)
    else:
        yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        for word in ask.answer():
            yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
    yield event("content_block_stop", index=0)
    reason = "end_turn" if command is None else "tool_use"
    stop = {"stop_reason": reason, "stop_sequence": None}
    yield event("message_delta", delta=stop, usage={"output_tokens": 1})
    yield event("message_stop")


def _ask_contents(body: dict[str, Any]) -> Ask:
    items = []
    for each in body["contents"]:
        if each.get("role", "user") == "user":
            parts = each.get("parts") or []
            done = [part["functionResponse"] for part in parts if "functionResponse" in part]
            items += [("tool", json.dumps(each.get("response"))) for each in done]
            items.append(("user", _text(parts)))
    tools = [
        str(inner.get("name"))
        for each in body.get("tools") or []
        for inner in each.get("functionDeclarations") or []
    ]
    return Ask.of(items, tools, ("run_shell_command",))


def _contents(ask: Ask) -> Iterator[Event]:
    def piece(parts: list[dict[str, Any]], finish: str | None = None) -> Event:
        candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
        return None, {"candidates": [candidate], "modelVersion": "m", "usageMetadata": usage}

    if ask.command() is not None:
        name, arguments = ask.call(_step)
        yield piece([{"functionCall": {"name": name, "args": arguments}}], "STOP")
        return
    yield from (piece([{"text": word}]) for word in ask.answer())
    yield piece([{"text": ""}], "STOP")


FORMATS = {
    "/chat/completions": (_ask_chat, _chat),
    "/responses": (_ask_responses, _responses),
    "/messages": (_ask_messages, _messages),
    ":streamGenerateContent": (_ask_contents, _contents),
}
"""By the end of a request's path: how to read it, and how to answer."""


FULL_BODY = {
    "error": {
        "type": "invalid_request_error",
        "code": "context_length_exceeded",
        "message": "scripted maximum context length is 9 tokens",
    }
}
"""As OpenAI says it."""


def error_body(status: int) -> dict[str, object]:
    """An error that all three understand."""
    error = {"type": "api_error", "message": f"scripted error {status}", "code": str(status)}
    return {"type": "error", "error": error}
