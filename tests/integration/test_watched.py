"""What a person sees on a terminal, and what a program reads from a pipe."""

from __future__ import annotations

import json
import re
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.lab import Fault
from tests.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

pytestmark = pytest.mark.resident

CLEAR = "\r\x1b[K"
BROKEN = "echo seen; sleep 2.5; [ ! -e broken ]"
UNTIL = "while [ ! -e finish ]; do sleep 0.1; done"
LOG_LINE = re.compile(r"\b(preflight_ok|success|failure|preflight_failed|session|retry) \w+=")


@pytest.fixture
def watch(user: Dispatcher) -> Iterator[Callable[..., Terminal]]:
    """Runs a call of the user on a terminal of 80 columns, or as many as wanted."""
    opened: list[Terminal] = []

    def start(*arguments: str, env: dict[str, str] | None = None, **options: Any) -> Terminal:  # noqa: ANN401 - Terminal's own
        dispatch = str(Path(sys.executable).parent / "dx-dispatch")
        environment = {**user.environment, "TERM": "xterm", **(env or {})}
        opened.append(Terminal([dispatch, *arguments], environment, **options))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def broken(epyc6: Vm) -> Iterator[Vm]:
    """A machine on which one command fails."""
    (epyc6.home / "broken").touch()
    yield epyc6
    (epyc6.home / "broken").unlink()


def log_of(user: Dispatcher) -> Path:
    return user.home / ".local/state/dxansible/log/dx-dispatch.log"


