"""Rules of the door to ansible-runner, with the real one behind it."""

from __future__ import annotations

import _thread
import json
import os
import secrets
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dxansible.errors import ContentError, EngineError
from dxansible.run.backend import payload, play, read_inventory
from dxansible.run.request import PlayRequest
from tests.unit.local_vm import LOCAL, write_playbook
from tests.unit.waiting import runs, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from dxansible.settings import Settings

SAY = {"name": "Say", "ansible.builtin.debug": {"msg": "{{ said }}"}}
WAIT = {
    "name": "Wait for the end of the test",
    "ansible.builtin.raw": (
        "echo $PPID >~/new; mv ~/new ~/worker; while [ -d ~ ]; do sleep 0.1; done"
    ),
}
RUN_EVENTS = ("playbook_on_start", "runner_on_ok", "playbook_on_stats")


@pytest.fixture
def request_(settings: Settings, home: Path) -> PlayRequest:
    """A request to say something on one host."""
    return PlayRequest(
        playbook=write_playbook(home / "say.yml", SAY),
        inventory=settings.inventory,
        limit="here",
        variables={"said": "hello"},
        environment=settings.environment,
        runtime_dir=home,
    )


def run(request: PlayRequest, cancelled: threading.Event | None = None) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    play(request, events.append, cancelled or threading.Event())
    return events


def waiting(request: PlayRequest, home: Path) -> PlayRequest:
    return replace(request, playbook=write_playbook(home / "wait.yml", WAIT))


def once_it_waits(home: Path, act: Callable[[], None]) -> Callable[[dict[str, Any]], None]:
    def on_event(event: dict[str, Any]) -> None:
        if event["event"] == "playbook_on_play_start":
            wait_until((home / "worker").exists)
            act()

    return on_event


def worker_is_gone(home: Path) -> bool:
    return not runs(int((home / "worker").read_text()))


def said(events: list[dict[str, Any]]) -> object:
    (event,) = [event for event in events if event["event"] == "runner_on_ok"]
    return event["event_data"]["res"]["msg"]


def program(directory: Path, name: str, text: str) -> dict[str, str]:
    directory.mkdir()
    (directory / name).write_text(text)
    (directory / name).chmod(0o755)
    return {"PATH": f"{directory}:/usr/bin:/bin"}


def test_events_come_in_order_and_the_end_says_how_it_was(request_: PlayRequest) -> None:
    events: list[dict[str, Any]] = []

    end = play(request_, events.append, threading.Event())

    assert end.status == "successful"
    assert [e["event"] for e in events if e["event"] in RUN_EVENTS] == list(RUN_EVENTS)
    assert said(events) == "hello"
    # which would be two more for each task of a host
    assert not {"playbook_on_task_start", "runner_on_start"} & {e["event"] for e in events}


def test_a_string_is_never_a_template_and_other_values_keep_their_type(
    request_: PlayRequest, home: Path
) -> None:
    variables = {"first": "{{ 7*7 }}", "second": 49, "third": [True]}
    tell = {"name": "Tell", "ansible.builtin.debug": {"msg": "{{ [first, second, third] }}"}}
    playbook = write_playbook(home / "tell.yml", tell)

    events = run(replace(request_, playbook=playbook, variables=variables))

    assert said(events) == ["{{ 7*7 }}", 49, [True]]


def test_the_text_is_handed_over_and_is_neither_in_a_file_nor_in_an_argument(
    request_: PlayRequest, home: Path
) -> None:
    text = f"secret-{secrets.token_hex(8)}"
    look = (
        "python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX); "
        's.connect(sys.argv[1]); print(s.recv(100).decode()[::-1])\' "{{ dx_command_socket }}"; '
        'grep -rl "[s]ecret-TOKEN" "{{ dx_command_socket | dirname }}" /proc/[0-9]*/cmdline; true'
    ).replace("ecret-TOKEN", text[1:])
    tasks = {"name": "Look", "ansible.builtin.raw": look, "register": "found"}
    tell = {"name": "Tell", "ansible.builtin.debug": {"msg": "{{ found.stdout }}"}}
    playbook = write_playbook(home / "look.yml", tasks, tell)

    events = run(replace(request_, playbook=playbook, secret_text=text.encode()))

    (message,) = [
        event["event_data"]["res"]["msg"]
        for event in events
        if event["event"] == "runner_on_ok" and event["event_data"]["task"] == "Tell"
    ]
    assert message.split() == [text[::-1]]


def test_nothing_is_left_behind(request_: PlayRequest, home: Path) -> None:
    before = set(home.iterdir())

    run(replace(request_, secret_text=b"make test"))

    assert set(home.iterdir()) - before <= {home / ".ansible"}


