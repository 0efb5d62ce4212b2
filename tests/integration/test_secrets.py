"""Secrets in a command reach the VM, and nothing else that anybody may read."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from dxansible.fleet import FanoutOutcome, FanoutResult, fanout_ssh
from tests.integration.inventories import variables_of, write_hosts
from tests.integration.traces import files_with, processes_with, running_for
from tests.integration.vm_processes import wait_until, work_on
from tests.services import SlackServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.dispatcher import Answer, Dispatcher
    from tests.lab import Lab, Vm

pytestmark = pytest.mark.resident

KEY = """-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACDSECRETSECRETSECRET
-----END OPENSSH PRIVATE KEY-----"""


@dataclass(frozen=True, slots=True)
class Case:
    """Words of a command, and what in them is secret."""

    words: str
    secret: str


CASES = {
    "bearer token": Case("'Authorization: Bearer Zm9vYmFy.QmF6cXV4-81'", "Zm9vYmFy.QmF6cXV4-81"),
    "password option": Case("--user bob --password hunter2-Rosebud", "hunter2-Rosebud"),
    "password in a URL": Case("https://bob:s3cr3t-Pa55@example.org/x", "s3cr3t-Pa55"),
    "Slack token": Case("xoxb-1234567890-abcdefABCDEF", "1234567890-abcdefABCDEF"),
    "GitHub token": Case("ghp_0123456789abcdefghijABCDEFGHIJ012345", "0123456789abcdefghij"),
    "private key": Case(KEY, "SECRETSECRETSECRET"),
    "assignment": Case("API_KEY=k3y-0f-my-own DB_PASSWORD='two words'", "k3y-0f-my-own"),
    "quoted assignment": Case("DB_PASSWORD='correct horse battery'", "horse battery"),
}
ALL_WORDS = "\n".join(case.words for case in CASES.values())
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)

FATES = "case $(id -un) in *-mac) exit 7 ;; *-wsl) sleep 60 ;; esac"


def _command(words: str) -> str:
    """Return a command that tells only a checksum of the words, and ends differently on each VM."""
    return f"cat <<'END' | sha256sum\n{words}\nEND\n{FATES}"


@pytest.fixture(scope="module")
def inventory(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The three machines, and one that can't be found."""
    hosts = {name: variables_of(vm) for name, vm in lab.vms.items()}
    hosts["lost"] = {**hosts["epyc6"], "ansible_host": "lost.invalid"}
    return str(write_hosts(tmp_path_factory.mktemp("secrets"), hosts))


def _run(user: Dispatcher, inventory: str, words: str, *options: str, **environment: str) -> Answer:
    arguments = ("-i", inventory, "--timeout", "4", "--exec", _command(words), *options)
    return user.run("all", *arguments, env=environment)


@each_case
def test_no_outcome_shows_a_secret_and_the_vm_gets_it_unchanged(
    user: Dispatcher, inventory: str, case: Case
) -> None:
    answer = _run(user, inventory, case.words, "--json", "-vv")
    results = {result["host"]: result for result in answer.document["results"]}
    assert {host: result["outcome"] for host, result in results.items()} == {
        "epyc6": "SUCCESS",
        "macmini": "FAILURE",
        "homedesktop-wsl": "TIMEOUT",
        "lost": "PREFLIGHT_FAILED",
    }
    digest = sha256(f"{case.words}\n".encode()).hexdigest()
    assert results["epyc6"]["stdout"] == results["macmini"]["stdout"] == f"{digest}  -\n"
    assert case.secret.encode() not in answer.out + answer.err
    assert all("***" in result["command_summary"] for result in results.values())


def test_neither_log_nor_summary_shows_a_secret(user: Dispatcher, inventory: str) -> None:
    answer = _run(user, inventory, ALL_WORDS, "-vv")
    _check_shows_none(answer)
    for word in (b"success host=epyc6", b"failure host=macmini", b"timeout host=", b"PREFLIGHT"):
        assert word in answer.err


def test_json_log_lines_show_no_secret(user: Dispatcher, inventory: str) -> None:
    answer = _run(user, inventory, ALL_WORDS, "-vv", "--json", DX_LOG_FORMAT="json")
    events = {json.loads(line)["event"] for line in answer.err.splitlines()}
    assert {"success", "failure", "timeout", "preflight_failed"} <= events
    _check_shows_none(answer)


def _check_shows_none(answer: Answer) -> None:
    for case in CASES.values():
        assert case.secret.encode() not in answer.out + answer.err


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("host", ["macmini", "nowhere"])
def test_python_callers_see_no_secret(host: str) -> None:
    lines: list[str] = []
    result = fanout_ssh(host, _command(ALL_WORDS), log_callback=lines.append)
    assert result.outcome in (FanoutOutcome.FAILURE, FanoutOutcome.PREFLIGHT_FAILED)
    assert lines
    for case in CASES.values():
        assert all(case.secret not in text for text in (*lines, *_shown(result)))


