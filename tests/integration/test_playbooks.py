"""The playbooks by themselves: plain ansible-core, from a checkout and from the wheel."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.packages import ROOT, environment_with
from tests.integration.shells import BY_WHEEL, type_line

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab

_PRINTER = """
from ansible.plugins.callback import CallbackBase
import json

class CallbackModule(CallbackBase):
    CALLBACK_TYPE, CALLBACK_NAME = "stdout", "results"

    def v2_runner_on_ok(self, result):
        self._say(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._say(result)

    def _say(self, result):
        record = result._result.get("dx") or {}
        hosts = record.get("hosts") or {result._host.get_name(): result._result}
        for host, each in hosts.items():
            values = {key: each.get(key) for key in ("dx", "stdout", "stderr", "rc")}
            if values["dx"]:
                print(json.dumps({"host": host, **values}))
"""


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of an environment that holds ansible-core and no dxansible."""
    return environment_with(tmp_path_factory, "ansible-core")


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what ops teams use of a checkout: the playbooks and the inventory."""
    directory = tmp_path_factory.mktemp("checkout")
    for name in ("playbooks", "inventory"):
        shutil.copytree(ROOT / name, directory / name, symlinks=True)
    return directory


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of an environment in which our wheel is installed."""
    return environment_with(tmp_path_factory, "dxansible")


def _play(
    user: Dispatcher, bin_dir: Path, playbook: Path, tmp_path: Path, *arguments: str
) -> tuple[int, dict[str, Any]]:
    """The exit code, and each host's last result of ours."""
    callbacks = tmp_path / "callbacks"
    callbacks.mkdir(exist_ok=True)
    (callbacks / "results.py").write_text(_PRINTER)
    environment = {
        **user.environment,
        "ANSIBLE_CALLBACK_PLUGINS": str(callbacks),
        "ANSIBLE_STDOUT_CALLBACK": "results",
        "PATH": f"{bin_dir}{os.pathsep}{os.environ['PATH']}",
    }
    command = [str(bin_dir / "ansible-playbook"), str(playbook)]
    command += ["-i", user.environment["DX_INVENTORY"], *arguments]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=False)
    results = {}
    for line in done.stdout.splitlines():
        if line.startswith(b"{"):
            result = json.loads(line)
            results[result["host"]] = result
    assert results, (done.stdout, done.stderr)
    return done.returncode, results


def _request(tmp_path: Path, **variables: object) -> str:
    path = tmp_path / "request.yml"
    path.write_text(json.dumps(variables))
    return f"@{path}"


def test_a_bare_checkout_checks_hosts(
    plain: Path, checkout: Path, user: Dispatcher, tmp_path: Path
) -> None:
    code, results = _play(user, plain, checkout / "playbooks/check-hosts.yml", tmp_path)
    assert code == 0
    assert {result["dx"]["status"] for result in results.values()} == {"OK"}
    assert len(results) == 3


def test_a_bare_checkout_runs_a_command_on_a_group(
    plain: Path, checkout: Path, user: Dispatcher, tmp_path: Path
) -> None:
    request = _request(tmp_path, dx_command="echo '{{ 7*7 }}'; sleep 5; echo late >&2; exit 3")
    groups = str(checkout / "playbooks/groups/zz-groups.yml")
    code, results = _play(
        user, plain, checkout / "playbooks/run-command.yml", tmp_path,
        "-i", groups, "-e", request, "--limit", "gpu",
    )  # fmt: skip
    assert code == 2
    (result,) = results.values()
    assert (result["host"], result["rc"]) == ("epyc6", 3)
    assert (result["stdout"], result["stderr"]) == ("{{ 7*7 }}\n", "late\n")
    assert (result["dx"]["outcome"], result["dx"]["reason"]) == ("FAILURE", "exit_nonzero")


def test_a_bare_checkout_enforces_the_deadline_and_verifies_the_kill(
    plain: Path, checkout: Path, user: Dispatcher, tmp_path: Path
) -> None:
    request = _request(tmp_path, dx_command="setsid sleep 99 & sleep 99", dx_timeout=1)
    playbook = checkout / "playbooks/run-command.yml"
    _, results = _play(user, plain, playbook, tmp_path, "-e", request, "--limit", "epyc6")
    record = results["epyc6"]["dx"]
    assert (record["outcome"], record["stop_verified"]) == ("TIMEOUT", True)


def test_the_same_run_id_runs_once_whoever_sends_it(
    plain: Path, checkout: Path, user: Dispatcher, tmp_path: Path, lab: Lab
) -> None:
    mark = lab.vms["epyc6"].home / "direct"
    request = _request(tmp_path, dx_command=f"echo once >>{mark}", dx_run_id="direct_1")
    playbook = checkout / "playbooks/run-command.yml"
    for _ in range(2):
        code, _ = _play(user, plain, playbook, tmp_path, "-e", request, "--limit", "epyc6")
        assert code == 0
    attached = user.run("epyc6", "--exec", f"echo once >>{mark}", "--run-id", "direct_1")
    refused = user.run("epyc6", "--exec", f"echo twice >>{mark}", "--run-id", "direct_1")
    assert (attached.code, refused.code) == (0, 2)
    assert mark.read_text() == "once\n"


