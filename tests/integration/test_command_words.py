"""A command in words, its own exit code, and calls that only show what they would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm


def test_words_after_two_dashes_are_what_the_program_gets(user: Dispatcher) -> None:
    words = ["a  b", "it's", '"$HOME"', "*", "", "--json", "=ls", "é\n"]

    answer = user.run("epyc6", "--exec", "--timeout", "1m", "--", "printf", r"%s\0", *words)

    assert (answer.code, answer.out.decode().split("\0")) == (0, [*words, ""])


@pytest.mark.sampled("user")
@pytest.mark.engines
@pytest.mark.parametrize(
    ("target", "command", "code"),
    [
        ("epyc", "exit 0", 0),
        ("epyc6", "exit 7", 7),
        ("gpu", "exit 3", 3),
        ("epyc6", "exit 130", 130),
        ("epyc6", "kill -9 $$", 137),
        ("epyc6", "sleep 60", 124),
        ("epic6", "exit 7", 3),
    ],
)
def test_a_command_s_own_exit_code_is_passed_on_where_it_ran_to_its_end(
    user: Dispatcher, target: str, command: str, code: int
) -> None:
    limit = ("--timeout", "1s") if "sleep" in command else ()

    answer = user.run(target, "--exec", command, "--pass-exit-code", "--json", *limit)

    assert (answer.code, answer.document["exit_code"]) == (code, code)


@pytest.mark.sampled("user")
@pytest.mark.engines
def test_the_exit_code_of_several_commands_is_refused_before_one_of_them_runs(
    user: Dispatcher, lab: Lab
) -> None:
    before = {name: vm.connections for name, vm in lab.vms.items()}

    for pattern in ("epyc6,macmini", "all"):
        answer = user.run(pattern, "--exec", "echo >ran", "--pass-exit-code", "--json")
        assert answer.code == 2
        assert f"{pattern} is {2 if ',' in pattern else 3} hosts: " in str(answer.document["error"])
        assert "nothing was started" in answer.document["error"]["remedy"]

    assert {name: vm.connections for name, vm in lab.vms.items()} == before


DRY = {
    "a command": (("gpu", "--exec", "echo $X", "--env", "X=1", "--cwd", "~/a"), "command"),
    "a command in words": (("epyc6", "--exec", "--run-id", "id_1", "--", "ls", "a b"), "command"),
    "a task": (("epyc", "Mend it", "--repo", "~/app", "--verify", "make test"), "prompt"),
    "a task for a free host": (("any:all", "Mend it"), "prompt"),
    "a further task": (
        ("--session", "ses_0123456789abcdef-54150442", "Go on", "--queue"),
        "prompt",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "field"), DRY.values(), ids=DRY)
def test_a_dry_run_contacts_no_machine_and_says_what_would_go_where(
    user: Dispatcher, lab: Lab, call: tuple[str, ...], field: str
) -> None:
    before = {name: vm.connections for name, vm in lab.vms.items()}
    options = call[: call.index("--")] if "--" in call else call
    rest = call[len(options) :]

    shown = user.run(*options, "--dry-run", *rest)
    answer = user.run(*options, "--dry-run", "--json", *rest)

    document, text = answer.document, shown.out.decode()
    assert (shown.code, shown.err, answer.code, document["dry_run"]) == (0, b"", 0, True)
    hosts = ["epyc6", "homedesktop-wsl", "macmini"] if "any:all" in call else ["epyc6"]
    assert [each["host"] for each in document["hosts"]] == hosts
    for host in hosts:
        vm = lab.vms[host]
        assert f"{vm.user}@{vm.address}:{vm.port}" in text
    assert text.startswith(f"{document[field]}\n\non ")
    assert text.endswith("\nDry run: nothing was sent.\n")
    assert document["one_of"] is ("any:all" in call)
    assert {name: vm.connections for name, vm in lab.vms.items()} == before


def test_a_dry_run_says_when_and_through_which_node_the_work_would_start(user: Dispatcher) -> None:
    late = user.run("epyc6", "--exec", "true", "--in", "2h", "--via", "local", "--dry-run")
    back = ["--when-back", "1h", "--serial", "1,50%", "--max-fail", "0", "--dry-run", "--json"]
    options = user.run("epyc6", "--exec", "true", *back).document["options"]
    at = user.run("epyc6", "fix it now", "--at", "2099-01-02 03:04", "--dry-run")

    assert "\nin             7200 s\n" in late.out.decode()
    assert "\nvia            local\n" in late.out.decode()
    assert (options["when_back_sec"], options["serial"], options["max_fail"]) == (3600, "1,50%", 0)
    assert (at.code, b"30 days" in at.err) == (2, True)


def test_a_dry_run_shows_every_option_in_its_unit(user: Dispatcher) -> None:
    task = user.run(
        "epyc6", "Mend it", "--max-cost", "2.5", "--repo", "~/app", "--beads", "bd-1", "--claim",
        "--lease", "30m", "--dry-run",
    )  # fmt: skip
    shown = [" ".join(each.split()) for each in task.out.decode().splitlines()]
    assert {"max-cost $2.5", "claim yes", "lease 1800 s"} <= {*shown}


def test_a_dry_run_shows_no_secret(user: Dispatcher) -> None:
    secret = "ghp_" + "0a1B2c3D" * 5
    call = [
        "epyc6",
        "--exec",
        f"curl -H 'Authorization: Bearer {secret}' x",
        "--env",
        f"X={secret}",
    ]

    for more in ([], ["--json"]):
        answer = user.run(*call, "--dry-run", *more, env={"MY_TOKEN": "only-we-know-this"})
        assert answer.code == 0
        assert b"Bearer ***" in answer.out
        assert secret.encode() not in answer.out + answer.err
    answer = user.run(
        "epyc6", "tell only-we-know-this", "--dry-run", env={"MY_TOKEN": "only-we-know-this"}
    )
    assert answer.out.decode().startswith("tell ***\n")


def test_a_dry_run_of_a_command_reads_no_standard_input(user: Dispatcher, epyc6: Vm) -> None:
    before = epyc6.connections
    answer = user.run("epyc6", "--stdin", "--exec", "cat", "--dry-run", stdin=b"x" * 10)

    assert (answer.code, epyc6.connections) == (0, before)
    assert "stdin          yes" in answer.out.decode()