def progress_in(text: str) -> list[str]:
    """All progress lines that were drawn, without colours."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    pieces = re.split(r"\r\x1b\[K|\r\n", plain)
    return [
        each for each in pieces if re.match(r"\d+/\d+ done, |\S+  (running|connecting)  ", each)
    ]


@pytest.mark.parametrize("columns", [60, 200])
def test_a_person_sees_output_progress_and_one_line_a_host(
    user: Dispatcher, watch: Callable[..., Terminal], broken: Vm, columns: int
) -> None:
    terminal = watch("all", "--exec", BROKEN, columns=columns)
    assert terminal.end() == 1
    text = terminal.seen.decode()

    assert LOG_LINE.search(text) is None
    lines = progress_in(text)
    assert any(each.startswith("0/3 done, 0 failed, 3 running  0:0") for each in lines)
    assert max(map(len, lines)) < columns
    *shown, last = terminal.rows
    assert last == ""
    output, summary = sorted(shown[:3]), [row.split()[:2] for row in shown[3:]]
    assert [each.split(" | ")[1] for each in output] == ["seen"] * 3
    assert sorted(summary) == [
        [broken.name, "FAILURE"], ["homedesktop-wsl", "SUCCESS"], ["macmini", "SUCCESS"],
    ]  # fmt: skip
    log = log_of(user)
    assert [stat.S_IMODE(each.stat().st_mode) for each in (log, log.parent)] == [0o600, 0o700]
    names = [line.split()[0] for line in log.read_text().splitlines()]
    assert sorted(names) == ["failure", *["preflight_ok"] * 3, "success", "success"]


def test_a_program_that_reads_a_pipe_gets_the_lines_and_no_file_is_made(
    user: Dispatcher, broken: Vm
) -> None:
    answer = user.run(broken.name, "--exec", BROKEN)

    *lines, summary = answer.err.decode().splitlines()
    assert [line.split()[0] for line in lines] == ["preflight_ok", "failure"]
    assert (answer.out, summary.split()[:2]) == (b"seen\n", [broken.name, "FAILURE"])
    assert b"\x1b" not in answer.err
    assert not log_of(user).parent.exists()


def test_no_color_leaves_the_progress_line_and_no_colour(watch: Callable[..., Terminal]) -> None:
    terminal = watch("all", "--exec", "sleep 2.5", env={"NO_COLOR": "1"})
    assert terminal.end() == 0

    text = terminal.seen.decode()
    assert progress_in(text)
    assert set(re.findall(r"\x1b.{2}", text)) == {"\x1b[K"}


@pytest.mark.parametrize("name", ["dumb", ""])
def test_a_dumb_terminal_gets_text_and_nothing_else(
    watch: Callable[..., Terminal], name: str
) -> None:
    terminal = watch("all", "--exec", "echo seen; sleep 2.5", env={"TERM": name})
    assert terminal.end() == 0

    text = terminal.seen.decode().replace("\r\n", "\n")
    assert (set(text) & {"\r", "\x1b"}, progress_in(text)) == (set(), [])
    assert [row.split()[1] for row in terminal.rows[3:6]] == ["SUCCESS"] * 3


def test_the_line_follows_the_window(watch: Callable[..., Terminal], until_told: Vm) -> None:
    terminal = watch(until_told.name, "--exec", UNTIL, columns=200)
    terminal.read(b"epyc6  running  0:")
    terminal.resize(10)
    terminal.read(b"epyc6  ru")
    terminal.read(CLEAR.encode())
    (until_told.home / "finish").touch()
    assert terminal.end() == 0

    lines = [each.partition("\x1b[0m")[0] for each in terminal.seen.decode().split("\x1b[2m")[1:]]
    assert max(map(len, lines)) > 20
    after = lines[lines.index("epyc6  ru") :]
    assert {len(each) for each in after[:-1]} == {9}  # the last is the summary's


def test_of_one_host_the_line_is_there_in_silence_and_gone_with_output(
    watch: Callable[..., Terminal], until_told: Vm
) -> None:
    terminal = watch(until_told.name, "--exec", f"{UNTIL}; printf part; sleep 2.5; echo ' whole'")
    terminal.read(b"epyc6  running  ")
    (until_told.home / "finish").touch()
    assert terminal.end() == 0

    text = terminal.seen.decode()
    assert f"{CLEAR}part whole\r\n" in text
    assert terminal.rows[0] == "part whole"


@pytest.mark.parametrize("option", ["--json", "--gather"])
def test_the_line_is_gone_before_the_document(watch: Callable[..., Terminal], option: str) -> None:
    terminal = watch("all", "--exec", "echo seen; sleep 2.5", option, columns=200)
    assert terminal.end() == 0

    before, _, document = terminal.seen.decode().rpartition(CLEAR)
    assert progress_in(before)
    assert progress_in(document) == []
    if option == "--json":
        assert len(json.loads(document)["results"]) == 3
    else:
        assert "(3)\r\n---------------\r\nseen\r\n" in document


def test_a_document_in_a_pipe_leaves_the_terminal_progress_and_failures(
    watch: Callable[..., Terminal], broken: Vm, tmp_path: Path
) -> None:
    with (tmp_path / "out").open("wb") as out:
        terminal = watch("all", "--exec", BROKEN, "--json", stdout=out)
        assert terminal.end() == 1

    assert len(json.loads((tmp_path / "out").read_text())["results"]) == 3
    assert progress_in(terminal.seen.decode())
    (line, last) = terminal.rows
    assert (line.split()[:2], last) == ([broken.name, "FAILURE"], "")


def test_quiet_keeps_the_output_and_the_line_of_a_failure(
    user: Dispatcher, watch: Callable[..., Terminal], broken: Vm
) -> None:
    terminal = watch("all", "--exec", BROKEN, "-q")
    assert terminal.end() == 1

    assert progress_in(terminal.seen.decode()) == []
    *output, line, last = terminal.rows
    assert len(output) == 3
    assert (line.split()[:2], last) == ([broken.name, "FAILURE"], "")
    assert log_of(user).read_text().count("success host=") == 2


def test_verbose_shows_the_lines_as_well(
    user: Dispatcher, watch: Callable[..., Terminal], epyc6: Vm
) -> None:
    terminal = watch(epyc6.name, "--exec", "exit 3", "-v")
    assert terminal.end() == 1

    names = [row.split(" ")[0] for row in terminal.rows if row]
    assert names[-3:] == ["preflight_ok", "failure", epyc6.name]
    assert "session host=" in terminal.seen.decode()
    assert "session host=" in log_of(user).read_text()


def test_a_format_shows_the_lines_in_it(
    user: Dispatcher, watch: Callable[..., Terminal], epyc6: Vm
) -> None:
    terminal = watch(epyc6.name, "--exec", "true", env={"DX_LOG_FORMAT": "json"}, columns=200)
    assert terminal.end() == 0

    shown = [json.loads(row) for row in terminal.rows if row.startswith("{")]
    kept = [json.loads(line) for line in log_of(user).read_text().splitlines()]
    assert [each["event"] for each in shown] == ["preflight_ok", "success"]
    assert [each["event"] for each in kept] == ["preflight_ok", "success"]
    assert len({each["pid"] for each in kept}) == 1


def test_a_retry_is_a_sentence_and_the_failure_is_said_once(
    user: Dispatcher, watch: Callable[..., Terminal], epyc6: Vm
) -> None:
    epyc6.fault(Fault.REFUSE)
    terminal = watch(epyc6.name, "--exec", "true", columns=200)
    assert terminal.end() == 3

    sentence, line, last = terminal.rows
    assert sentence == "epyc6: attempt 1 failed; trying again"
    assert (line.split()[:2], last) == ([epyc6.name, "PREFLIGHT_FAILED"], "")
    names = [each.split()[0] for each in log_of(user).read_text().splitlines()]
    assert names == ["retry", "preflight_failed"]


@pytest.mark.parametrize("full", [False, True], ids=["no-directory", "full-disk"])
def test_a_log_that_cant_be_written_is_said_once_and_costs_nothing_else(
    user: Dispatcher, watch: Callable[..., Terminal], *, full: bool
) -> None:
    log = log_of(user)
    log.parent.parent.mkdir(parents=True, exist_ok=True)
    if full:
        log.parent.mkdir()
        log.symlink_to("/dev/full")
    else:
        log.parent.write_text("a file")
    terminal = watch("all", "--exec", "echo seen", columns=200)

    assert terminal.end() == 0
    said = [row for row in terminal.rows if "can't be written" in row]
    assert len(said) == 1
    assert said[0].startswith(f"the log {log} can't be written (")
    assert terminal.seen.decode().count("SUCCESS") == 3


def test_ctrl_c_takes_the_place_of_the_line(watch: Callable[..., Terminal], until_told: Vm) -> None:
    terminal = watch(until_told.name, "--exec", UNTIL)
    terminal.read(b"epyc6  running  ")
    terminal.type(b"\x03")
    assert terminal.end() == 130

    said, line, last = terminal.rows
    assert said == "stopping the command on the VMs (Ctrl-C again: don't wait for that)"
    assert (line.split()[:2], last) == ([until_told.name, "ABORTED"], "")


def test_the_fleet_is_counted_while_it_is_asked(
    user: Dispatcher, watch: Callable[..., Terminal], epyc6: Vm
) -> None:
    assert epyc6.name
    for call in ("--list", "--sessions"):
        terminal = watch(call, "-q", columns=200)
        assert terminal.end() == 0
        assert CLEAR not in terminal.seen.decode()
        assert LOG_LINE.search(terminal.seen.decode()) is None
    assert log_of(user).read_text().count("preflight_ok host=") == 3
