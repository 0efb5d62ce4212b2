"""What an agent reads about the tools is short, and what it may give is what they read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from dxansible.errors import UsageError
from dxansible.mcp.server import described
from dxansible.mcp.tools import INSTRUCTIONS, TOOLS, check_arguments

_ROOT = Path(__file__).parents[3]
_CHARACTERS_A_TOKEN = 4


def test_the_descriptions_are_short() -> None:
    told = [each.model_dump(by_alias=True, exclude_none=True) for each in described()]
    text = json.dumps(told, separators=(",", ":")) + INSTRUCTIONS

    assert len(told) <= 8
    assert len(text) / _CHARACTERS_A_TOKEN < 1500


def test_every_tool_does_something() -> None:
    for tool in TOOLS.values():
        module, _, function = tool.call.partition(".")
        assert callable(getattr(import_module(f"dxansible.mcp.{module}"), function))


def test_hints_say_what_a_tool_may_change() -> None:
    hints = {each.name: each.annotations for each in described()}

    reading = {name for name, hint in hints.items() if hint and hint.read_only_hint}
    destructive = {name for name, hint in hints.items() if hint and hint.destructive_hint}
    again = {name for name, hint in hints.items() if hint and hint.idempotent_hint}
    assert reading == {"hosts", "sessions", "logs"}
    assert destructive == {"exec", "dispatch", "reply", "stop"}
    assert again == reading | {"stop", "pull_request"}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"target": "web1"}, "'command' is a required property"),
        ({"target": "web1", "command": "secret", "comand": "x"}, "'comand' was unexpected"),
        ({"target": "web1", "command": ["secret"]}, "exec: command has to be of the type string"),
        ({"target": "web1", "command": "x", "wait": 60}, "exec: wait has to be at most 20"),
        ({"target": "web1", "command": "x", "timeout": 0}, "exec: timeout has to be above 0"),
        (
            {"target": "web1", "command": "x", "env": {"A": 1}},
            "exec: env.A has to be of the type string",
        ),
    ],
)
def test_an_argument_that_makes_no_sense_is_named_without_its_value(
    arguments: dict[str, object], complaint: str
) -> None:
    with pytest.raises(UsageError) as raised:
        check_arguments(TOOLS["exec"], arguments)

    assert complaint in str(raised.value)
    assert "secret" not in str(raised.value)


def test_the_document_has_every_tool_with_its_arguments() -> None:
    page = (_ROOT / "docs/mcp.md").read_text()
    rows = re.findall(r"(?m)^\| `(\w+)` \| .*? \| (.*) \|$", page)
    shown = {
        name: re.findall(r"`(\w+)`", row.replace("(`agents` or `commands`)", ""))
        for name, row in rows
    }

    assert shown == {tool.name: list(tool.properties) for tool in TOOLS.values()}
    for tool in TOOLS.values():
        (row,) = [row for name, row in rows if name == tool.name]
        assert tuple(re.findall(r"\*`(\w+)`\*", row)) == tool.required


def test_without_the_sdk_the_error_says_how_to_get_it() -> None:
    call = "import sys; sys.modules['mcp'] = None; sys.argv[1:] = ['--mcp']; "
    call += "from dxansible.__main__ import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", call], capture_output=True, text=True, check=False, input=""
    )

    assert (run.returncode, run.stdout) == (2, "")
    assert "pip install 'dxansible[mcp]'" in run.stderr
    assert "Traceback" not in run.stderr
