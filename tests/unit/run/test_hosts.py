"""Rules of reading the inventory, and of explaining why a name is not in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dxansible.errors import EngineError, InventoryError, NoMatchError
from dxansible.results import HostMapping
from dxansible.run.hosts import (
    explain_no_match,
    list_hosts,
)
from dxansible.run.request import PlayEnd
from tests.unit.local_vm import write_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from dxansible.settings import Settings


pytestmark = pytest.mark.resident


def ended(output: str) -> PlayEnd:
    return PlayEnd(status="failed", output=output, exit_code=1)


IGNORED = "[WARNING]: Could not match supplied host pattern, ignoring: {}"


def test_hosts_are_listed_with_what_the_inventory_says(settings: Settings, home: Path) -> None:
    write_inventory(
        home / "inventory.yml",
        epyc6={
            "ansible_host": "100.64.0.6",
            "ansible_port": 2222,
            "ansible_user": "feng",
            "dx_auth_mode": "tailscale",
            "dx_aliases": ["epyc"],
            "dx_capabilities": ["gpu", "ml"],
        },
        bare={"dx_path": ["~/bin"]},
    )

    assert list_hosts(settings) == [
        HostMapping(host="bare", address="bare", port=22, user=None, auth_mode=None),
        HostMapping(
            host="epyc6",
            address="100.64.0.6",
            port=2222,
            user="feng",
            auth_mode="tailscale",
            aliases=("epyc",),
            capabilities=("gpu", "ml"),
        ),
    ]


def test_what_only_a_run_can_tell_is_left_open(settings: Settings, home: Path) -> None:
    write_inventory(
        home / "inventory.yml",
        epyc6={"ansible_port": "{{ 2000 + 222 }}", "dx_aliases": "{{ ['epyc'] }}"},
    )

    (mapping,) = list_hosts(settings)

    assert (mapping.port, mapping.aliases) == (None, ())


def test_an_inventory_that_cannot_be_read_is_the_reason(settings: Settings, home: Path) -> None:
    (home / "inventory.yml").write_text("all: [")

    problem = explain_no_match("here", settings, ended(""))

    assert isinstance(problem, InventoryError)
    assert str(home / "inventory.yml") in problem.message
    assert "line 1, can't be used: While parsing a flow node did not find" in problem.message


@pytest.mark.parametrize(
    ("target", "missing", "suggestions"),
    [("heer", "heer", ("here",)), ("twin,gppu", "gppu", ("gpu",)), ("heer:&zz", "zz", ())],
)
def test_the_name_that_is_missing_is_told_with_the_nearest_ones(
    settings: Settings, target: str, missing: str, suggestions: tuple[str, ...]
) -> None:
    problem = explain_no_match(target, settings, ended(IGNORED.format(missing)))

    assert isinstance(problem, NoMatchError)
    assert (problem.pattern, problem.suggestions) == (missing, suggestions)


def test_a_pattern_of_known_names_that_comes_to_nothing_is_told_whole(
    settings: Settings,
) -> None:
    problem = explain_no_match(
        "twin:&gpu", settings, ended("Specified inventory leaves us with no hosts")
    )

    assert isinstance(problem, NoMatchError)
    assert problem.pattern == "twin:&gpu"


def test_an_end_before_any_host_is_the_engines_fault(settings: Settings) -> None:
    problem = explain_no_match("here", settings, ended("ERROR! the playbook could not be found"))

    assert isinstance(problem, EngineError)
    assert problem.output_tail == "ERROR! the playbook could not be found"


def test_the_inventory_that_is_not_there_any_more_is_an_inventory_error(
    settings: Settings, home: Path
) -> None:
    gone = replace(settings, inventory=(home / "gone", *settings.inventory[1:]))

    with pytest.raises(InventoryError, match=r"the inventory .*/gone can't be used: "):
        list_hosts(gone)


def test_a_source_of_ours_that_is_broken_is_named_itself(settings: Settings, home: Path) -> None:
    (home / "groups.yml").write_text("plugin: [")
    broken = replace(settings, inventory=(settings.inventory[0], home / "groups.yml"))

    with pytest.raises(InventoryError, match=r"groups\.yml"):
        list_hosts(broken)
