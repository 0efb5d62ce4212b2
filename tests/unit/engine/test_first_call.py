"""In a first call Ansible loads beside our own modules, and is the engine that the run finds."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from dxansible.__main__ import _start_playbooks
from tests.unit.engine.person import answer
from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    from tests.unit.engine.person import Person

_BEGIN = """
import sys
from dxansible.calls.argv import foretell
from dxansible.engine.early import begin
begin(foretell(sys.argv[1:]).inventory)
"""
_SETTINGS = {"ANSIBLE_CALLBACK_PLUGINS": "/nowhere", "ANSIBLE_STDOUT_CALLBACK": "minimal"}


@pytest.mark.parametrize("given", [{}, _SETTINGS], ids=["", "settings"])
def test_the_run_finds_the_engine_that_was_started_before_it(
    person: Person, given: dict[str, str]
) -> None:
    person.environment.update(given)
    answer(person.program(_BEGIN, "here", "--exec", "true"))
    wait_until(lambda: len(list(person.engines.glob("*.sock"))) == 1)
    (early,) = person.pids()
    said = answer(person.dispatch("here", "--exec", "true", "-v"))
    programs = [lock.read_text().split() for lock in person.engines.glob("*.lock")]

    assert said.code == 0
    assert [int(pid) for pid, program in programs if program == "ansible-playbook"] == [early]
    assert "program=ansible-playbook" not in person.reason(said)


def test_a_large_inventory_is_parsed_early_too(person: Person) -> None:
    inventory = person.home / "large.json"
    document = json.loads((person.home / "inventory.yml").read_text())
    document["all"]["hosts"] |= {f"host-{number:0100d}": {} for number in range(1_000)}
    inventory.write_text(json.dumps(document))
    call = ("here", "--exec", "true", f"--inventory={inventory}")
    answer(person.program(_BEGIN, *call))
    wait_until(lambda: len(list(person.engines.glob("*.sock"))) == 1)
    (early,) = person.pids()
    assert answer(person.dispatch(*call)).code == 0
    programs = [lock.read_text().split() for lock in person.engines.glob("*.lock")]

    assert [int(pid) for pid, program in programs if program == "ansible-playbook"] == [early]


def test_an_engine_that_is_killed_while_it_loads_holds_nobody_up(person: Person) -> None:
    process = person.playbook("--version")
    wait_until(lambda: bool(person.pids()))
    os.kill(person.pids()[0], signal.SIGKILL)
    said = answer(process)

    assert (said.code, person.reason(said)) == (0, "")


@pytest.mark.parametrize("arguments", [[], ["--help"], ["--jules", "Fix it"]])
def test_none_is_started_where_no_run_will_be(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("it starts something"))
    monkeypatch.setattr(sys, "argv", ["dx-dispatch", *arguments])
    _start_playbooks()
