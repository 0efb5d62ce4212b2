"""The documents say what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dxansible import parameters
from dxansible.cli.option import Group
from dxansible.parameters import Parameter
from dxansible.record import FanoutOutcome, PreflightStatus, Reason
from dxansible.run.first_inventory import EXAMPLES, inventory_text
from tests.state_tables import with_tables
from tests.unit.cli.option_rows import HEAD, rows_of
from tests.unit.shown_calls import DOCUMENTS, known_options

_ROOT = Path(__file__).parents[2]
_COLLECTION = _ROOT / "playbooks/collections/ansible_collections/dxansible/fleet"


def _text(name: str) -> str:
    return (_ROOT / name).read_text()


@pytest.mark.parametrize("option", sorted(known_options()))
def test_every_option_is_in_the_document_of_the_command_line(option: str) -> None:
    assert re.search(rf"`[^`]*(?<![\w-]){option}(?![\w-])", _text("docs/cli.md")), option


@pytest.mark.parametrize("group", Group)
def test_the_document_has_each_group_s_options_as_the_table_has_them(group: Group) -> None:
    section = _text("docs/cli.md").partition(f"\n### {group}\n")[2].partition("\n#")[0]
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in section.strip().splitlines()]
    cells = [[cell.strip() for cell in line] for line in lines]

    assert cells[0] == HEAD
    assert [row[:3] for row in cells[2:]] == rows_of(group)
    assert all(row[3] for row in cells[2:])


def test_the_inventory_to_copy_is_the_one_that_init_writes() -> None:
    shown = re.findall(r"(?ms)^```yaml\n(.*?)^```$", _text("docs/inventory.md"))

    assert shown[0] == inventory_text(EXAMPLES)


def test_every_variable_but_an_internal_one_is_documented() -> None:
    documented = _text("docs/operations.md") + _text("docs/inventory.md")
    known = {each.variable for each in vars(parameters).values() if isinstance(each, Parameter)}

    assert {name for name in known if f"`{name}`" not in documented} == {"dx_only"}


@pytest.mark.parametrize("word", [*FanoutOutcome, *Reason, *PreflightStatus])
def test_every_outcome_and_reason_is_documented(word: str) -> None:
    assert re.search(rf"\b{word}\b", _text("docs/outcomes.md")), word


def test_the_tables_of_states_are_those_of_the_module() -> None:
    text = _text("docs/outcomes.md")

    assert with_tables(text) == text, "write them again: make schemas"


def test_every_option_that_the_documents_use_exists() -> None:
    known = known_options()
    for document in DOCUMENTS:
        for line in document.read_text().splitlines():
            if "dx-dispatch " in line:
                used = set(re.findall(r"(?<=\s)--[a-z][a-z-]*", line.partition("dx-dispatch ")[2]))
                assert used <= known, (document.name, line)


def test_every_link_in_the_documents_leads_somewhere() -> None:
    for document in DOCUMENTS:
        for target, heading in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", document.read_text()):
            if target.startswith("http"):
                continue
            path = document.parent / target if target else document
            assert path.exists(), (document.name, target)
            assert not heading or heading in _headings(path), (document.name, target, heading)


def _headings(document: Path) -> set[str]:
    """As links name them."""
    found = re.findall(r"(?m)^#+ (.*)$", document.read_text())
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in found}


@pytest.mark.parametrize("name", ["architecture", "engine"])
def test_a_document_of_the_inside_names_files_that_exist(name: str) -> None:
    places = [_ROOT, _ROOT / "dxansible", _COLLECTION, _COLLECTION / "plugins" / "plugin_utils"]
    for named in re.findall(r"`([\w./-]+\.(?:py|sh|yml)|[\w./-]+/)`", _text(f"docs/{name}.md")):
        found = any((place / named).exists() for place in places)
        assert found or list((_ROOT / "playbooks").rglob(Path(named).name)), named


def test_the_architecture_fits_on_three_screens_and_names_every_room() -> None:
    text = _text("docs/architecture.md")

    assert len(text.splitlines()) <= 150
    for room in (_ROOT / "dxansible").iterdir():
        if room.is_dir() and (room / "__init__.py").exists():
            assert f"`{room.name}/`" in text, room.name


def test_every_variable_of_the_playbooks_is_documented() -> None:
    documented = _text("docs/operations.md") + _text("docs/inventory.md")
    internal = {"dx_stream", "dx_command_socket", "dx_check_reachable"}
    for playbook in (_ROOT / "playbooks").rglob("*.yml"):
        for name in set(re.findall(r"\bdx_[a-z_]+", playbook.read_text())) - internal:
            assert f"`{name}`" in documented or f"{name}:" in documented, name
