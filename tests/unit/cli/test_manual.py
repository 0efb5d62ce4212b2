"""The manual page has what the table has, and is clean roff."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from dxansible.cli.help_text import EXAMPLES
from dxansible.cli.manual import page, where_of_use
from dxansible.cli.option import Group, Kind
from dxansible.cli.table import table
from dxansible.record import FanoutOutcome

if TYPE_CHECKING:
    from pathlib import Path

    from dxansible.cli.option import Option


def _in_groups() -> list[Option]:
    options = [each for each in table().values() if each.kind is not Kind.ARGUMENT]
    return [each for group in Group for each in options if each.group is group]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page as a wide terminal shows it, without bold letters."""
    path = tmp_path_factory.mktemp("man") / "dx-dispatch.1"
    path.write_text(page("1.2.3", "2026-01-31"))
    command = ["mandoc", "-Tutf8", "-O", "width=1000", str(path)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.sub(r".\x08", "", text)


def test_the_page_is_clean(tmp_path: Path) -> None:
    path = tmp_path / "dx-dispatch.1"
    path.write_text(page("1.2.3", "2026-01-31"))

    found = subprocess.run(
        ["mandoc", "-Tlint", "-W", "all", str(path)], capture_output=True, text=True, check=False
    )

    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_every_option_is_there_once_with_all_that_the_table_says(shown: str) -> None:
    options = shown.partition("OPTIONS\n")[2]
    found = re.findall(r"(?m)^ {7}(-[\w-]+(?:, -[\w-]+)*)([ \[].*)?\n(.*)$", options)

    assert [names for names, *_ in found] == [", ".join(each.names) for each in _in_groups()]
    for each, (_, *lines) in zip(_in_groups(), found, strict=True):
        text = " ".join(lines)
        assert each.help in text
        assert each.default is None or f"Default: {each.default}." in text
        assert each.chooses or f"Of use with {where_of_use(each)}." in text
    for group in Group:
        assert f"   {group}\n" in options


def test_examples_and_exit_codes_are_there_as_they_are_typed(shown: str) -> None:
    for call, text in EXAMPLES:
        assert re.search(rf"{re.escape(call)}\s+{re.escape(text)}", shown), call
    for outcome in FanoutOutcome:
        assert re.search(rf"(?m)^ +{outcome.exit_code}\s+{outcome}$", shown), outcome
    assert "dxansible 1.2.3" in shown
    assert "2026-01-31" in shown
