"""Rules of reading usage and limits on the VM: files/usage.awk with the awks that are here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils import turn
from ansible_collections.dxansible.fleet.plugins.plugin_utils.agents import load_agents

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = (Path(turn.__file__).parents[2] / "files" / "usage.awk").read_text()
STREAMS = Path(__file__).parent / "streams"
AWKS = [
    pytest.param(words, marks=pytest.mark.skipif(not shutil.which(words[0]), reason="not here"))
    for words in (["mawk"], ["gawk"], ["busybox", "awk"], ["awk"])
]
DAY = 86400
TOLD = {
    "claude-limit": {"limit": "yes", "at": "1795723140"},
    "claude-429": {"limit": "yes", "at": "0"},
    "claude-401": {},
    "claude-success": {"cost": "0.00028", "usage_of": "conversation", "cost_of": "conversation"},
    "claude-usage": {"input": "2", "output": "2", "cached": "0", "cost": "4.8e-05"},
    "codex-limit-days": {"limit": "yes"},
    "codex-usage": {"input": "2", "output": "2", "usage_of": "conversation"},
    "codex-401": {},
    "gemini-limit": {"limit": "yes", "at": "0"},
    "gemini-success": {"input": "20", "output": "10", "usage_of": "turn"},
    "gemini-500": {},
    "opencode-429": {"limit": "yes", "at": "0"},
    "opencode-limit": {"limit": "yes"},
    "opencode-success": {"input": "20", "output": "10", "cached": "0", "cost": "0"},
    "opencode-401": {},
}
ROBOT: Mapping[str, Any] = {
    "start": ["robot"],
    "events": "json",
    "usage_limit": {
        "when": {"kind": "end", "ok": False},
        "message": "words.*.say",
        "resets_at": "at",
        "resets_in": "in",
    },
    "usage": {"when": {"kind": "step"}, "input": "n.in", "cost": "n.usd"},
}


def read(
    lines: bytes, agent: str = "robot", awk: tuple[str, ...] = ("awk",), **environment: str
) -> dict[str, str]:
    """What the program says about the output of an agent."""
    rules = load_agents({"robot": ROBOT})[agent].usage_rules
    done = subprocess.run(
        [*awk, PROGRAM],
        input=lines,
        capture_output=True,
        check=True,
        env={"PATH": os.environ["PATH"], "rules": rules, "whole": "yes", **environment},
    )
    assert not done.stderr
    return dict(word.split("=", 1) for word in done.stdout.decode().split())


def resets(words: str, **environment: str) -> int:
    """When a limit resets that an agent tells in these words."""
    line = json.dumps({"kind": "end", "ok": False, "words": [{"say": words}]}) + "\n"
    return int(read(line.encode(), "robot", ("awk",), **environment)["at"])


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("name", TOLD)
def test_what_real_agents_have_told_is_read(name: str, awk: list[str]) -> None:
    found = read((STREAMS / f"{name}.jsonl").read_bytes(), name.partition("-")[0], tuple(awk))
    assert TOLD[name].items() <= found.items()
    assert ("limit" in found) == ("limit" in TOLD[name])


@pytest.mark.parametrize("awk", AWKS)
def test_a_time_of_day_is_the_next_one_in_its_zone_to_the_end_of_its_minute(awk: list[str]) -> None:
    zone = ZoneInfo("America/New_York")
    then = datetime.now(zone) + timedelta(hours=5)
    expected = then.replace(second=0, microsecond=0) + timedelta(minutes=1)
    words = f"You've hit your limit · resets {then:%-I:%M}{then:%p}".lower() + f" ({zone.key})"
    found = read(f'{{"kind":"end","ok":false,"words":[{{"say":"{words}"}}]}}'.encode(),
                 awk=tuple(awk))  # fmt: skip
    assert abs(int(found["at"]) - expected.timestamp()) <= 1


def test_a_minute_that_is_just_over_is_today() -> None:
    then = datetime.now(ZoneInfo("UTC")) - timedelta(minutes=3)
    at = resets(f"try again at {then:%-I:%M %p}.", TZ="UTC")
    assert at <= time.time()
    earlier = datetime.now(ZoneInfo("UTC")) - timedelta(hours=1)
    assert resets(f"try again at {earlier:%-I:%M %p}.", TZ="UTC") > time.time()


@pytest.mark.parametrize(
    "form", ["resets {:%b %-d, %-I:%M%p}", "again at {:%b %-dth, %Y %-I:%M %p}"]
)
def test_a_date_is_read(form: str) -> None:
    then = datetime.now(ZoneInfo("UTC")).replace(second=0, microsecond=0) + timedelta(days=6)
    assert abs(resets(form.format(then), TZ="UTC") - then.timestamp() - 60) <= 1


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Suggested retry after 3600s.", 3600),
        ("Please retry in 34.074s.", 35),
        ("Please retry in 500ms.", 1),
        ("Your quota will reset after 3h20m5s.", 12005),
        ("try again in 2 days 3 hours 5 minutes.", 2 * DAY + 3 * 3600 + 300),
    ],
)
def test_a_duration_counts_from_now(words: str, seconds: int) -> None:
    before = int(time.time())
    assert before + seconds <= resets(words) <= time.time() + seconds


def test_an_old_text_with_seconds_since_1970_is_read() -> None:
    assert resets("Claude AI usage limit reached|1760000400") == 1760000400


@pytest.mark.parametrize(
    "words",
    [
        "Resource has been exhausted (e.g. check quota).",
        "got status: RESOURCE_EXHAUSTED",
        "Resource exhausted. Please try again later.",
        "Quota exceeded for aiplatform.googleapis.com/generate_content_requests_per_minute",
        "You exceeded your current quota, please check your plan and billing details.",
    ],
)
def test_gemini_s_limits_are_recognised_however_its_service_words_them(words: str) -> None:
    end = {"type": "result", "status": "error", "error": {"message": words}}
    assert read(json.dumps(end).encode() + b"\n", "gemini")["limit"] == "yes"


@pytest.mark.parametrize("words", ["resets soon", "again at 25 o'clock", "retry in a while", ""])
def test_a_text_without_a_time_leaves_it_unknown(words: str) -> None:
    assert resets(words) == 0


@pytest.mark.parametrize("awk", AWKS)
def test_numbers_of_several_events_are_added(awk: list[str]) -> None:
    events = b'{"kind":"step","n":{"in":2,"usd":0.25}}\n{"kind":"step","n":{"usd":0.5,"in":40}}\n'
    found = read(events, awk=tuple(awk))
    assert found == {"input": "42", "cost": "0.75", "usage_of": "turn", "cost_of": "turn"}


def test_a_path_says_when_and_an_exact_time_stays() -> None:
    exact = b'{"kind":"end","ok":false,"at":1760000400,"words":[]}\n'
    vague = b'{"kind":"end","ok":false,"words":[{"say":"resets 3pm"}]}\n'
    assert read(exact + vague)["at"] == "1760000400"
    assert read(exact.replace(b"400,", b"400123,"))["at"] == "1760000400"
    assert read(exact.replace(b"400,", b"4001234567,"))["at"] == "0"
    soon = int(read(b'{"kind":"end","ok":false,"in":"90"}\n')["at"])
    assert 85 <= soon - time.time() <= 90


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize(
    "line",
    [
        b'{"kind":"say","text":"{\\"kind\\":\\"end\\",\\"ok\\":false}"}',
        b'{"kind":"say","kind2":"end","ok":false}',
        b'{"kind":"end","ok":true}',
        b'{"kind":"end","ok":"false"}',
        b'{"x":{"kind":"end","ok":false}}',
        b'[{"kind":"end","ok":false}]',
        b'{"kind":"say","back\\\\slash\\\\":"\\\\","q":"\\"end\\"","ok":false}',
        b'not json {"kind":"end","ok":false}',
        b'{"kind":"end","ok":',
        b"{}",
        b"\xff\xfe{",
    ],
)
def test_what_only_looks_like_a_limit_is_none(line: bytes, awk: list[str]) -> None:
    assert "limit" not in read(line + b"\n", awk=tuple(awk))


def test_a_further_attempt_forgets_the_limit_of_the_one_before() -> None:
    limit = b'{"kind":"end","ok":false}\n'
    begin = b"\x1edx-turn attempt=2 branch=- directory=/\n"
    assert "limit" not in read(limit + begin + b'{"kind":"step","n":{"in":1}}\n')
    assert "limit" in read(limit + begin + limit)


def test_output_with_a_gap_tells_no_sums() -> None:
    assert read(b'{"kind":"step","n":{"in":1}}\n', whole="") == {}
