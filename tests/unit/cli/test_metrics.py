"""Rules of ``--metrics``, with this machine as the VM; Prometheus's own parser reads the file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dxansible.record import FanoutOutcome
from dxansible.render.metrics import MetricsFile
from tests.unit.cli import test_command as test_cli

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.test_command import Answer

    Call = Callable[..., Answer]

pytestmark = pytest.mark.resident


call = test_cli.call
RUN = "dx_dispatch_run_"


def read(path: Path) -> dict[str, float]:
    """The values by metric, those of outcomes by outcome; each metric is complete."""
    found = {}
    for family in text_string_to_metric_families(path.read_text()):
        assert family.name.startswith(RUN)
        assert (family.type, bool(family.documentation)) == ("gauge", True)
        for sample in family.samples:
            assert sample.labels.pop("name") == path.stem
            found[sample.labels.pop("outcome", family.name.removeprefix(RUN))] = sample.value
            assert not sample.labels
    assert set(found) == {
        *FanoutOutcome, "hosts_running", "duration_seconds", "exit_code", "end_timestamp_seconds",
    }  # fmt: skip
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where they go."""
    directory = tmp_path / "collector"
    directory.mkdir()
    return directory / "nightly backup.prom"


def test_the_end_of_a_command_is_measured(call: Call, path: Path) -> None:
    began = time.time()
    answer = call("all", "--exec", "sleep 0.2; exit 3", "--metrics", str(path))
    found = read(path)

    assert found["exit_code"] == answer.code == 1
    assert {each: found[each] for each in FanoutOutcome if found[each]} == {"FAILURE": 2}
    assert found["duration_seconds"] >= 0.2
    assert began + 0.2 <= found["end_timestamp_seconds"] <= time.time() + 0.001
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_a_file_is_replaced_by_the_next_run_whatever_is_printed(call: Call, path: Path) -> None:
    path.write_text("old")
    path.chmod(0o600)
    old = path.open()
    for form in ((), ("--json",), ("--jsonl",), ("--serial", "1")):
        assert call("all", "--exec", "true", "--metrics", str(path), *form).code == 0
        assert (read(path)["SUCCESS"], read(path)["exit_code"]) == (2, 0)
    assert old.read() == "old"  # no collector reads half of it
    old.close()


def test_a_task_is_measured_when_it_runs_and_when_it_has_ended(call: Call, path: Path) -> None:
    words = ("--agent", "shell", "--metrics", str(path))
    assert call("here", "sleep 1", *words).code == 0
    begun = read(path)
    assert call("here", "exit 3", *words, "--wait").code == 1
    ended = read(path)

    assert (begun["hosts_running"], begun["exit_code"], begun["FAILURE"]) == (1, 0, 0)
    assert (ended["hosts_running"], ended["exit_code"], ended["FAILURE"]) == (0, 1, 1)


def test_a_call_without_results_is_measured(call: Call, path: Path) -> None:
    answer = call("no:such", "--exec", "true", "--metrics", str(path))
    found = read(path)

    assert found["exit_code"] == answer.code == 3
    assert sum(found[each] for each in FanoutOutcome) == found["hosts_running"] == 0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("collector/x.txt", "names end in .prom"),
        ("none/x.prom", "there is no directory"),
        ("collector/x.prom/y.prom", "there is no directory"),
        ("taken.prom", "can't be written"),
    ],
)
def test_a_place_that_serves_nobody_is_refused_before_anything_runs(
    call: Call, path: Path, name: str, told: str, home: Path
) -> None:
    (path.parent.parent / "taken.prom").mkdir()
    place = str(path.parent.parent / name)
    answer = call("here", "--exec", "touch ~/ran", "--metrics", place, "--json")

    assert answer.code == 2
    assert told in answer.document["error"]["message"]
    assert not (home / "ran").exists()


def test_a_run_that_does_not_happen_is_not_measured(call: Call, path: Path) -> None:
    for words in (("here", "--exec", "true", "--dry-run"), ("--list",)):
        assert call(*words, "--metrics", str(path)).code == 2
    assert not path.exists()


def test_a_file_that_can_not_be_written_at_the_end_changes_nothing(call: Call, path: Path) -> None:
    command = f"rm -r '{path.parent}'; echo hi"
    answer = call("here", "--exec", command, "--metrics", str(path))

    assert (answer.code, answer.out) == (0, b"hi\n")
    assert answer.err.count("metrics_not_written") == 1


def test_any_name_of_a_file_is_a_label(tmp_path: Path) -> None:
    for name in ('a"b\\c\nd', "é {}", "x.y"):
        place = tmp_path / f"{name}.prom"
        MetricsFile(str(place)).write([], 0)
        assert read(place)["exit_code"] == 0
