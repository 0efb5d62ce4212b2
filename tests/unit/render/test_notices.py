"""Rules of the sentences for warnings."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import dxansible
from dxansible.render.notices import SENTENCES, notice
from dxansible.slack.http import Verdict

MODULES = [ast.parse(path.read_text()) for path in Path(dxansible.__file__).parent.rglob("*.py")]


def _calls(name: str) -> list[ast.Call]:
    return [
        node
        for tree in MODULES
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {name, f"self._{name}"}
    ]


def _warned() -> dict[str, set[str]]:
    """The events that may be warnings, by name, with their fields."""
    return {
        ast.literal_eval(call.args[0]): {str(each.arg) for each in call.keywords}
        for call in _calls("event")
        if isinstance(call.args[0], ast.Constant)
        and len(call.args) > 1
        and ast.unparse(call.args[1]) in {"logging.WARNING", "level"}
    }


def test_every_warning_has_its_sentence() -> None:
    warned = _warned()
    slack = {str(each) for each in Verdict} - {"slack_posted"} | {"slack_slow", "slack_failed"}

    assert {"retry", "stdin_unread", "host_key_not_remembered", "vm_not_asked"} <= set(warned)
    assert set(SENTENCES) == set(warned) | slack


def test_a_sentence_uses_only_the_fields_of_its_event() -> None:
    for name, fields in _warned().items():
        assert set(re.findall(r"\{(\w+)\}", SENTENCES[name])) <= fields, name


def test_a_warning_is_one_line_that_no_foreign_text_can_break() -> None:
    fields = {"event": "vm_not_asked", "host": "epyc6", "error": "epyc6: gone\nSUCCESS\x1b[2J"}

    assert notice(fields) == "epyc6: gone\\nSUCCESS\\x1b[2J\n"


def test_a_remedy_is_last() -> None:
    fields = {"event": "stdin_unread", "error": "the command gets none of it", "remedy": "add it"}

    assert notice(fields).endswith("; add it\n")
