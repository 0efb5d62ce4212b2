"""Ends of turns that nobody waited for: whoever sees one first tells it, once over all machines."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.lab import processes
from tests.services.slack import CHANNEL, api_error
from tests.unit.local_vm import LOCAL, write_inventory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.services import SlackServer
    from tests.unit.cli.test_command import Answer

    Call = Callable[..., Answer]

pytestmark = pytest.mark.resident

ASKS = 'grep -q ask || exit 0; echo "permission requested: bash" >&2'
HELD = "until [ -e ~/go ]; do sleep 0.05; done"
NOTED = 'until [ -e "$1" ]; do set -- ~/vm/*/note.slack; sleep 0.1; done'
AGENTS: dict[str, Any] = {
    "dx_agent": "reader",
    "dx_agents": {
        "reader": {"start": ["sh", "-c", '! grep -q "please fail"']},
        "sleeper": {"start": ["sleep", "60"]},
        "held": {"start": ["sh", "-c", HELD]},
        "noted": {"start": ["sh", "-c", NOTED]},
        "asks": {"start": ["sh", "-c", ASKS], "needs_input": [{"stderr": "^permission req"}]},
    },
}


@dataclass
class World:
    """A VM, whose sessions are in ``vm``, and machines that share nothing but that."""

    call: Call
    slack: SlackServer
    home: Path
    monkeypatch: pytest.MonkeyPatch

    @property
    def vm(self) -> Path:
        return self.home / "vm"

    def use(self, inventory: str, **hosts: dict[str, Any]) -> None:
        """Have this inventory from now on."""
        path = write_inventory(self.home / inventory, **hosts)
        self.monkeypatch.setenv("DX_INVENTORY", str(path))

    def go_to(self, machine: str) -> None:
        state = self.home / machine / "dxansible"
        if not state.exists():
            state.mkdir(parents=True)
            (state / "sessions").symlink_to(self.vm)
        self.monkeypatch.setenv("XDG_STATE_HOME", str(state.parent))

    def begin(self, task: str = "Mend it", *more: str) -> str:
        answer = self.call("here", task, *more)
        session = answer.out.decode().strip()
        assert answer.code == 0, answer.err
        return session

    def finish(self, task: str = "Mend it", *more: str) -> str:
        """The same, and wait for its end without asking the VM."""
        session = self.begin(task, *more)
        patience = time.monotonic() + 30
        while not (self.vm / f"{session}.1" / "end").exists():
            assert time.monotonic() < patience, "the turn does not end"
            time.sleep(0.05)
        return session

    @property
    def ends(self) -> list[str]:
        return [text for text in self.slack.texts if re.match(r"[A-Z]+: |needs input: ", text)]


@pytest.fixture
def world(call: Call, slack: SlackServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(call, slack, home, monkeypatch)
    made.use("agents.yml", here=LOCAL | AGENTS, twin=LOCAL | AGENTS)
    made.vm.mkdir()
    made.go_to("a")
    return made


@pytest.mark.parametrize(
    "words",
    [
        ("--logs", "SES"),
        ("--logs", "SES", "--follow"),
        ("--status", "SES"),
        ("--sessions", "here"),
        ("--abort", "SES"),
        ("--session", "SES", "more", "--wait"),
    ],
    ids=" ".join,
)
def test_any_call_that_sees_it_tells_it_in_the_thread(world: World, words: tuple[str, ...]) -> None:
    session = world.finish("please fail")
    assert world.ends == []
    world.go_to("b")
    world.call(*(session if word == "SES" else word for word in words))
    world.go_to("c")
    world.call("--sessions", "here")

    first, told, *others = (each for each in world.slack.messages if "more" not in each["text"])
    assert told["text"].startswith("FAILURE: here | here: FAILURE · exit_nonzero")
    assert told["text"].endswith(f"session {session} | task: please fail")
    assert told["thread_ts"] == first["ts"]
    assert [each for each in others if each.get("thread_ts") == first["ts"]] == []


def test_what_needs_an_answer_says_how_to_give_it(world: World) -> None:
    session = world.finish("ask me", "--agent", "asks")
    world.go_to("b")
    world.call("--sessions", "here")

    assert world.slack.texts[-1].startswith("needs input: here | here: FAILURE · needs_input")
    assert f'dx-dispatch --session {session} "ANSWER"' in world.slack.texts[-1]


def test_who_waits_tells_it_and_nobody_else(world: World) -> None:
    world.call("here", "please fail", "--wait")
    world.call("all", "please fail too", "--wait")
    world.go_to("b")
    world.call("--sessions", "here")

    assert len(world.ends) == 2
    assert "here: FAILURE" in world.ends[1]
    assert "twin: FAILURE" in world.ends[1]


def test_who_waits_and_is_not_the_first_tells_nothing(world: World) -> None:
    def claim(_text: str) -> None:
        (turn,) = world.vm.iterdir()
        (turn / "note.slack-end").write_text("another\n")
        (world.home / "go").touch()

    world.slack.hook = claim
    assert world.call("here", "Mend it", "--wait", "--agent", "held").code == 0

    assert (len(world.slack.messages), world.ends) == (1, [])


def test_the_thread_is_noted_while_somebody_waits(world: World) -> None:
    call = ("here", "Mend it", "--wait", "--agent", "noted", "--timeout", "30")
    assert world.call(*call).code == 0

    (note,) = world.vm.glob("*/note.slack")
    assert note.read_text() == f"{CHANNEL} {world.slack.messages[0]['ts']}\n"
    assert len(world.ends) == 1


def test_a_webhook_s_ends_stand_alone(world: World) -> None:
    world.monkeypatch.delenv("SLACK_BOT_TOKEN")
    world.monkeypatch.setenv("SLACK_WEBHOOK_URL", world.slack.webhook)
    world.finish()
    world.go_to("b")
    world.call("--sessions", "here")
    world.call("--sessions", "here")

    assert len(world.ends) == 1
    assert all("thread_ts" not in each for each in world.slack.messages)
    assert not list(world.vm.glob("*/note.slack"))


@pytest.mark.newcomer
@pytest.mark.parametrize("secret", ["SLACK_BOT_TOKEN", "SLACK_WEBHOOK_URL"])
def test_the_secret_is_nowhere(world: World, secret: str) -> None:
    canary = world.slack.token if secret == "SLACK_BOT_TOKEN" else world.slack.webhook  # noqa: S105 - a name
    world.monkeypatch.delenv("SLACK_BOT_TOKEN")
    world.monkeypatch.setenv(secret, canary)
    key = canary.rpartition("/")[2]
    looked: list[set[int]] = []

    def look(_phase: str) -> None:
        looked.append(processes.running(key))

    world.slack.hook = look
    session = world.finish("env >~/env; echo please fail", "--agent", "shell", "-v")
    world.go_to("b")
    texts = [world.call("--logs", session, "-v", "--json")]
    world.slack.fail(api_error(f"no_such_thing {canary}"), times=20)
    texts.append(world.call("here", "Mend it", "--wait", "-v"))
    texts.append(world.call("--sessions", "-v", "--json"))

    assert len(world.ends) == 1
    assert "please fail" in world.slack.texts[0]
    assert "no_such_thing" in texts[1].err
    assert looked
    assert set().union(*looked) == set()
    bodies = str([body for _, body in world.slack.requests])
    for text in (bodies, *(each.err + str(each.out) for each in texts)):
        assert key not in text
    for path in world.home.rglob("*"):
        if path.is_file() and path.name != "env":
            assert key.encode() not in path.read_bytes(), path


def test_an_abort_is_told_as_one(world: World) -> None:
    session = world.begin("Mend it", "--agent", "sleeper")
    world.go_to("b")
    world.call("--sessions", "here")
    assert world.ends == []
    world.call(
        "--abort", session
    )  # 0, or 1 where so much else goes on that nothing can be verified

    (told,) = world.ends
    assert told.startswith("ABORTED: here | here: ABORTED · aborted")


def test_nobody_tells_of_what_was_begun_without_a_trail(world: World) -> None:
    sessions = [world.finish("Mend it", "--no-slack")]
    world.monkeypatch.delenv("SLACK_BOT_TOKEN")
    sessions.append(world.finish())
    world.monkeypatch.setenv("SLACK_BOT_TOKEN", world.slack.token)
    world.call("--sessions", "here")
    world.call("--logs", sessions[0], "--follow")

    assert world.slack.requests == []
    assert not list(world.vm.glob("*/note.*"))


def test_a_client_without_slack_leaves_it_to_the_next(world: World) -> None:
    session = world.finish()
    world.go_to("b")
    world.monkeypatch.delenv("SLACK_BOT_TOKEN")
    world.call("--sessions", "here")
    world.call("--logs", session)
    assert not list(world.vm.glob("*/note.slack-end"))
    world.monkeypatch.setenv("SLACK_BOT_TOKEN", world.slack.token)
    world.call("--sessions", "here")

    assert len(world.ends) == 1


def test_where_the_thread_was_not_noted_the_end_stands_alone_but_at_home(world: World) -> None:
    first, _ = world.finish(), world.finish()
    for note in world.vm.glob("*/note.slack"):
        note.unlink()
    world.call("--logs", first)
    world.go_to("b")
    world.call("--sessions", "here")

    assert [each.get("thread_ts") for each in world.slack.messages] == [
        None, None, world.slack.messages[0]["ts"], None,
    ]  # fmt: skip


def test_no_failure_of_slack_changes_what_a_call_says_and_the_end_is_kept(world: World) -> None:
    session = world.finish("please fail")
    world.go_to("b")
    world.slack.fail(api_error("invalid_auth"), times=20)
    answer = world.call("--logs", session)
    world.slack._faults.clear()
    world.go_to("c")
    world.call("--sessions", "here")
    assert world.ends == []
    world.go_to("b")
    world.call("here", "--exec", "true")

    assert answer.code == 1
    assert sum("slack" in line for line in answer.err.splitlines()) == 1
    assert [text.partition(" ")[0] for text in world.ends] == ["FAILURE:", "SUCCESS:"]
    assert world.slack.messages[1]["thread_ts"] == world.slack.messages[0]["ts"]


def test_a_note_that_cannot_be_made_is_no_claim(world: World) -> None:
    session = world.finish()
    note = world.vm / f"{session}.1" / "note.slack-end"
    note.mkdir()
    answer = world.call("--logs", session)
    assert (answer.code, world.ends) == (0, [])
    note.rmdir()
    world.call("--sessions", "here")

    assert len(world.ends) == 1
