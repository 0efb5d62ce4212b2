"""Rules of finding the variable because of which Ansible could not run a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dxansible.run.events import HostBroken, PreflightDone, parse

if TYPE_CHECKING:
    from pathlib import Path


def failed(playbooks: Path, *origins: str, msg: str = "'nosuch' is undefined") -> dict[str, Any]:
    """The event of a task that failed, with the places that Ansible shows on screen."""
    return {
        "event": "runner_on_failed",
        "stdout": "".join(f"Task failed.\r\nOrigin: {each}\r\n\r\n" for each in origins),
        "event_data": {
            "host": "epyc6",
            "playbook": str(playbooks / "run-command.yml"),
            "res": {"msg": f"Task failed: {msg}"},
        },
    }


def explained(raw: dict[str, Any]) -> str | None:
    (event,) = parse(raw)
    return event.result.error if isinstance(event, PreflightDone) else None


FILES = [
    ("host_vars/epyc6/a.yml", "---\nfoo: 1\nansible_user: '{{ x }}'\n", "3:15", "ansible_user"),
    ("host_vars/epyc6/a.yml", "dx_path:\n- ok\n- '{{ x }}'\n", "3:3", "dx_path"),
    ("host_vars/epyc6.yml", "dx_agents:\n  a:\n    start: ['{{ x }}']\n", "3:13", "dx_agents"),
    ("group_vars/all", '"dx_path": ["{{ x }}"]\n', "1:13", "dx_path"),
    ("hosts.yml", "all:\n  vars:\n    dx_path:\n      - '{{ x }}'\n", "4:9", "dx_path"),
    ("hosts.json", '{"a": {"ansible_port": 22, "dx_path": "{{ x }}"}}', "1:39", "dx_path"),
    ("hosts", "epyc6 ansible_user={{ x }}\n", "1", "ansible_user"),
]


@pytest.mark.parametrize(("name", "text", "place", "variable"), FILES)
def test_the_variable_is_named_with_its_host_and_file(
    tmp_path: Path, name: str, text: str, place: str, variable: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    playbooks = tmp_path / "playbooks"

    found = explained(failed(playbooks, f"{playbooks}/task.yml:2:3", f"{path}:{place}"))

    line = place.partition(":")[0]
    assert found == (
        f"epyc6: {variable} in {path}, line {line}, can't be used ('nosuch' is undefined); "
        "correct it there"
    )


@pytest.mark.parametrize("text", [None, "", "# nothing here\n"])
def test_a_file_that_does_not_show_a_name_is_still_named(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "hosts.yml").write_text(text)

    found = explained(failed(tmp_path / "playbooks", f"{tmp_path}/hosts.yml:7:9"))

    assert found is not None
    assert found.startswith(f"epyc6: line 7 of {tmp_path}/hosts.yml can't be used")


def test_a_secret_that_can_t_be_decrypted_comes_with_the_way_to_give_a_password(
    tmp_path: Path,
) -> None:
    words = "Attempting to decrypt but no vault secrets found."
    msg = f"Error processing keyword 'password': {words}"

    found = explained(failed(tmp_path / "playbooks", f"{tmp_path}/hosts:1", msg=msg))

    assert found is not None
    assert "(Attempting to decrypt but no vault secrets found); set ANSIBLE_VAULT" in found


def test_what_breaks_in_our_content_is_not_the_inventory_s_fault(tmp_path: Path) -> None:
    (event,) = parse(failed(tmp_path, f"{tmp_path}/roles/dx/tasks/run-command.yml:2:3"))

    assert isinstance(event, HostBroken)


def test_variables_beside_the_playbooks_are_the_inventory_s(tmp_path: Path) -> None:
    (event,) = parse(failed(tmp_path, f"{tmp_path}/group_vars/all.yml:1:1"))

    assert isinstance(event, PreflightDone)
    assert event.misconfigured


@pytest.mark.parametrize("stdout", [None, "Origin: <unknown>\r\n", "no origin"])
def test_a_failure_without_a_place_is_no_variable_s(tmp_path: Path, stdout: str | None) -> None:
    assert explained({**failed(tmp_path), "stdout": stdout}) is None


def fleet(playbooks: Path, *origins: str) -> dict[str, Any]:
    """A try of the task that is for all hosts, in which one host broke and another did not."""
    broken = {"host": "epyc6", "kind": "broken", "done": True, "error": "'nosuch' is undefined"}
    hosts = {"host": "macmini", "kind": "hosts", "hosts": ["macmini", "epyc6"]}
    news = [
        hosts | {"slack_channel": None},
        broken | {"origins": [f"Origin: {each}\n\n1 dx_path: x" for each in origins]},
    ]
    return {
        "event": "runner_retry",
        "event_data": {
            "host": "macmini",
            "playbook": str(playbooks / "run-command.yml"),
            "res": {"dx": {"kind": "fleet", "news": news}},
        },
    }


def test_of_many_hosts_the_one_that_broke_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "host_vars" / "epyc6.yml"
    path.parent.mkdir()
    path.write_text("dx_path: '{{ nosuch }}'\n")

    _, event = parse(fleet(tmp_path / "playbooks", f"{path}:1:10"))

    assert isinstance(event, PreflightDone)
    assert event.misconfigured
    assert event.result.host == "epyc6"
    assert event.result.error == (
        f"epyc6: dx_path in {path}, line 1, can't be used ('nosuch' is undefined); correct it there"
    )


def test_of_many_hosts_one_that_broke_without_a_place_has_ansible_s_words(tmp_path: Path) -> None:
    _, event = parse(fleet(tmp_path))

    assert event == HostBroken(host="epyc6", text="'nosuch' is undefined")
