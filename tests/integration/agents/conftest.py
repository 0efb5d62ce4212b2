"""A VM on which real agents work for a scripted model."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.integration.conftest import lend
from tests.integration.sessions.work import on_vm
from tests.model import ModelServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm

_CODEX = """\
model = "m"
model_provider = "scripted"
check_for_update_on_startup = false
[analytics]
enabled = false
[features]
plugins = false
unbounded_connection_retries = false
[model_providers.scripted]
name = "Scripted"
base_url = "http://127.0.0.1:{port}/v1"
env_key = "SCRIPTED_KEY"
wire_api = "responses"
request_max_retries = 1
stream_max_retries = 1
"""
_AGENTS = "files/agents.yml"
_GEMINI = {
    "model": {"name": "gemini-2.5-flash"},
    "general": {
        "enableAutoUpdate": False,
        "enableAutoUpdateNotification": False,
        "maxAttempts": 2,
    },
    "privacy": {"usageStatisticsEnabled": False},
    "security": {"auth": {"selectedType": "gemini-api-key"}},
}


def _records(port: int) -> dict[str, object]:
    """What the inventory says of the agents: where their model is, and nothing asked of others."""
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"http://127.0.0.1:{port}/v1", "apiKey": "key"},
        "models": {key: {"limit": {"context": 100000, "output": 8000}} for key in ("m", "m-2")},
    }
    config = {
        "autoupdate": False,
        "share": "disabled",
        "model": "scripted/m",
        "small_model": "scripted/m",
        "provider": {"scripted": provider},
    }
    off = ("AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "DEFAULT_PLUGINS")
    opencode = {f"OPENCODE_DISABLE_{name}": "1" for name in off}
    claude = {
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}",
        "ANTHROPIC_API_KEY": "key",
        "CLAUDE_CODE_MAX_RETRIES": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    gemini = {"GEMINI_API_KEY": "key", "GOOGLE_GEMINI_BASE_URL": f"http://127.0.0.1:{port}"}
    records = yaml.safe_load((files("ansible_collections.dxansible.fleet") / _AGENTS).read_text())
    subscription = {name: text for name, text in claude.items() if name != "ANTHROPIC_API_KEY"}
    subscription["CLAUDE_CODE_OAUTH_TOKEN"] = "token"  # noqa: S105 - of nobody
    return {
        "subscriber": records["claude"] | {"environment": subscription},
        "opencode": {"environment": {**opencode, "OPENCODE_CONFIG_CONTENT": json.dumps(config)}},
        "claude": {"environment": claude},
        "codex": {"environment": {"SCRIPTED_KEY": "key"}},
        "gemini": {"environment": gemini},
    }


@dataclass(frozen=True, slots=True)
class Shop:
    """The VM, its model, and a user who hands it work."""

    vm: Vm
    model: ModelServer
    user: Dispatcher
    inventory: Path

    def on_vm(self, command: str) -> str:
        """Run a command as the VM's user, at home."""
        return on_vm(self.vm, command)

    def new_repository(self, name: str) -> Path:
        """Make a git repository with one commit in the VM's home."""
        self.on_vm(
            f"git init -q {name} && cd {name} && git config user.email a@example.org && "
            "git config user.name A && echo 1 >one && git add one && git commit -qm one"
        )
        return self.vm.home / name

    def tagged(self) -> list[str]:
        """Command lines of the processes that carry the tag of a session on this VM."""
        lines = subprocess.run(
            ["ps", "eww", "-u", self.vm.user, "-o", "args="],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        return [line for line in lines.splitlines() if "DX_SESSION_TAG=[ses_" in line]


@pytest.fixture(scope="session")
def agents() -> Path:
    """The directory of the agents' programs; what wants them is skipped where there are none."""
    root = Path(os.environ.get("DX_TEST_AGENTS", f"/tmp/dxansible-agents-{os.getuid()}"))
    missing = root / "missing"
    if not (root / "installed").exists():
        why = missing.read_text().strip() if missing.exists() else "run scripts/agents.sh"
        pytest.skip(f"no coding agents in {root}: {why}")
    return root / "node_modules" / ".bin"


@pytest.fixture(scope="session")
def model() -> Iterator[ModelServer]:
    """The model of all agents of this process."""
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="session")
def shop_inventory(
    lab: Lab, agents: Path, model: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The lab's inventory, with agents."""
    inventory = tmp_path_factory.mktemp("shop") / "inventory"
    shutil.copytree(lab.inventory, inventory)
    (inventory / "group_vars").mkdir()
    variables = {"dx_path": [str(agents)], "dx_agents": _records(model.port)}
    (inventory / "group_vars" / "all.yml").write_text(json.dumps(variables))
    vm = lab.vms["epyc6"]
    _settle(vm, ".codex/config.toml", _CODEX.format(port=model.port))
    _settle(vm, ".gemini/settings.json", json.dumps(_GEMINI))
    return inventory


def _settle(vm: Vm, name: str, text: str) -> None:
    """Write an agent's own settings, in a directory of the VM's home."""
    path = vm.home / name
    path.parent.mkdir()
    path.write_text(text)
    for each in (path.parent, path):
        shutil.chown(each, vm.user)


@pytest.fixture
def shop(
    lab: Lab, shop_inventory: Path, model: ModelServer, request: pytest.FixtureRequest
) -> Iterator[Shop]:
    """The VM with agents, and somebody who works with it."""
    model.prompts.clear()
    for user in lend(request, shop_inventory, "user"):
        yield Shop(lab.vms["epyc6"], model, user, shop_inventory)
