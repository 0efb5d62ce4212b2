"""Rules of what Slack gets, of the files it waits in, and of the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from dxansible.errors import UsageError
from dxansible.services import SlackSettings
from dxansible.slack.http import Posted, SlackClient, Verdict
from dxansible.slack.spool import Entry, Spool
from dxansible.slack.text import Message
from tests.services.slack import CHANNEL


def test_texts_are_escaped_and_kept_short() -> None:
    long = "<!channel> & `x` *b* " * 400
    payload = Message(title=long, body=f"{long}\n{long}", notes=(long,) * 12).payload()

    title, body, notes = payload["blocks"]
    assert "<" not in payload["text"] + title["text"]["text"]
    assert title["text"]["text"].startswith("*&lt;!channel&gt; &amp; `x` ∗b∗ ")  # noqa: RUF001
    assert body["text"]["type"] == "plain_text"
    assert body["text"]["text"].startswith("<!channel> & ")
    assert len(notes["elements"]) == 10
    for text in (title["text"], body["text"], *notes["elements"]):
        assert len(text["text"]) <= 3000
    assert len(payload["text"]) <= 3500
    assert Message(title="x").payload()["blocks"][1:] == []


def test_what_can_t_be_read_is_let_go_and_too_much_too(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(203):
        payload = {"text": f"{number}"}
        spool.put(Entry(id=f"{number}", trail="t", first=False, last=False, payload=payload))
    found = spool.pending()
    assert len(found) == 200

    found[0].write_text("{")
    assert spool.claim(found[0]) is None
    assert spool.claim(found[0]) is None
    taken = spool.claim(found[1])
    assert taken is not None
    assert taken[1].payload == {"text": "4"}
    assert spool.pending() == found[2:]


def test_a_token_that_is_none_goes_nowhere() -> None:
    settings = SlackSettings.load({"SLACK_BOT_TOKEN": "xoxb-ä€"})
    posted = SlackClient(settings).post({"text": "x"}, CHANNEL)
    assert posted == Posted(
        verdict=Verdict.LATER, failure="SLACK_BOT_TOKEN has characters that no token can have"
    )


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    nothing = SlackSettings.load({})
    assert (nothing.configured, nothing.channel) == (False, None)
    assert nothing.channel_for(None) == CHANNEL
    assert nothing.channel_for("C1") == "C1"
    assert nothing.url == "https://slack.com/api"
    assert nothing.spool == Path.home() / ".local/state/dxansible/slack"
    hook = "https://hooks.slack.com/services/x"
    given = {"DX_SLACK_CHANNEL": "C1", "SLACK_WEBHOOK_URL": hook}
    some = SlackSettings.load({**given, "XDG_STATE_HOME": str(tmp_path)})
    assert (some.configured, some.channel) == (True, "C1")
    assert some.spool == tmp_path / "dxansible" / "slack"


@pytest.mark.parametrize("name", ["DX_SLACK_URL", "SLACK_WEBHOOK_URL"])
@pytest.mark.parametrize("url", ["http://slack.com/api", "x", "https://a:b@c/", "https://[x/"])
def test_nothing_travels_in_the_clear(name: str, url: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is not an https address"):
        SlackSettings.load({name: url})