def test_a_cancelled_run_ends_early_and_takes_its_processes_along(
    request_: PlayRequest, home: Path
) -> None:
    cancelled = threading.Event()

    end = play(waiting(request_, home), once_it_waits(home, cancelled.set), cancelled)

    assert end.status == "canceled"
    wait_until(lambda: worker_is_gone(home))


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_the_run_and_is_raised_again(request_: PlayRequest, home: Path) -> None:
    cancelled = threading.Event()

    with pytest.raises(KeyboardInterrupt):
        play(waiting(request_, home), once_it_waits(home, _thread.interrupt_main), cancelled)

    assert cancelled.is_set()
    wait_until(lambda: worker_is_gone(home))


def test_what_the_receiver_of_events_raises_ends_the_run_and_reaches_the_caller(
    request_: PlayRequest, home: Path
) -> None:
    cancelled = threading.Event()

    def fail() -> None:
        raise KeyError("of ours")

    with pytest.raises(KeyError, match="of ours"):
        play(waiting(request_, home), once_it_waits(home, fail), cancelled)

    assert not cancelled.is_set()
    wait_until(lambda: worker_is_gone(home))


def test_the_end_keeps_what_ansible_complained_about(request_: PlayRequest) -> None:
    end = play(replace(request_, limit="nowhere"), lambda _event: None, threading.Event())

    assert end.status == "failed"
    assert "Could not match supplied host pattern, ignoring: nowhere" in " ".join(
        end.output.split()
    )


def test_a_run_does_not_need_the_working_directory(
    request_: PlayRequest, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = home / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert said(run(request_)) == "hello"


@pytest.mark.parametrize("work", [run, read_inventory])
def test_without_ansible_the_error_says_what_to_install(
    request_: PlayRequest,
    home: Path,
    work: Any,  # noqa: ANN401 - either of two functions
) -> None:
    request = replace(request_, environment={"PATH": str(home)})

    with pytest.raises(ContentError, match=r"there is no ansible-.* here; install ansible-core"):
        work(request)


def test_an_ansible_that_cannot_be_started_is_an_engine_error(
    request_: PlayRequest, home: Path
) -> None:
    path = program(home / "bin", "ansible-playbook", "#!/no/such/python\n")

    with pytest.raises(EngineError, match=r"ansible-runner failed: .*docs/troubleshooting\.md"):
        run(replace(request_, environment=path))


def test_the_inventory_is_read_as_ansible_reads_it(request_: PlayRequest) -> None:
    inventory, warnings = read_inventory(request_)

    assert warnings == ""
    assert list(inventory["_meta"]["hostvars"]) == ["here", "twin"]
    assert inventory["gpu"]["hosts"] == ["here"]


def test_an_inventory_that_cannot_be_read_is_told_in_ansibles_own_words(
    request_: PlayRequest, home: Path
) -> None:
    broken = home / "broken.yml"
    broken.write_text("all: [")

    with pytest.raises(EngineError) as raised:
        read_inventory(replace(request_, inventory=(broken,)))

    assert "broken.yml" in raised.value.output_tail


def test_an_inventory_that_is_no_object_is_an_engine_error(
    request_: PlayRequest, home: Path
) -> None:
    path = program(home / "bin", "ansible-inventory", "#!/bin/sh\necho '[]'\n")

    with pytest.raises(EngineError, match="Ansible can't read the inventory"):
        read_inventory(replace(request_, environment=path))


def test_the_caller_s_environment_is_in_no_file_while_it_runs(
    request_: PlayRequest, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = secrets.token_hex(16)
    monkeypatch.setenv("SOME_TOKEN", token)
    found: list[Path] = []

    def look(event: dict[str, Any]) -> None:
        paths = [path for path in home.rglob("*") if path.is_file()]
        assert paths, event
        found.extend(path for path in paths if token.encode() in path.read_bytes())

    play(request_, look, threading.Event())
    read_inventory(request_)

    assert found == []


def test_a_run_that_is_sent_away_has_all_that_a_worker_needs_and_no_secret_of_ours(
    request_: PlayRequest, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = secrets.token_hex(8)
    monkeypatch.setenv("GITHUB_TOKEN", secret)
    (home / "playbooks").mkdir()
    elsewhere = replace(
        request_,
        playbook=request_.playbook.rename(home / "playbooks" / "say.yml"),
        environment={**request_.environment, "DX_WORD": secret},
    )
    inventory = {"_meta": {"hostvars": {"there": LOCAL}}, "all": {"hosts": ["there"]}}
    sent = payload(elsewhere, inventory)
    worker = str(Path(sys.executable).parent / "ansible-runner")
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)}
    done = subprocess.run([worker, "worker"], input=sent, capture_output=True, env=environment)  # noqa: PLW1510 - its output says it
    events = [json.loads(line) for line in done.stdout.splitlines() if line[:1] == b"{"]
    said = [each for each in events if each.get("event") == "runner_on_ok"]

    assert [each["event_data"]["host"] for each in said] == ["there"], done
    assert said[0]["event_data"]["res"]["msg"] == "hello"
    assert secret.encode() not in sent
    assert not list(home.glob("tmp*"))
