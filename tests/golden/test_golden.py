"""Whatever path a checkout has: the scenarios end as they always did.

`DX_GOLDEN=all` replays all scenarios, not a sample; `DX_GOLDEN=record` writes them anew.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.golden.batch import Batch, Call, Scenario
from tests.golden.batches import BATCHES
from tests.golden.calls import play
from tests.golden.orphans import adopted
from tests.golden.records import load, store
from tests.golden.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.golden.records import Record

_MODE = os.environ.get("DX_GOLDEN", "sample")
_PLUGINS = Path(__file__).with_name("connection_plugins")
_INSTALL = Batch(
    name="first", scenarios=(Scenario(name="first"),), calls=(Call(kind="run"),)
)  # fmt: skip


@pytest.fixture(scope="module")
def caller() -> Iterator[Path]:
    """A home directory of our own, so that nothing of this machine's user has a part in it."""
    with tempfile.TemporaryDirectory(prefix="dxg-") as root, pytest.MonkeyPatch.context() as patch:
        home = Path(root) / "caller"
        home.mkdir()
        for name in ("SSH_AUTH_SOCK", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "DX_LOG_FORMAT"):
            patch.delenv(name, raising=False)
        patch.setenv("HOME", str(home))
        patch.setenv("ANSIBLE_CONNECTION_PLUGINS", str(_PLUGINS))
        patch.setenv("DX_SESSION_TAG", "<client>")
        with adopted():
            yield Path(root)


@pytest.fixture(scope="module")
def keeper(caller: Path) -> Path:
    """What a VM has once somebody has called it: the keeper, installed by whatever path it is."""
    stage = Stage(root=caller / "first", batch=_INSTALL, scenarios=_INSTALL.scenarios)
    stage.build()
    play(stage)
    state = stage.root / "first" / "home" / ".local" / "state" / "dxansible"
    installed = caller / "keeper"
    installed.mkdir(mode=0o700)
    for script in state.glob("keeper-*.sh"):
        script.rename(installed / script.name)
    stage.end()
    return installed


def _replay(
    batch: Batch, scenarios: Sequence[Scenario], root: Path, keeper: Path
) -> dict[str, Record]:
    stage = Stage(root=root / batch.name, batch=batch, scenarios=scenarios, keeper=keeper)
    stage.build()
    try:
        return play(stage)
    finally:
        stage.end()


def _chosen(batch: Batch) -> Sequence[Scenario]:
    if _MODE != "sample":
        return batch.scenarios
    step = max(1, len(batch.scenarios) // max(1, batch.sample))
    return batch.scenarios[::step][: batch.sample]


@pytest.mark.parametrize("name", [name for name, batch in BATCHES.items() if _chosen(batch)])
def test_scenarios_end_as_they_are_recorded(name: str, caller: Path, keeper: Path) -> None:
    batch, chosen = BATCHES[name], _chosen(BATCHES[name])
    found = _replay(batch, chosen, caller, keeper)
    if _MODE == "record":
        store(name, found)
    golden = load(name)

    different = {
        scenario.name: {"recorded": golden.get(scenario.name), "now": found.get(scenario.name)}
        for scenario in chosen
        if golden.get(scenario.name) != found.get(scenario.name)
    }
    assert not different, json.dumps(different, indent=1)


@pytest.mark.skipif(_MODE == "record", reason="they are being written")
def test_each_scenario_has_a_record() -> None:
    recorded = {name: list(load(name)) for name in BATCHES}

    assert recorded == {
        name: [scenario.name for scenario in batch.scenarios] for name, batch in BATCHES.items()
    }
    assert sum(map(len, recorded.values())) > 800
