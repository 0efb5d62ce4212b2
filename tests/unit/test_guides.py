"""What the guide, the skill and the other documents show is what the program has."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import dxansible.fleet
import dxansible.sessions
from dxansible.cli.help_text import help_text
from dxansible.errors import UsageError
from dxansible.fleet import FanoutResult, PreflightResult, list_hosts
from dxansible.jules.model import JulesResult
from dxansible.record import FanoutOutcome, PreflightStatus, Reason
from dxansible.render import commands as render
from dxansible.render import sessions as render_sessions
from dxansible.render.documents import error_document
from dxansible.results import INCOMPLETE
from dxansible.sessions import Changes, CleanResult, SessionInfo, SessionList, TurnResult
from dxansible.settings import Settings, content_dir
from tests.unit.local_vm import LOCAL, write_inventory
from tests.unit.shown_calls import (
    DOCUMENTS,
    HOME_HERE,
    ROOT,
    SKILL,
    blocks,
    known_options,
    parse,
    shown_calls,
)

if TYPE_CHECKING:
    from pathlib import Path

_GUIDE = ROOT / "docs/MULTI_AGENT_COMMS.md"
_TAUGHT = (_GUIDE, SKILL)
_SPECIFIED = """
dx-dispatch epyc6 "Run make test in ~/affordabot"
dx-dispatch macmini "Build the iOS app"
dx-dispatch homedesktop-wsl "Run integration tests"
dx-dispatch --list
dx-dispatch epyc6 "Continue" --session ses_abc123
dx-dispatch epyc6 "Run tests" --wait --timeout 600
dx-dispatch --jules --issue bd-123
dx-dispatch --jules --issue bd-123 --dry-run
dx-dispatch --finalize-pr ses_abc123 --beads bd-123
dx-dispatch --abort ses_abc123
dx-dispatch --status epyc6
dx-dispatch epyc6 "Run tests" --slack
"""
_FRONT_MATTER = {
    "name": "multi-agent-dispatch",
    "description": "Cross-VM task dispatch using dx-dispatch (canonical). Supports SSH dispatch to "
    "canonical VMs (homedesktop-wsl, macmini, epyc6), Jules Cloud dispatch for async work, and "
    "fleet orchestration.",
}
_WIDTH = 120
"""Most characters of a line in a document."""
_VARIABLES = {"dx_path", "dx_slack_channel"}
"""What the guide names of the inventory."""


def _named(path: Path) -> str:
    return path.name


def _calls(text: str) -> list[list[str]]:
    return [words for words in shown_calls(text) if words != ["--help"]]


def _rows(text: str, *head: str) -> list[list[str]]:
    """The cells of each table whose first columns are these."""
    found = []
    for table in re.findall(r"(?m)(?:^\|.*\|$\n?)+", text):
        lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table.splitlines()]
        cells = [[cell.strip() for cell in line] for line in lines]
        if tuple(cells[0][: len(head)]) == head:
            found += cells[2:]
    return found


# calls


@pytest.mark.parametrize("document", DOCUMENTS, ids=_named)
def test_every_call_that_a_document_shows_makes_sense(document: Path) -> None:
    for words in _calls(document.read_text()):
        parse(words)


def test_every_example_of_the_help_makes_sense() -> None:
    for everything, least in ((False, 8), (True, 14)):
        calls = _calls(help_text(80, everything=everything))
        assert len(calls) >= least
        for words in calls:
            parse(words)


@pytest.mark.parametrize("line", _SPECIFIED.strip().splitlines())
def test_every_call_of_the_specification_makes_sense(line: str) -> None:
    ((*words,),) = shown_calls(f"```sh\n{line}\n```\n")

    parse(words)


def test_no_shell_puts_the_reader_s_home_into_a_path_of_the_vm() -> None:
    for text in [*(path.read_text() for path in DOCUMENTS), help_text(80, everything=True)]:
        for words in _calls(text):
            assert HOME_HERE not in " ".join(words), words


def test_every_repository_in_prose_and_in_error_texts_is_quoted() -> None:
    texts = [*DOCUMENTS, *(ROOT / "dxansible").rglob("*.py"), *(ROOT / "playbooks").rglob("*.sh")]
    for path in texts:
        assert not re.search(r"--repo[ =]~", path.read_text()), path


def test_a_call_that_makes_no_sense_would_be_found() -> None:
    text = "```sh\ndx-dispatch epyc6 --exec true --wait  # dx-dispatch --logs x\n```\n"
    (call,) = _calls(text)

    with pytest.raises(UsageError, match="--wait is of no use"):
        parse(call)


def test_what_the_reader_s_shell_would_make_of_a_call_is_found() -> None:
    (call,) = _calls('As in `dx-dispatch epyc6 "a b" --repo ~/c`.')

    assert call == ["epyc6", "a b", "--repo", f"{HOME_HERE}/c"]


# words, tables, numbers


def _wide(text: str) -> list[str]:
    """Its lines that are too long, but table rows, targets of links, and the skill's head."""
    body = re.sub(r"(?s)\A---\n.*?\n---\n", "", text)
    lines = [re.sub(r"\]\([^)]*\)", "]()", line) for line in body.splitlines()]
    return [line for line in lines if len(line) > _WIDTH and line[0] != "|" and " " in line.strip()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=_named)
