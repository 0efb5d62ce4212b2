"""Rules of the trail in Slack: never in the way, in order, and nothing twice."""

from __future__ import annotations

import json
import logging
import os
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from dxansible.services import SlackSettings
from dxansible.slack import trail as module
from dxansible.slack.http import SlackClient
from dxansible.slack.spool import Spool
from dxansible.slack.text import Message
from dxansible.slack.trail import Trail
from tests.services import Fault
from tests.services.slack import api_error

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services import SlackServer
    from tests.unit.clock import Clock

Log = pytest.LogCaptureFixture
PAGE = b"<html><body>Sign in to the network</body></html>"


@pytest.fixture
def settings(slack: SlackServer, tmp_path: Path) -> SlackSettings:
    return SlackSettings.load(
        {
            "SLACK_BOT_TOKEN": slack.token,
            "DX_SLACK_URL": slack.url,
            "XDG_STATE_HOME": str(tmp_path),
            "USER": "tester",
        }
    )


@pytest.fixture(autouse=True)
def _log(caplog: Log) -> None:
    caplog.set_level(logging.WARNING, "dxansible")
    logging.getLogger("dxansible").propagate = True


@dataclass(frozen=True)
class Desk:
    """All that a post needs, and the log of it."""

    slack: SlackServer
    settings: SlackSettings
    clock: Clock
    log: Log

    def send(self, *titles: str, settings: SlackSettings | None = None) -> None:
        made = trail(settings or self.settings, self.clock)
        say(made, *titles)
        made.send()

    @property
    def lines(self) -> list[str]:
        return [record.getMessage() for record in self.log.records]


@pytest.fixture
def desk(slack: SlackServer, settings: SlackSettings, clock: Clock, caplog: Log) -> Desk:
    return Desk(slack, settings, clock, caplog)


def trail(settings: SlackSettings, clock: Clock) -> Trail:
    """One whose worker never starts: ``send`` is called by the test, in this thread."""
    made = Trail(settings=settings, sleep=clock.sleep, clock=clock)
    made._worker = threading.current_thread()
    return made


def say(made: Trail, *titles: str) -> None:
    for title in titles:
        made.post(Message(title=title))


def files(settings: SlackSettings, pattern: str = "*-*") -> list[Path]:
    return sorted(settings.spool.glob(pattern))


def test_follow_ups_are_in_the_thread_of_the_first(
    slack: SlackServer, settings: SlackSettings, clock: Clock
) -> None:
    made = trail(settings, clock)
    say(made, "begun")
    made.send()
    say(made, "retry")
    made.post(Message(title="ended"), last=True)
    made.send()

    first, *others = slack.messages
    assert slack.texts == ["begun", "retry", "ended"]
    assert "thread_ts" not in first
    assert [each["thread_ts"] for each in others] == [first["ts"]] * 2
    assert [path.name for path in settings.spool.iterdir()] == ["lock"]


def test_a_webhook_knows_no_thread(
    slack: SlackServer, settings: SlackSettings, clock: Clock
) -> None:
    made = trail(replace(settings, token=None, webhook=slack.webhook), clock)
    say(made, "begun", "ended")
    made.send()

    assert slack.texts == ["begun", "ended"]
    assert all("thread_ts" not in each for each in slack.messages)


