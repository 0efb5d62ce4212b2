"""Rules of the way to one host."""

from __future__ import annotations

import getpass
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure
from ansible_collections.dxansible.fleet.plugins.plugin_utils import link
from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_door import HostDoor
from ansible_collections.dxansible.fleet.plugins.plugin_utils.link import LinkError
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_errors import SshFailure

if TYPE_CHECKING:
    from ansible_collections.dxansible.fleet.plugins.plugin_utils.checks import Target


@dataclass
class Plugin:
    """A connection plugin that has the options it is given."""

    transport: str = "ssh"
    options: dict[str, Any] = field(default_factory=dict)
    log: str = ""
    code: int = 0
    error: Exception | None = None
    logs: list[Path] = field(default_factory=list)

    def get_option(self, option: str) -> Any:  # noqa: ANN401 - as Ansible's
        return self.options[option]

    def set_option(self, option: str, value: object) -> None:
        self.options[option] = value

    def _split_ssh_args(self, argstring: str) -> list[str]:
        return shlex.split(argstring)

    def exec_command(
        self,
        cmd: str,  # noqa: ARG002 - as Ansible's
        in_data: bytes | None = None,  # noqa: ARG002 - as Ansible's
        *,
        sudoable: bool = True,  # noqa: ARG002 - as Ansible's
    ) -> tuple[int, bytes, bytes]:
        self.logs.append(Path(shlex.split(self.options["ssh_extra_args"])[-1]))
        self.logs[-1].write_text(self.log)
        if self.error is not None:
            raise self.error
        return self.code, b"", b""


def describe(plugin: Plugin, **variables: object) -> Target:
    return link.describe("epyc6", plugin, variables)


def hardened(plugin: Plugin, *, batch_mode: bool = True, **ssh: str) -> str:
    link.add_ssh_options(plugin, ssh, connect_timeout=2.4, batch_mode=batch_mode)
    return str(plugin.options.get("ssh_extra_args", ""))


def test_a_host_is_what_ansible_itself_would_use() -> None:
    plugin = Plugin(
        options={
            "host": "100.64.0.6",
            "port": 2222,
            "remote_user": "feng",
            "private_key_file": "~/key",
            "password": "hunter2",
        }
    )

    target = describe(
        plugin,
        ansible_host="not this",
        ansible_user="nor this",
        dx_auth_mode="tailscale",
        dx_aliases=["epyc"],
        dx_hostnames=["EPYC-6"],
    )

    assert (target.address, target.port, target.user) == ("100.64.0.6", 2222, "feng")
    assert (target.auth_mode, target.connection) == ("tailscale", "ssh")
    assert (target.key_file, target.has_password) == ("~/key", True)
    assert target.hostnames == ("epyc6", "epyc", "EPYC-6")


def test_what_the_plugin_does_not_have_comes_from_the_variables() -> None:
    target = describe(Plugin(), ansible_host="100.64.0.6", ansible_user="feng")

    assert (target.address, target.port, target.user) == ("100.64.0.6", None, "feng")
    assert (target.key_file, target.has_password) == (None, False)


def test_what_nothing_says_is_the_name_the_usual_method_and_no_user() -> None:
    target = describe(Plugin(), dx_aliases=None)

    assert (target.address, target.auth_mode, target.user) == ("epyc6", "ssh_key", None)
    assert target.hostnames == ("epyc6",)


def test_a_local_connection_runs_as_who_we_are_unless_told_otherwise() -> None:
    target = describe(Plugin("local"))

    assert (target.auth_mode, target.user) == ("local", getpass.getuser())
    assert describe(Plugin("local"), ansible_user="feng").user == "feng"


@pytest.mark.usefixtures("home")
def test_ssh_is_asked_with_all_the_arguments_that_ansible_would_give_it() -> None:
    options = {
        "host": "vm",
        "port": 2222,
        "remote_user": "feng",
        "ssh_args": "-o ControlMaster=auto",
        "ssh_common_args": "-F none -o 'HostName=127.0.0.9'",
        "ssh_extra_args": None,
    }
    plugin = Plugin(options=options)

    found = link.ssh_config(describe(plugin), plugin, 5)

    assert found is not None
    assert (found.hostname, found.port) == ("127.0.0.9", 2222)


@pytest.mark.usefixtures("home")
def test_without_a_port_and_a_user_ssh_s_own_configuration_decides() -> None:
    plugin = Plugin(options={"ssh_common_args": "-F none -o Port=2200"})

    found = link.ssh_config(describe(plugin), plugin, 5)

    assert found is not None
    assert (found.hostname, found.port) == ("epyc6", 2200)


def test_another_connection_has_no_configuration_of_ssh() -> None:
    plugin = Plugin("local")

    assert link.ssh_config(describe(plugin), plugin, 5) is None


def test_keepalives_and_no_questions_are_put_after_the_user_s_own_options() -> None:
    plugin = Plugin(options={"ssh_extra_args": "-o ServerAliveInterval=99"})

    assert hardened(plugin) == (
        "-o ServerAliveInterval=99 -o ServerAliveInterval=5 -o ServerAliveCountMax=3 "
        "-o BatchMode=yes -o StrictHostKeyChecking=accept-new"
    )
    assert plugin.options["timeout"] == 2
    assert plugin.options["reconnection_retries"] == 0