def test_no_line_of_a_document_is_too_long(document: Path) -> None:
    assert not _wide(document.read_text())


def test_a_line_that_is_too_long_would_be_found() -> None:
    word, row, link = "w" * 200, "|" + " w" * 100, f"[a](https://{'w' * 200})"

    assert not _wide(f"{word}\n{row}\nSee {link}.\n")
    assert len(_wide(f"{'w ' * 100}\n    {'w ' * 100}\n")) == 2


@pytest.mark.parametrize("document", _TAUGHT, ids=_named)
def test_every_option_that_the_guide_names_exists(document: Path) -> None:
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", document.read_text())):
        assert option in known_options(), option


@pytest.mark.parametrize("document", [ROOT / "README.md", *_TAUGHT], ids=_named)
def test_the_exit_codes_are_the_real_ones(document: Path) -> None:
    rows = _rows(document.read_text(), "outcome", "exit code")

    assert {(row[0], row[1]) for row in rows} == {
        *((str(each), str(each.exit_code)) for each in FanoutOutcome),
        ("", str(UsageError.exit_code)),
        ("", str(INCOMPLETE)),
    }


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("document", [ROOT / "docs/inventory.md", *_TAUGHT], ids=_named)
def test_the_canonical_vms_are_those_of_the_inventory(document: Path) -> None:
    hosts = list_hosts(Settings.load(content_dir("inventory")))
    text = document.read_text()
    rows = _rows(text, "VM", "user", "auth mode", "aliases", "capabilities")
    real = {
        each.host: [
            each.user,
            each.auth_mode,
            ", ".join(each.aliases),
            ", ".join(each.capabilities),
        ]
        for each in hosts
    }
    if document == SKILL:
        rows = _rows(text, "VM", "user", "auth mode", "capabilities")
        real = {host: [*cells[:2], cells[3]] for host, cells in real.items()}

    assert {host: cells[: len(real[host])] for host, *cells in rows} == real


def _documents() -> dict[str, dict[str, Any]]:
    """A JSON document of each kind, under what the guide's table calls it."""
    turn = TurnResult(
        host="h", session_id="s", user=None, outcome=None, reason=None,
        changes=Changes(commits=0, files=0, dirty=False, head=None),
    )  # fmt: skip
    info = SessionInfo.of("h", {"session": "s", "state": "running"})
    ran = FanoutResult(
        outcome=FanoutOutcome.SUCCESS, reason=Reason.OK, host="h", user=None, command_summary="",
        attempts=1, duration_ms=0,
    )  # fmt: skip
    checked = PreflightResult(
        status=PreflightStatus.OK, host="h", user=None, auth_mode=None, duration_ms=0, attempts=1
    )
    cleaned = CleanResult(host="h", removed=(), kept={})
    texts = {
        "a task": render_sessions.turns_document([turn], 0),
        "`--exec`": "".join(render.fanout_document([ran], 0)),
        "`--jules`": render_sessions.turns_document([JulesResult(outcome=None, reason=None)], 0),
        "`--list`": render.health_document([checked]),
        "`--sessions`": render_sessions.sessions_document(SessionList([info], {}), 0),
        "`--status ses_…`": render_sessions.status_document(info, turn),
        "`--clean`": render_sessions.clean_document([cleaned], 0),
        "no result": error_document(UsageError("a", "b")),
    }
    return {name: json.loads(text) for name, text in texts.items()}


