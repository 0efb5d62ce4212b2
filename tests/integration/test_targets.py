"""Which hosts a call is about: patterns, and inventories of all kinds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dxansible.errors import UsageError
from dxansible.fleet import check_hosts, fanout, fanout_ssh, run_preflight_checks
from dxansible.sessions import (
    SessionOptions,
    choose_host,
    clean_sessions,
    list_sessions,
    start_session,
)
from tests.integration.inventories import variables_of, write_hosts

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm

PATTERNS = {
    "gpu": ["epyc6"],
    "mac": ["macmini"],
    "wsl,epyc": ["homedesktop-wsl", "epyc6"],
    "all:!macmini": ["homedesktop-wsl", "epyc6"],
    "all:&ios": ["macmini"],
    "*e*:!epyc6": ["homedesktop-wsl"],
    "epyc6,macmini": ["macmini", "epyc6"],
}


@pytest.mark.resident
def test_groups_aliases_and_patterns_choose_hosts(
    user: Dispatcher, pool: ThreadPoolExecutor
) -> None:
    asked = {
        pattern: pool.submit(user.run, pattern, "--exec", "true", "--json") for pattern in PATTERNS
    }
    chosen = {
        pattern: [result["host"] for result in answer.result().document["results"]]
        for pattern, answer in asked.items()
    }
    assert chosen == PATTERNS


@pytest.mark.parametrize("pattern", ["epyc6,epic7", "epyc6:epic7", "all:!epic7"])
def test_a_pattern_with_an_unknown_name_is_refused_before_anything_runs(
    user: Dispatcher, epyc6: Vm, pattern: str
) -> None:
    (epyc6.home / "ran").unlink(missing_ok=True)
    answer = user.run(pattern, "--exec", "echo >>ran", "--json")
    assert answer.code == 3
    assert answer.document["error"]["type"] == "NoMatchError"
    assert "epic7" in answer.document["error"]["message"]
    assert "epyc6" in answer.document["error"]["remedy"]
    assert not (epyc6.home / "ran").exists()


UNKNOWN = ("epic6", "gppu", "epyc9*", "epyc6:&ios", "epyc6,epic7", "localhost")


@pytest.mark.parametrize(
    "call",
    [
        ("TARGET", "--exec", "true"),
        ("TARGET", "--agent", "shell", "true"),
        ("any:TARGET", "--agent", "shell", "true"),
        ("--status", "TARGET"),
        ("--sessions", "TARGET"),
        ("--clean", "TARGET", "--yes"),
        ("TARGET", "--exec", "true", "--dry-run"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("target", UNKNOWN)
@pytest.mark.engines
@pytest.mark.sampled("user")
def test_a_target_without_a_host_has_one_exit_code_in_every_call(
    user: Dispatcher, call: tuple[str, ...], target: str
) -> None:
    answer = user.run(*(word.replace("TARGET", target) for word in call), "--json")
    assert (answer.code, answer.document["exit_code"]) == (3, 3)
    (said,) = answer.document.get("results") or [answer.document["error"]]
    assert ": no such host" in (said.get("message") or said["error"])


EMPTY = (
    *("", " ", "\t", ",", ":", " , ", "!", "&", "~", "[", "]", "@EMPTY", "any:", "any: "),
    *("epyc6,,macmini", "epyc6,", "epyc6:", ":epyc6", "all:!", "all,!", "all:! ", "all:&"),
    *("epyc6:~", "!~", "epyc6,@EMPTY", "any:gpu,", "any:!"),
)
"""What a pattern is where a variable in it has no value. To Ansible many of them are all hosts."""


@pytest.fixture
def traps(lab: Lab) -> Callable[[], list[str]]:
    """What a command that should not run would leave, and where it has."""
    marks = [vm.home / "ran" for vm in lab.vms.values()]
    for mark in marks:
        mark.unlink(missing_ok=True)
    return lambda: [str(mark) for mark in marks if mark.exists()]


def _is_refused(user: Dispatcher, *call: str) -> None:
    answer = user.run(*call, "--json")
    assert (answer.code, answer.document["error"]["type"]) == (2, "UsageError"), call
    assert answer.document["error"]["message"].startswith("TARGET ")
    assert "write all if you mean every VM" in answer.document["error"]["remedy"]


@pytest.mark.parametrize("target", EMPTY)
def test_an_empty_target_and_an_empty_term_run_nothing(
    user: Dispatcher, traps: Callable[[], list[str]], tmp_path: Path, target: str
) -> None:
    (tmp_path / "names").write_text("\n \n")
    target = target.replace("@EMPTY", f"@{tmp_path / 'names'}")
    what = ("--agent", "shell") if target.startswith("any:") else ("--exec",)
    _is_refused(user, target, *what, "echo >ran")
    assert traps() == []


@pytest.mark.parametrize("target", ["", "epyc6,"])
def test_no_call_takes_an_empty_target_for_all(
    user: Dispatcher, traps: Callable[[], list[str]], target: str
) -> None:
    _is_refused(user, target, "--agent", "shell", "--wait", "echo >ran")
    for call in (("--status",), ("--sessions",), ("--clean",), ("--clean", "--yes")):
        _is_refused(user, *call, target)
    assert traps() == []


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("target", ["", " ", ",", "epyc6,", "all:!"])
def test_an_empty_target_runs_nothing_from_python(
    traps: Callable[[], list[str]], target: str
) -> None:
    calls: list[Callable[[], object]] = [
        lambda: fanout(target, "echo >ran"),
        lambda: fanout_ssh(target, "echo >ran"),
        lambda: check_hosts(target),
        lambda: run_preflight_checks(target),
        lambda: start_session(target, "echo >ran", SessionOptions(agent="shell")),
        lambda: list_sessions(target),
        lambda: clean_sessions(target),
        lambda: choose_host(target),
    ]
    for call in calls:
        with pytest.raises(UsageError, match="write all if you mean every VM"):
            call()
    assert traps() == []


@pytest.mark.resident
def test_colons_in_brackets_and_in_addresses_are_no_empty_terms(
    user: Dispatcher, lab: Lab, tmp_path: Path
) -> None:
    variables = variables_of(lab.vms["epyc6"])
    write_hosts(tmp_path, dict.fromkeys(("web1", "web2", "web3", "fe80::1", "::1"), variables))
    (tmp_path / "names").write_text("web1\n\nweb3\n")
    wanted = {
        "all[0:1]": ["web1", "web2"],
        "all[2:]": ["web3", "fe80::1", "::1"],
        "fe80::1": ["fe80::1"],
        "::1": ["::1"],
        "web*:!web2": ["web1", "web3"],
        "web1, web3": ["web1", "web3"],
        f"@{tmp_path / 'names'}": ["web1", "web3"],
        "!web*": ["fe80::1", "::1"],
    }
    for pattern, hosts in wanted.items():
        answer = user.run(pattern, "-i", str(tmp_path / "hosts.json"), "--exec", "true", "--json")
        assert [each["host"] for each in answer.document.get("results", [])] == hosts, pattern


def test_an_inventory_may_be_a_program(user: Dispatcher, lab: Lab, tmp_path: Path) -> None:
    vm = lab.vms["macmini"]
    script = tmp_path / "hosts.sh"
    document = {
        "lab": {"hosts": ["dynamic"]},
        "_meta": {"hostvars": {"dynamic": variables_of(vm)}},
    }
    script.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(document)}\nEND\n")
    script.chmod(0o755)
    answer = user.run("lab", "-i", str(script), "--exec", "echo hello", "--json")
    assert (answer.code, answer.result["host"], answer.result["stdout"]) == (
        0,
        "dynamic",
        "hello\n",
    )


def test_an_inventory_may_be_a_plugin(user: Dispatcher, lab: Lab, tmp_path: Path) -> None:
    write_hosts(tmp_path, {name: variables_of(vm) for name, vm in lab.vms.items()})
    (tmp_path / "zz-groups.yml").write_text(
        "plugin: ansible.builtin.constructed\ngroups:\n  short: inventory_hostname | length < 8\n"
    )
    answer = user.run("short", "-i", str(tmp_path), "--exec", "echo hello", "--json")
    hosts = [result["host"] for result in answer.document["results"]]
    assert (answer.code, hosts) == (0, ["macmini", "epyc6"])