@pytest.mark.parametrize(
    ("fault", "told", "kept"),
    [
        *[
            (api_error(error), f"slack_kept error={error}", True)
            for error in (
                "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired",
                "channel_not_found", "not_in_channel", "is_archived", "restricted_action",
                "service_unavailable", "request_timeout", "rate_limited", "nobody_knows",
            )
        ],
        (api_error("missing_scope", needed="chat:write"),
         'slack_kept error="missing_scope, needed: chat:write"', True),
        *[
            (api_error(error), f"slack_refused error={error}", False)
            for error in ("msg_too_long", "invalid_blocks", "no_text", "thread_not_found")
        ],
        (api_error("fatal_error"), "slack_unclear error=fatal_error", False),
        (api_error("internal_error"), "slack_unclear error=internal_error", False),
        (Fault(status=429, headers={"Retry-After": "60"}),
         'slack_kept error="too many posts"', True),
        (Fault(status=503), 'slack_kept error="Slack is not available (HTTP 503)"', True),
        (Fault(status=302, headers={"Location": "https://elsewhere.example/"}),
         'slack_kept error="the Slack address redirects to another one"', True),
        (Fault(status=403, body=PAGE),
         'slack_kept error="unexpected answer (HTTP 403)"', True),
        (Fault(status=502, body=PAGE),
         'slack_unclear error="unexpected answer (HTTP 502)"', False),
        (Fault(status=200, body=PAGE),
         'slack_unclear error="unexpected answer (HTTP 200)"', False),
        (Fault(), 'slack_unclear error="Slack did not answer in time"', False),
        (Fault(after=True), 'slack_unclear error="Slack did not answer in time"', False),
    ],
)  # fmt: skip
def test_every_failure_is_one_line_and_sends_nothing_twice(
    desk: Desk, fault: Fault, told: str, *, kept: bool
) -> None:
    desk.slack.fail(fault)
    desk.send("begun")

    assert desk.lines == [told]
    assert bool(files(desk.settings, "*.json")) is kept
    before = len(desk.slack.messages)

    desk.send()
    assert len(desk.slack.messages) - before == kept
    assert desk.slack.texts == ["begun"] * (kept or fault.after)
    assert files(desk.settings) == []


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (400, b"invalid_payload", "slack_refused error=invalid_payload"),
        (400, b"no_text", "slack_refused error=no_text"),
        (403, b"invalid_token", "slack_kept error=invalid_token"),
        (403, PAGE, "slack_kept error=action_prohibited"),
        (404, b"no_service", "slack_kept error=no_service"),
        (410, b"channel_is_archived", "slack_kept error=channel_is_archived"),
        (429, b"", 'slack_kept error="too many posts"'),
        (500, b"rollup_error", "slack_unclear error=rollup_error"),
        (200, PAGE, 'slack_unclear error="unexpected answer (HTTP 200)"'),
    ],
)
def test_every_failure_of_a_webhook_is_one_line(
    desk: Desk, status: int, body: bytes, told: str
) -> None:
    desk.slack.fail(Fault(status=status, body=body), times=9)
    desk.send("begun", settings=replace(desk.settings, token=None, webhook=desk.slack.webhook))

    assert desk.lines == [told]


def test_nobody_there_is_kept_and_sent_later_in_order(
    slack: SlackServer, settings: SlackSettings, clock: Clock, caplog: Log
) -> None:
    away = trail(replace(settings, url="http://127.0.0.1:1/api"), clock)
    say(away, "one", "two")
    away.send()
    assert [record.getMessage() for record in caplog.records] == [
        'slack_kept error="Slack can\'t be reached"'
    ]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files(settings))
    assert settings.spool.stat().st_mode & 0o777 == 0o700

    back = trail(settings, clock)
    say(back, "three")
    back.send()

    assert slack.texts == ["one", "two", "three"]
    assert slack.messages[1]["thread_ts"] == slack.messages[0]["ts"]
    assert "thread_ts" not in slack.messages[2]


@pytest.mark.parametrize(("header", "slept"), [({"Retry-After": "2"}, 2.0), ({}, 1.0)])
def test_a_short_pause_that_slack_asks_for_is_kept(
    desk: Desk, header: dict[str, str], slept: float
) -> None:
    desk.slack.fail(Fault(status=429, headers=header))
    desk.send("begun")

    assert desk.clock.slept == [slept]
    assert desk.slack.texts == ["begun"]
    assert desk.lines == []


