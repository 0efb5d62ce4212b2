"""Puts a batch on the disk: a directory for each host, and an inventory of all of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.golden.endings import ending
from tests.golden.faults import faults
from tests.integration.vm_processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.golden.batch import Batch, Scenario

__all__ = ["USER", "Stage"]

USER = "golden"
_STATE = Path(".local/state/dxansible")
_AGENTS = {
    "absent": {"start": ["no-such-agent"]},
}
_COMMON = {
    "ansible_connection": "golden",
    "ansible_user": USER,
    "dx_agent": "shell",
    "dx_agents": _AGENTS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The directory of a batch. ``keeper`` has what an installed keeper is on a VM."""

    root: Path
    batch: Batch
    scenarios: Sequence[Scenario]
    keeper: Path | None = None

    @property
    def inventory(self) -> Path:
        """A file of JSON, which is YAML too."""
        return self.root / "hosts.json"

    def build(self) -> None:
        """Make the hosts and the inventory."""
        hosts: dict[str, Any] = {}
        for scenario in self.scenarios:
            directory = self._directory(scenario)
            home = directory / "home"
            home.mkdir(parents=True)
            (home / "ending").write_text(ending(scenario.ending))
            self._make_state(scenario, home)
            given = {**_COMMON, "golden_directory": str(directory), **scenario.variables}
            hosts[scenario.name] = {key: each for key, each in given.items() if each is not None}
        self.inventory.write_text(json.dumps({"all": {"hosts": hosts}}))

    def arm(self, fault: str | None) -> None:
        """Get ready for a call, in which all hosts have this fault; None: each has its own."""
        for scenario in self.scenarios:
            directory = self._directory(scenario)
            verb = self.batch.verb if fault is None else "start"
            name = scenario.fault if fault is None else fault
            found = faults(name, scenario.name, verb)
            tells = fault is None and self.batch.go
            (directory / "faults.json").write_text(json.dumps({"go": tells, "faults": found}))
            (directory / "calls").unlink(missing_ok=True)
            go = directory / "home" / "go"
            if not go.parent.is_dir():
                continue
            go.unlink(missing_ok=True)
            if tells and not found:
                go.touch()

    def expire(self) -> None:
        """The VMs have kept the output for long enough."""
        for segment in self.root.glob(f"*/home/{_STATE}/sessions/*/*.0*"):
            segment.unlink()

    def kill_keepers(self) -> None:
        """End what watches the commands, once it does."""
        for session in self.root.glob(f"*/home/{_STATE}/sessions/*"):
            record = session / "supervisor"
            wait_until(record.exists, 20, f"{session} has a supervisor")
            with suppress(ProcessLookupError):
                os.kill(int(record.read_text().split()[0]), signal.SIGKILL)

    def end(self) -> None:
        """Kill what is left of the scenarios, and remove everything."""
        mark = f"HOME={self.root}/".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                variables = (process / "environ").read_bytes().split(b"\0")
                if any(each.startswith(mark) for each in variables):
                    os.kill(int(process.name), signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)

    def _directory(self, scenario: Scenario) -> Path:
        return self.root / scenario.name

    def _make_state(self, scenario: Scenario, home: Path) -> None:
        state = home / _STATE
        match scenario.state:
            case "ready" if self.keeper is not None:
                shutil.copytree(self.keeper, state)
            case "file":
                state.parent.mkdir(parents=True)
                state.touch()
            case "link":
                state.parent.mkdir(parents=True)
                state.symlink_to(home)
            case "open":
                state.mkdir(parents=True)
                state.chmod(0o777)
            case "nohome":
                shutil.rmtree(home)
                home.touch()
            case _:
                pass