def test_a_short_timeout_is_still_one() -> None:
    plugin = Plugin()

    link.add_ssh_options(plugin, {}, connect_timeout=0.2, batch_mode=True)

    assert plugin.options["timeout"] == 1


def test_a_person_may_be_asked_where_that_is_wanted() -> None:
    assert "BatchMode" not in hardened(Plugin(), batch_mode=False)


@pytest.mark.parametrize("strict", ["yes", "true", "accept-new", "no", "false", "off"])
def test_a_choice_about_host_keys_in_ssh_s_configuration_stays(strict: str) -> None:
    assert "StrictHostKeyChecking" not in hardened(Plugin(), strict=strict)


def test_a_choice_about_host_keys_in_ansible_s_configuration_stays() -> None:
    assert "StrictHostKeyChecking" not in hardened(Plugin(options={"host_key_checking": False}))
    assert "accept-new" in hardened(Plugin(options={"host_key_checking": True}), strict="ask")


@pytest.mark.parametrize(("directory", "fits"), [("~/.ansible/cp", True), ("/x" * 40, False)])
@pytest.mark.usefixtures("home")
def test_a_control_socket_whose_path_is_too_long_is_not_used(directory: str, *, fits: bool) -> None:
    plugin = Plugin(options={"control_path_dir": directory})

    assert ("ControlPath=none" not in hardened(plugin)) is fits


def test_another_connection_is_left_as_it_is() -> None:
    plugin = Plugin("local")

    assert hardened(plugin) == ""
    assert plugin.options == {}


@pytest.mark.parametrize("failure", sorted({*SshFailure} - {SshFailure.LOST}))
def test_every_failure_comes_with_a_remedy(failure: SshFailure) -> None:
    text = link.explain("epyc6", LinkError(failure, "what ssh said"))

    assert text.startswith("epyc6: what ssh said; ")
    assert len(text) > len("epyc6: what ssh said; ")


def test_a_lost_connection_is_no_reason_to_send_the_command_again() -> None:
    lost = LinkError(SshFailure.LOST, "what ssh said")
    assert link.explain("epyc6", lost) == "epyc6: what ssh said"


def test_a_check_of_tailscale_s_comes_with_the_address_to_visit() -> None:
    url = "https://login.tailscale.com/a/1a2b"

    text = link.explain("epyc6", LinkError(SshFailure.CONNECT_TIMEOUT, f"visit: {url}"))

    assert f"visit {url} and try again" in text


def linked(plugin: Plugin) -> HostDoor:
    door = HostDoor(plugin, None, {})
    door.open({}, connect_timeout=5, batch_mode=True)
    return door


def test_a_connection_failure_is_told_by_ssh_s_log_alone() -> None:
    plugin = Plugin(
        log="feng@epyc6: Permission denied (publickey).\n",
        error=AnsibleConnectionFailure("via ssh: Host key verification failed.\r\n"),
    )
    way = linked(plugin)

    with pytest.raises(LinkError, match=r"^feng@epyc6: Permission denied \(publickey\)\.$"):
        way.exec_command("true")

    assert (way.failure, way.reached) == (SshFailure.AUTH, False)


def test_a_password_that_sshpass_found_wrong_is_a_refused_login() -> None:
    way = linked(Plugin(error=AnsibleAuthenticationFailure("Invalid/incorrect password:")))

    with pytest.raises(LinkError, match=r"Invalid/incorrect password:$"):
        way.exec_command("true")

    assert way.failure is SshFailure.AUTH


@pytest.mark.parametrize(("code", "reached"), [(0, True), (3, True), (255, False), (-9, False)])
def test_a_host_is_reached_when_a_command_of_it_has_ended(code: int, *, reached: bool) -> None:
    way = linked(Plugin(code=code))

    assert way.exec_command("true") == (code, b"", b"")
    assert way.reached is reached


def test_an_answer_ends_what_was_known_of_the_call_that_failed_before() -> None:
    plugin = Plugin(log="ssh: connect to host epyc6 port 22: Connection refused\n", code=255)
    plugin.error = AnsibleConnectionFailure("via ssh: ")
    way = linked(plugin)
    with pytest.raises(LinkError):
        way.exec_command("true")
    refused, plugin.error = way.failure, None

    way.exec_command("true")

    assert (refused, way.failure, way.reached) == (SshFailure.UNREACHABLE, None, False)


def test_ssh_s_log_is_gone_after_the_call_and_its_option_too() -> None:
    plugin = Plugin()

    linked(plugin).exec_command("true")

    assert plugin.logs
    assert not any(path.exists() for path in plugin.logs)
    assert "-E" not in plugin.options["ssh_extra_args"]


@pytest.mark.parametrize("option", ["-E {}", "-vE{}", "-o Port=22 -E {}"])
def test_a_log_that_the_user_wants_gets_the_messages_too(tmp_path: Path, option: str) -> None:
    theirs = tmp_path / "log"
    plugin = Plugin(options={"ssh_common_args": option.format(theirs)}, log="what ssh says\n")

    linked(plugin).exec_command("true")

    assert theirs.read_text() == "what ssh says\n"


def test_a_log_of_the_user_s_that_can_t_be_written_stops_nothing(tmp_path: Path) -> None:
    for arguments in (f"-E {tmp_path}/missing/log", "-o"):
        plugin = Plugin(options={"ssh_common_args": arguments}, log="what ssh says\n")

        assert linked(plugin).exec_command("true")[0] == 0
