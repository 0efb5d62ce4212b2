"""What a VM prints is never taken for what the ssh client here says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.doors import DONE, Told, told, told_by_both
from tests.integration.inventories import variables_of, write_hosts
from tests.lab import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm

pytestmark = pytest.mark.resident

LOST = Told(outcome="FAILURE", reason="lost_contact", attempts=2)

WORDS = (
    "Host key verification failed.",
    "feng@epyc6: Permission denied (publickey).",
    "ssh: connect to host epyc6 port 22: Connection refused",
    "ssh: Could not resolve hostname epyc6: Name or service not known",
    "# To authenticate, visit: https://login.tailscale.com/a/1a2b3c4d",
)


def startup_file(_lab: Lab, vm: Vm, words: str) -> None:
    """Have the login shell print and exit before it looks at what it was asked to do."""
    (vm.home / ".bashrc").write_text(f"echo '{words}' >&2; exit 255\n")


def forced_command(lab: Lab, vm: Vm, words: str) -> None:
    """Have sshd run this instead of what it was asked to run."""
    keys = lab.root / "sshd" / vm.name / "authorized_keys"
    keys.write_text(f"command=\"echo '{words}' >&2; exit 255\" {keys.read_text()}")


@pytest.fixture
def talker(lab: Lab) -> Iterator[Vm]:
    """A machine that is silent again after the test."""
    vm = lab.vms["macmini"]
    yield vm
    (vm.home / ".bashrc").unlink(missing_ok=True)
    vm.heal()


@pytest.mark.parametrize("words", WORDS)
def test_a_shell_that_prints_ssh_s_words_and_exits_is_a_lost_connection(
    lab: Lab, here: Dispatcher, talker: Vm, words: str
) -> None:
    startup_file(lab, talker, words)
    for result in told_by_both(here, "true", hosts=(talker.name, talker.name)):
        assert told(result) == LOST
        assert f"the VM had printed: {words}" in result["error"]
        for remedy in ("ssh-keygen", "authorized_keys", "DNS", "machine on"):
            assert remedy not in result["error"]


SPEAKERS = (startup_file, forced_command)


@pytest.mark.parametrize("speaker", SPEAKERS, ids=["startup file", "forced command"])
def test_no_mode_gives_the_advice_to_remove_a_key_that_is_right(
    lab: Lab, user: Dispatcher, talker: Vm, speaker: Callable[[Lab, Vm, str], None]
) -> None:
    speaker(lab, talker, WORDS[0])
    calls = (
        (talker.name, "--exec", "true"),
        (talker.name, "a task", "--wait"),
        ("--status", talker.name),
        ("--sessions", talker.name),
    )
    for arguments in calls:
        answer = user.run(*arguments)
        assert answer.code not in {0, 2}, arguments
        told_text = answer.out + answer.err
        assert b"the VM had printed: Host key verification failed." in told_text, arguments
        assert b"ssh-keygen" not in told_text, arguments


def test_a_banner_in_ssh_s_words_changes_nothing(here: Dispatcher, talker: Vm) -> None:
    talker.fault(Fault.LYING_BANNER)
    here.drop_connections()
    for result in told_by_both(here, "true", hosts=(talker.name, talker.name)):
        assert told(result) == DONE
    talker.fault(Fault.REFUSE_AUTH)
    here.drop_connections()
    for result in told_by_both(here, "true", hosts=(talker.name, talker.name)):
        assert told(result) == Told(outcome="PREFLIGHT_FAILED", reason="auth_failed")
        assert "Permission denied" in result["error"]


@pytest.fixture
def through(user: Dispatcher, lab: Lab, talker: Vm, tmp_path: Path) -> Callable[[str], Dispatcher]:
    """Has the user reach the machine through another, with these options for that one's ssh."""
    return lambda options: _through(user, talker, lab.vms["homedesktop-wsl"], tmp_path, options)


def _through(user: Dispatcher, target: Vm, jump: Vm, directory: Path, options: str) -> Dispatcher:
    proxy = f"ssh {options} -i {jump.host.client.key} -p {jump.port} -W %h:%p"
    variables = {
        **variables_of(target),
        # with ControlPersist ssh throws away what a proxy says
        "ansible_ssh_args": "-o ControlMaster=no",
    }
    variables["ansible_ssh_common_args"] += f' -o ProxyCommand="{proxy} {jump.user}@{jump.address}"'
    user.environment["DX_INVENTORY"] = str(write_hosts(directory, {"behind": variables}))
    return user


JUMPS = {
    "-o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=none": (
        Told(outcome="PREFLIGHT_FAILED", reason="host_key"),
        "Host key verification failed.",
    ),
    "-o BatchMode=yes -o StrictHostKeyChecking=no -o HostName=no-such-name.invalid": (
        Told(outcome="PREFLIGHT_FAILED", reason="HOST_UNRESOLVABLE"),
        "Could not resolve hostname",
    ),
}


@pytest.mark.newcomer
@pytest.mark.parametrize(("options", "expected"), JUMPS.items(), ids=["key", "name"])
def test_a_jump_host_s_ssh_says_why_there_was_no_connection(
    through: Callable[[str], Dispatcher], options: str, expected: tuple[Told, str]
) -> None:
    result = through(options).run("behind", "--exec", "true", "--json").result
    assert told(result) == expected[0]
    assert expected[1] in result["error"]


@pytest.mark.newcomer
def test_behind_a_jump_host_the_vm_s_words_are_its_own_too(
    through: Callable[[str], Dispatcher], lab: Lab, talker: Vm
) -> None:
    options = "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    startup_file(lab, talker, WORDS[0])
    result = through(options).run("behind", "--exec", "true", "--json").result
    assert told(result) == LOST
    assert "ssh-keygen" not in result["error"]


@pytest.mark.newcomer
def test_a_log_that_the_user_wants_of_ssh_gets_its_messages(
    user: Dispatcher, talker: Vm, tmp_path: Path
) -> None:
    log = tmp_path / "a log"
    variables = variables_of(talker)
    variables["ansible_ssh_common_args"] += f" -vE '{log}'"
    user.environment["DX_INVENTORY"] = str(write_hosts(tmp_path, {"vm": variables}))
    assert told(user.run("vm", "--exec", "true", "--json").result) == DONE
    assert "Authenticated to" in log.read_text()
    talker.fault(Fault.CHANGED_KEY)
    user.drop_connections()
    result = user.run("vm", "--exec", "true", "--json").result
    assert told(result) == Told(outcome="PREFLIGHT_FAILED", reason="host_key")
    assert "Host key verification failed." in log.read_text()


@pytest.mark.newcomer
def test_no_log_of_ssh_s_is_left_behind(user: Dispatcher, talker: Vm) -> None:
    assert user.run(talker.name, "--exec", "true").code == 0
    user.drop_connections()
    talker.fault(Fault.REFUSE)
    assert user.run(talker.name, "--exec", "true").code == 3
    assert list((user.home / ".ansible" / "tmp").iterdir()) == []