def test_stop_and_follow_work_by_run_id(
    plain: Path, checkout: Path, user: Dispatcher, tmp_path: Path
) -> None:
    with user.start("epyc6", "--exec", "echo begun; sleep 99", "--run-id", "direct_2") as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"begun\n"
        client.kill()
    run = ("-e", "dx_run_id=direct_2", "--limit", "epyc6")
    _, results = _play(user, plain, checkout / "playbooks/stop-command.yml", tmp_path, *run)
    assert results["epyc6"]["dx"]["stop_verified"] is True
    _, results = _play(user, plain, checkout / "playbooks/follow-command.yml", tmp_path, *run)
    assert results["epyc6"]["dx"]["outcome"] == "ABORTED"
    assert results["epyc6"]["stdout"] == "begun\n"


def test_a_session_needs_nothing_but_the_playbooks(
    plain: Path, checkout: Path, user: Dispatcher, tmp_path: Path
) -> None:
    def session(playbook: str, **variables: object) -> dict[str, Any]:
        request = _request(tmp_path, **variables)
        path = checkout / "playbooks" / playbook
        results = _play(user, plain, path, tmp_path, "-e", request, "--limit", "epyc6")[1]
        return dict(results["epyc6"]["dx"])

    task = "echo '{{ 7*7 }}' >>said; cat said"
    first = session("start-session.yml", dx_task=task, dx_verify="test -s said", dx_agent="shell")
    assert (first["outcome"], first["result"]["message"]) == ("SUCCESS", "{{ 7*7 }}\n")
    assert first["result"]["verify_exit_code"] == 0
    second = session("start-session.yml", dx_task=task, dx_session=first["id"])
    assert (second["turn"], second["result"]["message"]) == (2, "{{ 7*7 }}\n{{ 7*7 }}\n")
    (listed,) = session("list-sessions.yml", dx_session=first["id"])["sessions"]
    assert (listed["state"], listed["turns"]) == ("succeeded", 2)
    (tmp_path / "spec.txt").write_text("{{ 7*7 }}")
    task, files = 'cat "$DX_ATTACHMENTS/spec.txt"', [str(tmp_path / "spec.txt")]
    read = session("start-session.yml", dx_task=task, dx_agent="shell", dx_attach=files)
    assert (read["outcome"], read["result"]["message"]) == ("SUCCESS", "{{ 7*7 }}")
    files.append("/no/such/file")
    missing = session("start-session.yml", dx_task=task, dx_agent="shell", dx_attach=files)
    assert missing["kind"] == "broken"
    assert "/no/such/file can't be read on the controller" in missing["error"]
    begun = session("start-session.yml", dx_task="sleep 99", dx_agent="shell", dx_wait=False)
    assert begun["outcome"] == "RUNNING"
    assert session("stop-session.yml", dx_session=begun["id"])["stop_verified"] is True
    followed = session("follow-session.yml", dx_session=begun["id"])
    assert followed["outcome"] == "ABORTED"


def test_the_wheel_brings_playbooks_inventory_and_both_import_paths(
    wheel: Path, user: Dispatcher, tmp_path: Path
) -> None:
    script = (
        "from lib.fleet import fanout_ssh; from dxansible.settings import content_dir;"
        "print(content_dir('playbooks'), content_dir('inventory'))"
    )
    python = [str(wheel / "python"), "-c", script]
    done = subprocess.run(python, cwd=tmp_path, capture_output=True, text=True, check=True)
    playbooks, inventory = map(Path, done.stdout.split())
    assert (inventory / "hosts.yml").is_file()
    request = _request(tmp_path, dx_command="id -un")
    code, results = _play(
        user, wheel, playbooks / "run-command.yml", tmp_path, "-e", request, "--limit", "macmini"
    )
    assert code == 0
    assert results["macmini"]["stdout"].endswith("-mac\n")


def test_the_wheel_brings_the_command(wheel: Path, user: Dispatcher) -> None:
    done = subprocess.run(
        [str(wheel / "dx-dispatch"), "epyc6", "--exec", "echo from the wheel"],
        env=user.environment, capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, b"from the wheel\n"), done.stderr


def test_the_wheel_brings_the_manual_and_the_completions(
    wheel: Path, user: Dispatcher, tmp_path: Path
) -> None:
    share = wheel.parent / "share"
    manual = (share / "man/man1/dx-dispatch.1").read_text()
    assert manual.startswith('.TH DX\\-DISPATCH 1 "20')
    environment = {
        **user.environment,
        "PATH": f"{wheel}:/usr/bin:/bin",
        "SHARE": str(share),
        "XDG_DATA_DIRS": f"{share}:/usr/share",
    }
    for shell in BY_WHEEL:
        typed = type_line(shell, "dx-dispatch --vers\t", environment, tmp_path / shell, BY_WHEEL)
        assert typed.line == "dx-dispatch --version ", shell
