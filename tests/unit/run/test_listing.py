"""Rules of showing, cleaning and choosing, by what VMs say of themselves."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from dxansible.errors import NoMatchError
from dxansible.record import HostRecord
from dxansible.results import CleanResult, SessionInfo
from dxansible.run.events import HostBroken, OutputReceived
from dxansible.run.gather import ResultCollector
from dxansible.run.turn_events import SessionsSeen
from dxansible.sessions import (
    SessionList,
    choose_host,
    clean_sessions,
    list_sessions,
)
from dxansible.states import StateWarning
from tests.unit.local_vm import write_playbook
from tests.unit.run.records import PREFLIGHT
from tests.unit.test_turn_results import RECORD

if TYPE_CHECKING:
    from pathlib import Path

    from dxansible.settings import Settings

pytestmark = pytest.mark.resident

SAY = """\
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        if "of" not in self._task.args:
            return {"dx": {"kind": "hosts", "hosts": task_vars["ansible_play_hosts_all"]}}
        record = self._task.args["of"].get(task_vars["inventory_hostname"])
        return {} if record is None else {"dx": record, "failed": bool(record.get("error"))}
"""
LISTED: dict[str, Any] = {"kind": "sessions", "sessions": [], "load": 0.5, "error": None}
DOWN = PREFLIGHT | {"status": "HOST_UNREACHABLE", "error": "twin: is it on?"}


def said(playbooks: Path, name: str, *steps: dict[str, dict[str, Any]]) -> None:
    """Make a playbook that says which hosts it has, and whose tasks have these records of ours."""
    (playbooks / "action_plugins").mkdir(exist_ok=True)
    (playbooks / "action_plugins" / "say.py").write_text(SAY, encoding="ascii")
    arguments = [{}, *({"of": step} for step in steps)]
    write_playbook(playbooks / name, *({"name": "Say", "say": each} for each in arguments))


def fails(playbooks: Path, name: str) -> None:
    """Make a playbook that breaks on every host."""
    task = {"name": "Break", "ansible.builtin.fail": {"msg": "our content is broken"}}
    write_playbook(playbooks / name, task)


def info(session: str, **changes: object) -> dict[str, object]:
    return RECORD | {"session": session} | changes


def test_running_sessions_come_first_and_then_the_newest(playbooks: Path) -> None:
    running: dict[str, object] = {"outcome": None, "state": "running"}
    here = [info("old", age_s=90), info("new", age_s=5), info("unknown", age_s=None)]
    twin = [info("busy", age_s=99, **running), info("begun", age_s=7, **running)]
    said(
        playbooks,
        "list-sessions.yml",
        {"here": PREFLIGHT, "twin": PREFLIGHT},
        {"here": LISTED | {"sessions": here}, "twin": LISTED | {"sessions": twin}},
    )

    found = list_sessions()

    assert [each.session_id for each in found.sessions] == [
        "begun",
        "busy",
        "unknown",
        "new",
        "old",
    ]
    assert (found.errors, found.hosts) == ({}, ["here", "twin"])


def test_a_host_that_does_not_answer_has_an_error(playbooks: Path) -> None:
    failed = LISTED | {"error": "here: its shell does not answer"}
    said(playbooks, "list-sessions.yml", {"here": PREFLIGHT, "twin": DOWN}, {"here": failed})

    found = list_sessions()

    assert found.errors == {
        "here": "here: its shell does not answer",
        "twin": "twin: is it on?",
    }


def test_where_ansible_breaks_its_first_words_are_kept() -> None:
    found = ResultCollector(HostRecord)

    for words in "xy":
        found.handle(HostBroken(host="here", text=words))
    for late in (SessionsSeen(host="here", sessions=()), OutputReceived(host="here")):
        with pytest.warns(StateWarning, match="here: [a-z]+ after ended"):
            found.handle(late)

    assert found.results["here"].error == "here: Ansible failed: x"
    assert list(found.listings) == ["here"]


def test_silence_of_a_host_is_not_the_absence_of_sessions(playbooks: Path) -> None:
    said(playbooks, "list-sessions.yml", {"here": PREFLIGHT, "twin": PREFLIGHT}, {"here": LISTED})

    assert list(list_sessions().errors) == ["twin"]


def test_a_pattern_without_a_host_is_an_error_of_every_call(settings: Settings) -> None:
    with pytest.raises(NoMatchError, match="did you mean here"):
        list_sessions("heer", settings)
    with pytest.raises(NoMatchError, match="did you mean here"):
        clean_sessions("heer", settings)


def test_who_cancels_is_not_told_that_there_is_no_such_host(settings: Settings) -> None:
    cancelled = threading.Event()
    cancelled.set()

    assert list_sessions("here", settings, cancelled=cancelled) == SessionList()


# cleaning


def test_every_host_has_a_result_of_its_cleaning(playbooks: Path) -> None:
    cleaned = {"kind": "clean", "removed": ["a"], "kept": {"b": "has work"}, "error": None}
    said(playbooks, "clean-sessions.yml", {"here": PREFLIGHT, "twin": DOWN}, {"here": cleaned})

    assert clean_sessions(age_days=0) == [
        CleanResult(host="here", removed=("a",), kept={"b": "has work"}),
        CleanResult(host="twin", removed=(), kept={}, error="twin: is it on?"),
    ]


def test_silence_is_not_a_clean_host(playbooks: Path) -> None:
    said(
        playbooks,
        "clean-sessions.yml",
        {"here": PREFLIGHT},
        {"here": {"kind": "sessions", **LISTED}},
    )

    here, twin = clean_sessions()

    assert str(here.error).endswith("without a result for this host")
    assert str(twin.error).endswith("without a result for this host")


def test_where_ansible_breaks_a_host_is_not_clean(playbooks: Path) -> None:
    fails(playbooks, "clean-sessions.yml")

    (result,) = clean_sessions("here")

    assert result.error == "here: Ansible failed: our content is broken"


# choosing


def surveyed(**changes: object) -> dict[str, Any]:
    return PREFLIGHT | {"running": 0, **changes}


@pytest.mark.parametrize(
    ("here", "twin", "host", "why"),
    [
        (
            {"load": 0.5},
            {"load": 0.25},
            "twin",
            "load 0.25, the least of 2 free hosts of 2",
        ),
        ({"load": None}, {"load": 9.0}, "twin", "load 9.00, the least of 2 free hosts of 2"),
        ({"load": None}, {"running": 1}, "here", "unknown load, the only free host of 2"),
        (
            {"agent_found": False},
            {"running": 2},
            None,
            "here: its agent opencode is not installed; twin: 2 session(s) running",
        ),
        (
            {"status": "TIMEOUT", "error": "here: no answer"},
            {"status": "HOST_UNREACHABLE"},
            None,
            "here: no answer; twin: HOST_UNREACHABLE",
        ),
    ],
)
def test_the_least_loaded_host_that_is_free_is_chosen(
    playbooks: Path,
    here: dict[str, object],
    twin: dict[str, object],
    host: str | None,
    why: str,
) -> None:
    said(playbooks, "check-hosts.yml", {"here": surveyed(**here), "twin": surveyed(**twin)})

    choice = choose_host("all")

    assert (choice.host, choice.why) == (host, why)


def test_a_listing_is_of_sessions_as_data(playbooks: Path) -> None:
    listed = {"here": LISTED | {"sessions": [RECORD]}, "twin": LISTED}
    said(playbooks, "list-sessions.yml", {"here": PREFLIGHT, "twin": PREFLIGHT}, listed)

    assert list_sessions().sessions == [SessionInfo.of("here", RECORD)]