def _shown(result: FanoutResult) -> list[str]:
    return [repr(result), str(result), result.command_summary, json.dumps(result.to_dict())]


def test_an_unknown_host_and_a_usage_error_show_no_secret(user: Dispatcher) -> None:
    words = " ".join(case.words for case in CASES.values())
    for arguments in (
        ("nowhere", "--exec", words, "-vv"),
        ("nowhere", "--exec", words, "-vv", "--json"),
        ("epyc6", "--exec", words, "--list", "--json"),
        ("epyc6", words),
        ("epyc6", words, "--json"),
        ("epyc6", "--exec", words, words, "--json"),
        (words, "--json"),
        ("epyc6", "--run-id", words, "--exec", "true"),
    ):
        answer = user.run(*arguments)
        assert answer.code in (2, 3)
        _check_shows_none(answer)


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """A Slack whose token is a canary as well."""
    with SlackServer() as server:
        server.token = f"xoxb-{secrets.token_hex(18)}"
        yield server


@pytest.fixture
def tokens(slack: SlackServer) -> dict[str, str]:
    """An environment with a canary in the place of every token that we know."""
    canary = slack.token.removeprefix("xoxb-")
    return {
        "DX_SLACK_URL": slack.url,
        "SLACK_BOT_TOKEN": slack.token,
        "SLACK_WEBHOOK_URL": f"https://hooks.slack.com/services/T0/B0/{canary}",
        "GITHUB_TOKEN": f"ghp_{canary}",
        "GH_TOKEN": f"ghp_{canary}",
        "JULES_API_KEY": canary,
    }


def _wait_and_look(epyc6: Vm, canary: str) -> None:
    """Once the work has begun, see that no process shows the canary in its arguments."""
    wait_until((epyc6.home / "begun").exists, 30, "the work has begun")
    (epyc6.home / "begun").unlink()
    assert [each for each in processes_with(canary) if each.endswith("cmdline")] == []


def test_the_callers_own_tokens_stay_in_its_environment(
    user: Dispatcher, epyc6: Vm, slack: SlackServer, tokens: dict[str, str]
) -> None:
    canary, since = tokens["JULES_API_KEY"], time.time() - 1
    (epyc6.home / "begun").unlink(missing_ok=True)
    look = "env; touch begun; sleep 2"
    for call in (("--exec", look), (look, "--agent", "shell", "--wait")):
        with user.start("epyc6", *call, "--json", "-vv", env=tokens) as client:
            _wait_and_look(epyc6, canary)
            out, err = client.communicate(timeout=60)
        assert client.returncode == 0
        assert canary.encode() not in out + err
        assert b"HOME=" in out  # what the work saw has been shown
    assert len(slack.messages) == 4
    assert canary not in json.dumps(slack.requests)
    assert files_with(canary, since=since) == []
    with user.start("epyc6", "--exec", "touch begun; sleep 5", env=tokens) as client:
        _wait_and_look(epyc6, canary)
        client.kill()
    wait_until(lambda: not running_for(user), 15, "the killed client's helpers have ended")
    assert files_with(canary, since=since) == []
    wait_until(lambda: not work_on(epyc6), 30, "the command is over")


def test_a_live_connection_keeps_no_token_of_the_caller(
    user: Dispatcher, epyc6: Vm, tokens: dict[str, str], tmp_path: Path
) -> None:
    ssh, seen = tmp_path / "ssh", tmp_path / "seen"
    ssh.write_text(f'#!/bin/sh\nenv >>"{seen}"\nexec ssh "$@"\n')
    ssh.chmod(0o755)
    hosts = {"epyc6": {**variables_of(epyc6), "ansible_ssh_executable": str(ssh)}}
    inventory = str(write_hosts(tmp_path, hosts))

    for call in (("epyc6", "--exec", "true"), ("--list",), ("epyc6", "true", "--agent", "shell")):
        assert user.run("-i", inventory, *call, env=tokens).code == 0

    assert "HOME=" in seen.read_text()
    assert tokens["JULES_API_KEY"] not in seen.read_text()


def test_a_token_that_looks_like_words_is_masked_too(user: Dispatcher, epyc6: Vm) -> None:
    words = "correct horse battery"
    command = f"echo {words}; exit 3"
    answer = user.run(epyc6.name, "--exec", command, "-vv", env={"JULES_API_KEY": words})

    assert answer.code == 1
    assert answer.out.decode() == f"{words}\n"
    assert words not in answer.err.decode()
    assert b'command="echo ***; exit 3"' in answer.err
