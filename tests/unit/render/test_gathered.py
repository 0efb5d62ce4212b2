"""Rules of showing the outputs of many hosts together."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dxansible.record import FanoutOutcome, Truncation
from dxansible.render.gathered import gathered
from tests.unit.render.test_commands import FAILURE, SUCCESS

if TYPE_CHECKING:
    from dxansible.results import FanoutResult

RULE = "-" * 15


def _ran(host: str, out: str | bytes, **more: Any) -> FanoutResult:  # noqa: ANN401 - as declared
    data = out if isinstance(out, bytes) else out.encode()
    return replace(SUCCESS, host=host, stdout_bytes=data, **more)


def _shown(results: list[FanoutResult], how: str, **names: tuple[str, ...]) -> str:
    return b"".join(gathered(results, how, names)).decode()


def test_equal_outputs_are_shown_once_under_all_their_hosts() -> None:
    other = replace(FAILURE, host="macmini", stdout_bytes=b"", stderr_bytes=b"no luck")

    text = b"".join(gathered([SUCCESS, other, replace(SUCCESS, host="wsl", duration_ms=1)]))

    assert text == (
        b"---------------\nepyc6,wsl (2)\n---------------\n42 passed\n"
        b"---------------\nmacmini (1) FAILURE exit 2\n---------------\nno luck\n"
    )


def test_equal_outputs_of_different_ends_are_not_equal() -> None:
    assert b"".join(gathered([SUCCESS, replace(FAILURE, host="wsl")])).count(b"42 passed") == 2


def test_missing_output_is_told_and_makes_a_difference() -> None:
    cut = [_ran(host, "1\n9\n", truncation=Truncation(stdout_bytes=14)) for host in "ab"]

    text = _shown([*cut, _ran("c", "1\n9\n")], "equal")

    assert text == (
        f"{RULE}\na,b (2); 14 bytes of output are missing\n{RULE}\n1\n9\n"
        f"{RULE}\nc (1)\n{RULE}\n1\n9\n"
    )


def test_bytes_of_the_output_stay_as_they_are() -> None:
    chunks = list(gathered([replace(SUCCESS, stdout_bytes=b"\xff\0", stderr_bytes=b"e\n")]))

    assert chunks[1:] == [b"\xff\0\n", b"e\n"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I am a1\n", "I am b1\n"),
        ("feng@a1:~$ ssh 10.0.0.1", "feng@b1:~$ ssh 10.0.0.2"),
        ("web is a1.example.org", "db is b1.example.org"),
        ("Thu Nov 26 10:57:28 UTC 2026", "Fri Nov 27 1:02:03 UTC 2026"),
        ("at 2026-11-26T10:57:28.123Z", "at 2026-11-27T01:00:00Z"),
        ("2026-11-26 10:57:28,123 INFO up", "2026-11-27 10:57:28,9 INFO up"),
        ("Nov 26 10:57:28 a1 sshd[12]: hello", "Dec  1 00:00:00 b1 sshd[4711]: hello"),
        (
            " 10:57:28 up 12 days,  4:05,  2 users,  load average: 0.00, 0.01, 0.05",
            " 11:00:01 up 5 min,  1 user,  load average: 1.20, 0.11, 0.35",
        ),
        ("built in 3.2s, 2 days ago", "built in 12 min, 3 hours ago"),
        ("real\t0m1.234s", "real\t0m2.5s"),
        ("last seen 1764154648.5", "last seen 1764150000"),
        ("RX packets 12 bytes 1234", "RX packets 99 bytes 1"),
        ("same", "same\n"),
    ],
)
def test_similar_outputs_are_shown_once_as_the_first_host_gave_them(one: str, other: str) -> None:
    results = [_ran("a1", one), _ran("b1", other)]

    shown = _shown(results, "similar", a1=("10.0.0.1", "web"), b1=("10.0.0.2", "db"))

    assert shown == f"{RULE}\na1,b1 (2; shown: a1)\n{RULE}\n{one.rstrip()}\n"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("nginx 1.24", "nginx 1.25"),
        ("timeout 30s", "timeout 60s"),
        ("port 8080", "port 8081"),
        ("80:80/tcp", "80:81/tcp"),
        ("size 1024", "size 2048"),
        ("b1", "a1"),
        ("xa1", "xb1"),
        ("10.0.0.12", "10.0.0.22"),
        ("0a:10:57:28:00:01", "0a:10:58:28:00:01"),
        ("", "a1"),
    ],
)
def test_what_may_matter_is_a_difference(one: str, other: str) -> None:
    results = [_ran("a1", one), _ran("b1", other)]

    shown = _shown(results, "similar", a1=("10.0.0.1",), b1=("10.0.0.2",))

    assert shown.count("(1)") == 2


def test_similar_outputs_of_different_ends_are_not_similar() -> None:
    ended = {"outcome": FanoutOutcome.FAILURE, "exit_code": 2}

    assert _shown([_ran("a1", "a1"), _ran("b1", "b1", **ended)], "similar").count(RULE) == 4


# what differs


def _numbered(host: str, **changed: str) -> str:
    lines = [changed.get(f"l{number}", f"line {number} of {host}") for number in range(1, 21)]
    return "\n".join(lines) + "\n"


def test_what_differs_from_most_is_shown_as_a_diff_without_names_and_times() -> None:
    results = [
        _ran("odd", _numbered("odd", l10="other"), stderr_bytes=b"a warning\n"),
        _ran("a1", _numbered("a1")),
        _ran("b1", _numbered("b1")),
    ]

    assert _shown(results, "diff") == (
        f"{RULE}\na1,b1 (2; shown: a1)\n{RULE}\n{_numbered('a1')}"
        f"{RULE}\nodd (1)\n{RULE}\n"
        "--- a1 stdout\n+++ odd stdout\n@@ -7,7 +7,7 @@\n"
        " line 7 of a1\n line 8 of a1\n line 9 of a1\n-line 10 of a1\n+other\n"
        " line 11 of a1\n line 12 of a1\n line 13 of a1\n"
        "--- a1 stderr\n+++ odd stderr\n@@ -1,0 +1,1 @@\n+a warning\n"
    )


def test_hosts_that_said_nothing_and_those_that_ended_otherwise_are_told() -> None:
    silent = replace(FAILURE, host="gone", stdout_bytes=b"", exit_code=None)
    results = [_ran("a1", "x"), silent, _ran("c", "x", outcome=FanoutOutcome.FAILURE, exit_code=1)]

    shown = _shown([silent, *results, replace(silent, host="gone2")], "diff")

    assert shown.startswith(f"{RULE}\na1 (1)\n{RULE}\nx\n")
    assert f"gone,gone,gone2 (3) FAILURE exit None\n{RULE}\n(nothing on stdout)\n" in shown
    assert f"c (1) FAILURE exit 1\n{RULE}\n(the same output as a1)\n" in shown


def test_each_hunk_applies_to_the_output_of_most_hosts() -> None:
    old = [f"l{number}" for number in range(100)]
    new = [*old[:20], "in", *old[20:60], *old[63:], "end"]
    results = [_ran("a", "\n".join(old)), _ran("b", "\n".join(old)), _ran("c", "\n".join(new))]

    diff = _shown(results, "diff").partition("+++ c stdout\n")[2].splitlines()

    position, rebuilt = 0, []
    for line in diff:
        if line.startswith("@@"):
            start = int(line.split()[1][1:].split(",")[0]) - 1
            rebuilt += old[position:start]
            position = start
        elif line.startswith("+"):
            rebuilt.append(line[1:])
        else:
            rebuilt += [line[1:]] if line.startswith(" ") else []
            position += 1
    assert rebuilt + old[position:] == new


def test_outputs_too_long_to_compare_are_said_to_be_and_shown_once() -> None:
    lines = {host: [f"{host}{number:x}z" for number in range(5000)] for host in ("abc", "def")}
    results = [
        _ran("m1", "begin\n" + "\n".join(lines["abc"])),
        _ran("m2", "begin\n" + "\n".join(lines["abc"])),
        _ran("n", "begin\n" + "\n".join(lines["def"])),
    ]

    shown = _shown(results, "diff")

    assert "@@ -2,5000 +2,5000 @@ too long to compare: the new lines\n+def0z\n" in shown
    assert (shown.count("\n-abc"), shown.count("\n+def")) == (0, 5000)


def test_many_big_outputs_take_seconds() -> None:
    def output(host: int) -> bytes:
        own = host * 7919 if host % 3 else 0
        return b"".join(b"%d:%d some line\n" % (line % 97, line * own) for line in range(8000))

    results = [_ran(f"h{host}", output(host)) for host in range(100)]
    began = time.process_time()

    size = sum(map(len, gathered(results, "diff")))

    assert size < 3 * sum(len(result.stdout_bytes) for result in results)
    assert time.process_time() - began < 60


def test_what_is_left_as_it_is_is_said() -> None:
    results = [
        _ran(host, b"".join(b"%s%d at 10:00\n" % (filler * 90, line) for line in range(60_000)))
        for host, filler in (("a1", b"x"), ("b1", b"y"))
    ]

    assert _shown(results, "similar").endswith(
        "(too many different lines: times and counters count as differences in some)\n"
    )
    assert "too many" not in _shown(results[:1] * 2, "similar")