def _entry(document: dict[str, Any]) -> dict[str, Any]:
    """What is listed in it, or the object that it is about."""
    for value in document.values():
        entry = value[0] if isinstance(value, list) else value
        if isinstance(entry, dict) and entry:
            return entry
    pytest.fail(f"nothing in {document}")


def test_the_json_fields_of_the_guide_are_the_real_ones() -> None:
    documents = _documents()
    rows = _rows(_GUIDE.read_text(), "call", "the document")

    assert len(rows) == 7
    for call, outer, inner in rows:
        (document,) = [each for name, each in documents.items() if call.startswith(name)]
        assert set(re.findall(r"`(\w+)`", outer)) | {"schema", "exit_code"} == set(document), call
        assert set(re.findall(r"`(\w+)`", inner)) <= set(_entry(document)), call


def _all_fields(value: object) -> set[str]:
    if isinstance(value, list):
        return {name for each in value for name in _all_fields(each)}
    if not isinstance(value, dict):
        return set()
    return set(value) | {name for each in value.values() for name in _all_fields(each)}


def test_every_json_field_is_documented() -> None:
    pages = "".join(path.read_text() for path in (ROOT / "docs").glob("*.md") if path != _GUIDE)

    for field in _all_fields(list(_documents().values())):
        assert f"`{field}`" in pages, field


@pytest.mark.parametrize("document", _TAUGHT, ids=_named)
def test_every_reason_and_field_that_the_guide_names_exists(document: Path) -> None:
    real = {*Reason, *PreflightStatus} | _all_fields(list(_documents().values())) | _VARIABLES
    text = re.sub(r"(?ms)^```\w+\n.*?^```$", "", document.read_text())
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text))

    assert named, document
    assert named <= real
    for row in _rows(text, "reason", "what to do"):
        assert set(re.findall(r"`(\w+)`", row[0])) <= {*Reason, *PreflightStatus}, row


# the skill


def test_the_skill_s_head_is_the_specification_s() -> None:
    head = SKILL.read_text().split("---\n")[1]

    assert yaml.safe_load(head) == _FRONT_MATTER
    assert SKILL.parent.name == _FRONT_MATTER["name"]


@pytest.mark.parametrize(("document", "most"), [(_GUIDE, 250), (SKILL, 100)])
def test_what_is_read_every_time_is_short(document: Path, most: int) -> None:
    assert len(document.read_text().splitlines()) <= most


def test_the_skill_leads_to_the_guide_as_the_specification_says() -> None:
    assert "[docs/MULTI_AGENT_COMMS.md](../../docs/MULTI_AGENT_COMMS.md)" in SKILL.read_text()


# Python


_SNIPPETS = [
    pytest.param(snippet, id=f"{document.name}-{number}")
    for document in DOCUMENTS
    for number, snippet in enumerate(blocks(document.read_text(), "python"))
]


@pytest.mark.resident
@pytest.mark.parametrize("snippet", _SNIPPETS)
def test_python_that_a_document_shows_runs(
    snippet: str, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DX_INVENTORY", str(write_inventory(home / "vms.yml", epyc6=LOCAL)))

    exec(compile(snippet, "snippet", "exec"), {})  # noqa: S102 - the documents are ours

    assert capsys.readouterr().out


@pytest.mark.parametrize("snippet", _SNIPPETS)
def test_python_that_a_document_shows_names_what_there_is(snippet: str) -> None:
    modules = (dxansible.fleet, dxansible.sessions)
    public = [getattr(module, name) for module in modules for name in module.__all__]
    classes = [each for each in public if isinstance(each, type)]
    fields = {name for each in classes for name in getattr(each, "__dataclass_fields__", ())}
    real = fields.union(*map(dir, classes))
    used = {node.attr for node in ast.walk(ast.parse(snippet)) if isinstance(node, ast.Attribute)}

    assert used
    assert used <= real


def test_the_specification_s_import_works() -> None:
    names: dict[str, object] = {}
    line = "from lib.fleet import fanout_ssh, run_preflight_checks, PreflightStatus, FanoutOutcome"

    exec(line, names)  # noqa: S102 - the specification's own line

    assert names["PreflightStatus"] is PreflightStatus
    assert names["FanoutOutcome"] is FanoutOutcome