@pytest.mark.parametrize("header", [{"Retry-After": "30"}, {"Retry-After": "1"}, {}])
def test_pauses_never_take_more_than_the_budget(
    slack: SlackServer, settings: SlackSettings, clock: Clock, header: dict[str, str]
) -> None:
    slack.fail(Fault(status=429, headers=header), times=100)
    made = trail(settings, clock)
    say(made, "one", "two")
    made.send()

    assert sum(clock.slept) <= module._BUDGET_SECONDS
    assert len(files(settings, "*.json")) == 2


def test_at_the_end_nobody_waits_longer_than_the_budget(
    slack: SlackServer, settings: SlackSettings, caplog: Log
) -> None:
    waited: list[float | None] = []

    class Slow(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            waited.append(timeout)

        def is_alive(self) -> bool:
            return True

    made = Trail(settings=settings)
    made._worker = Slow()
    made.close()

    assert waited == [module._BUDGET_SECONDS]
    assert [record.getMessage().split()[0] for record in caplog.records] == ["slack_slow"]
    assert slack.requests == []


def test_the_worker_sends_beside_the_work(slack: SlackServer, settings: SlackSettings) -> None:
    made = Trail(settings=settings)
    say(made, "begun", "ended")
    made.close()

    assert slack.texts == ["begun", "ended"]
    assert made._worker is not None
    assert not made._worker.is_alive()


def test_what_a_killed_process_was_sending_is_let_go(
    slack: SlackServer, settings: SlackSettings, clock: Clock, caplog: Log
) -> None:
    spool = Spool(settings.spool)
    killed = trail(settings, clock)
    say(killed, "sent, perhaps", "not sent")
    assert spool.claim(spool.pending()[0]) is not None

    trail(settings, clock).send()

    assert slack.texts == ["not sent"]
    assert "1 earlier message(s) may not have been posted" in caplog.text
    assert files(settings) == []


STEPS = [*((Spool, name) for name in ("put", "claim", "remember", "done")), (SlackClient, "post")]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(("owner", "step"), STEPS)
def test_killed_between_any_two_steps_nothing_is_sent_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, owner: type, step: str, *, late: bool
) -> None:
    child = os.fork()
    if child == 0:
        original = getattr(owner, step)

        def die(*arguments: object) -> None:
            if late:
                original(*arguments)
            os._exit(9)

        monkeypatch.setattr(owner, step, die)
        desk.send("begun", "ended")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9

    desk.send("next")

    known = [text for text in desk.slack.texts if text != "next"]
    assert known == sorted(set(known))
    assert desk.slack.texts[-1] == "next"
    assert files(desk.settings) == []


def test_only_one_process_sends_at_a_time(
    slack: SlackServer, settings: SlackSettings, clock: Clock
) -> None:
    made = trail(settings, clock)
    say(made, "begun")
    with Spool(settings.spool).alone() as alone:
        assert alone
        made.send()
        assert slack.requests == []
    assert sum(clock.slept) == pytest.approx(module._BUDGET_SECONDS, abs=0.2)
    made.send()
    assert slack.texts == ["begun"]


def test_a_directory_that_can_t_be_made_is_one_line(
    settings: SlackSettings, clock: Clock, tmp_path: Path, caplog: Log
) -> None:
    (tmp_path / "file").touch()
    made = trail(replace(settings, spool=tmp_path / "file" / "slack"), clock)
    say(made, "one", "two")

    assert len(caplog.records) == 1
    assert "slack_failed" in caplog.text


def test_secrets_are_nowhere(settings: SlackSettings, clock: Clock, caplog: Log) -> None:
    canary = "canary-without-a-shape"
    held = replace(settings, token=canary, url="http://127.0.0.1:1/api")
    made = trail(held, clock)
    text = f"{canary} password=hunter2 https://hooks.slack.com/services/T/B/hook"
    made.post(Message(title=text, body=text, notes=(text,)))
    made.send()

    written = files(settings, "*.json")[0].read_text()
    for secret in (canary, "hunter2", "T/B/hook"):
        assert secret not in written + caplog.text + repr(held) + repr(made)
    assert json.loads(written)["payload"]["text"].startswith("*** password=***")
