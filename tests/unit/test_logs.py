"""Rules of the log lines."""

import io
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pytest

from dxansible import logs
from dxansible.logs import configure, event

LOGGER = logging.getLogger("dxansible")


@pytest.fixture(autouse=True)
def _logger_as_it_was() -> Iterator[None]:
    handlers, level, propagate = LOGGER.handlers[:], LOGGER.level, LOGGER.propagate
    yield
    LOGGER.handlers[:], LOGGER.propagate = handlers, propagate
    LOGGER.setLevel(level)


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def test_public_names_are_listed() -> None:
    assert logs.__all__ == ["configure", "event"]


def test_lines_have_the_shape_of_the_specification(stream: io.StringIO) -> None:
    configure(json=False, verbosity=0, stream=stream)

    event("preflight_ok", host="epyc6", user="feng", auth_mode="tailscale", duration_ms=150)
    event("success", host="epyc6", user="feng", command="make test", attempt=1, duration_ms=2340)

    assert stream.getvalue() == (
        "preflight_ok host=epyc6 user=feng auth_mode=tailscale duration_ms=150\n"
        'success host=epyc6 user=feng command="make test" attempt=1 duration_ms=2340\n'
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("aZ09_.:/@%+,-", "aZ09_.:/@%+,-"),
        ("", '""'),
        ("a=b", '"a=b"'),
        ("grün", '"grün"'),
        ('say "hi"', r'"say \"hi\""'),
        ("a\\b", r'"a\\b"'),
        ("a\nb", r'"a\nb"'),
        ("bare\n", r'"bare\n"'),
        ("a\tb\x1b[2J\udcff", r'"a\tb\x1b[2J\udcff"'),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-1, "-1"),
        (2.0, "2"),
        (1.5, "1.5"),
        (1 / 3, "0.333"),
        (1234567.0, "1234567"),
        (-0.0001, "0"),
    ],
)
def test_text_value_is_bare_or_quoted(
    stream: io.StringIO, value: str | float, written: str
) -> None:
    configure(json=False, verbosity=0, stream=stream)

    event("done", value=value)

    assert stream.getvalue() == f"done value={written}\n"


def test_text_leaves_out_what_is_none(stream: io.StringIO) -> None:
    configure(json=False, verbosity=0, stream=stream)

    event("done", host="epyc6", user=None)
    event("idle")

    assert stream.getvalue() == "done host=epyc6\nidle\n"


def test_json_is_one_object_a_line_with_the_fields_as_they_are(stream: io.StringIO) -> None:
    configure(json=True, verbosity=0, stream=stream)
    before = datetime.now(UTC)

    event("done", command='a "b"\nc', count=3, share=1 / 3, ok=True, user=None, name="x", msg="y")
    event("retry", logging.WARNING)

    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    written = first.pop("timestamp")
    assert abs((datetime.fromisoformat(written) - before).total_seconds()) < 60
    assert len(written) == len("2026-01-31T12:00:00.000Z")
    assert written.endswith("Z")
    assert first == {
        "event": "done",
        "level": "INFO",
        "command": 'a "b"\nc',
        "count": 3,
        "share": 1 / 3,
        "ok": True,
        "user": None,
        "name": "x",
        "msg": "y",
    }
    assert (second["event"], second["level"]) == ("retry", "WARNING")


@pytest.mark.parametrize("as_json", [False, True])
def test_secrets_are_masked_in_both_formats(stream: io.StringIO, *, as_json: bool) -> None:
    configure(json=as_json, verbosity=0, stream=stream)

    event("done", command="TOKEN='hunter 2' make")

    assert "hunter" not in stream.getvalue()
    assert "TOKEN='***' make" in stream.getvalue()


@pytest.mark.parametrize(
    ("verbosity", "written"),
    [
        (-2, ["error"]),
        (-1, ["error"]),
        (0, ["info", "warning", "error"]),
        (1, ["debug", "info", "warning", "error"]),
        (2, ["debug", "info", "warning", "error"]),
    ],
)
def test_verbosity_chooses_the_levels(
    stream: io.StringIO, verbosity: int, written: list[str]
) -> None:
    configure(json=False, verbosity=verbosity, stream=stream)

    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        event(logging.getLevelName(level).lower(), level)

    assert stream.getvalue().split() == written


def test_last_configuration_replaces_the_one_before(stream: io.StringIO) -> None:
    earlier = io.StringIO()
    configure(json=True, verbosity=1, stream=earlier)
    configure(json=False, verbosity=0, stream=stream)

    event("done")

    assert (earlier.getvalue(), stream.getvalue()) == ("", "done\n")


def test_configured_events_do_not_reach_the_handlers_of_the_root_logger(
    stream: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    configure(json=False, verbosity=0, stream=stream)

    event("done")

    assert caplog.messages == []


def test_library_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    event("done", logging.ERROR, host="epyc6")

    assert capfd.readouterr() == ("", "")


def test_event_returns_the_line_whether_or_not_it_is_written(
    capfd: pytest.CaptureFixture[str],
) -> None:
    line = event("success", logging.DEBUG, command="TOKEN=abc make", user=None, attempt=1)

    assert line == 'success command="TOKEN=*** make" attempt=1'
    assert capfd.readouterr() == ("", "")


def test_program_that_uses_the_library_sees_the_line_in_its_own_handlers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    event("failure", logging.ERROR, host="epyc6", command="make test")

    assert caplog.messages == ['failure host=epyc6 command="make test"']


def test_a_file_has_every_line_with_its_time_and_process(stream: io.StringIO) -> None:
    file = io.StringIO()
    configure(json=False, verbosity=-1, stream=stream, file=file)

    event("preflight_ok", host="epyc6")
    event("failure", logging.ERROR, host="epyc6")
    event("session", logging.DEBUG)

    assert stream.getvalue() == "failure host=epyc6\n"
    first, second = file.getvalue().splitlines()
    mark = rf" time=\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z pid={os.getpid()}"
    assert re.fullmatch(f"preflight_ok host=epyc6{mark}", first)
    assert re.fullmatch(f"failure host=epyc6{mark}", second)


def test_a_file_of_json_lines_names_the_process(stream: io.StringIO) -> None:
    file = io.StringIO()
    configure(json=True, verbosity=1, stream=stream, file=file)

    event("session", logging.DEBUG, host="epyc6")

    shown, kept = json.loads(stream.getvalue()), json.loads(file.getvalue())
    assert kept == {**shown, "pid": os.getpid(), "timestamp": kept["timestamp"]}


@pytest.mark.parametrize(("verbosity", "told"), [(-1, []), (0, ["retry"]), (1, ["retry"])])
def test_a_warning_is_told_and_an_outcome_is_not(verbosity: int, told: list[str]) -> None:
    heard: list[Mapping[str, object]] = []
    configure(json=False, verbosity=verbosity, stream=None, tell=heard.append)

    for name, level in (("retry", logging.WARNING), ("failure", logging.ERROR), ("success", 20)):
        event(name, level, host="epyc6", command="TOKEN=abc make")

    assert [each["event"] for each in heard] == told
    assert all(each["command"] == "TOKEN=*** make" for each in heard)


def test_with_no_destination_nothing_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    configure(json=False, verbosity=0, stream=None)

    event("failure", logging.ERROR)

    assert capfd.readouterr() == ("", "")


class BrokenPipe(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_reader_that_has_gone_away_is_no_error(capfd: pytest.CaptureFixture[str]) -> None:
    closed = io.StringIO()
    closed.close()

    for gone in (closed, BrokenPipe()):
        configure(json=False, verbosity=0, stream=gone)
        event("done")

    assert capfd.readouterr() == ("", "")
