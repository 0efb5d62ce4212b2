"""Nobody but `verdict` makes a verdict, and what silence can't prove needs a proof."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.collection import COLLECTION, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ENDS = frozenset(
    {"FanoutResult", "HostRecord", "StopAnswered", "TurnRecord", "TurnResult", "Verdict"}
)
_PROOFS = frozenset({"NoRecord", "NothingBegan", "NothingLeft"})
_MAKERS = {
    **dict.fromkeys(_ENDS, "verdict.py"),
    **dict.fromkeys(_PROOFS, "evidence.py"),
    "TurnVerdict": "turn_verdict.py",
}
"""The file that may call a class."""
_PROVEN = frozenset({"stop_verified", "NOT_STARTED", "UNKNOWN_SESSION"})

_CALLS = """
from ansible_collections.dxansible.fleet.plugins.plugin_utils import verdict
from ansible_collections.dxansible.fleet.plugins.plugin_utils.evidence import Evidence, no_turns
from ansible_collections.dxansible.fleet.plugins.plugin_utils.record import Reason, Verdict

def decide(kind: str) -> Verdict:
    match kind:
        case "a": return verdict.failure(Reason.NOT_STARTED, "text")  # refused
        case "b": return verdict.failure(Reason.UNKNOWN_SESSION, "text", Evidence.LOST)  # refused
        case "c": return verdict.failure(Reason.SIGNALLED, "text", gone=True)  # refused
        case "d": return verdict.not_started("text", Evidence.LOST)  # refused
        case "e": return verdict.no_session("text", None)  # refused
        case "f": return verdict.no_session("text", no_turns([]))  # refused
        case "g": return verdict.failure(Reason.LOST, "text", gone=False)
        case _: pass
    proof = no_turns([])
    assert proof
    return verdict.no_session("text", proof)
"""


def _files() -> Iterator[Path]:
    for root in (
        ROOT / "dxansible",
        COLLECTION / "plugins",
        ROOT / "playbooks" / "callback_plugins",
    ):
        yield from (path for path in root.rglob("*.py") if not path.is_symlink())


def _calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def test_verdicts_and_proofs_are_made_in_one_place() -> None:
    found = [
        f"{path.name}:{call.lineno}: {name}"
        for path in _files()
        for call in _calls(path)
        for name in [ast.unparse(call.func).rpartition(".")[2]]
        if name in _MAKERS and path.name != _MAKERS[name]
    ]

    assert found == []


def test_nothing_that_needs_a_proof_is_set_elsewhere() -> None:
    found = [
        f"{path.name}:{call.lineno}: {ast.unparse(keyword)}"
        for path in _files()
        for call in _calls(path)
        for keyword in call.keywords
        if path.name not in {"verdict.py", "jules.py"}  # Jules tells its own ends
        and ast.unparse(call.func) == "replace"
        and (keyword.arg in _PROVEN or ast.unparse(keyword.value).rpartition(".")[2] in _PROVEN)
    ]

    assert found == []


def test_mypy_refuses_what_has_no_proof(tmp_path: Path) -> None:
    module = tmp_path / "decides.py"
    module.write_text(_CALLS)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), str(module)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    lines = _CALLS.splitlines()
    wrong = [number for number, line in enumerate(lines, 1) if line.endswith("# refused")]
    found = re.findall(r"decides\.py:(\d+): error", done.stdout)
    assert sorted({*map(int, found)}) == wrong, done.stdout
