"""Real agents find our tools, call one, and get its document."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    from tests.integration.agents.conftest import Shop

pytestmark = pytest.mark.resident

_SERVER = [str(Path(sys.executable).parent / "dx-dispatch"), "--mcp", "--no-slack"]
_CODEX = """\
[mcp_servers.dx]
command = "{0}"
args = ["{1}", "{2}"]
env_vars = ["DX_ENGINE", "DX_ENGINE_PATIENCE", "DX_INVENTORY", "DXTEST", "XDG_RUNTIME_DIR"]
startup_timeout_sec = 300
required = true
default_tools_approval_mode = "approve"
"""
_TOOLS = {"claude": "mcp__dx__exec", "codex": "mcp__dx__exec", "opencode": "dx_exec"}


def _claude(home: Path, _shop: Shop, environment: dict[str, str]) -> list[str]:
    server = {"command": _SERVER[0], "args": _SERVER[1:]}
    (home / "mcp.json").write_text(json.dumps({"mcpServers": {"dx": server}}))
    waits = {"MCP_TIMEOUT": "300000", "MCP_CONNECTION_NONBLOCKING": "false"}
    environment |= {**waits, "ENABLE_TOOL_SEARCH": "false"}
    settings = ["--mcp-config", str(home / "mcp.json"), "--strict-mcp-config"]
    return ["claude", "-p", *settings, "--allowedTools", _TOOLS["claude"]]


def _codex(home: Path, shop: Shop, _environment: dict[str, str]) -> list[str]:
    (home / ".codex").mkdir()
    model = (shop.vm.home / ".codex" / "config.toml").read_text()
    (home / ".codex" / "config.toml").write_text(model + _CODEX.format(*_SERVER))
    return ["codex", "exec", "--skip-git-repo-check", "-"]


def _opencode(home: Path, _shop: Shop, environment: dict[str, str]) -> list[str]:
    config: dict[str, Any] = json.loads(environment["OPENCODE_CONFIG_CONTENT"])
    config["mcp"] = {"dx": {"type": "local", "command": _SERVER, "timeout": 300_000}}
    environment["OPENCODE_CONFIG_CONTENT"] = json.dumps(config)
    return ["opencode", "run", "--dir", str(home)]


_PROGRAMS = {"claude": _claude, "codex": _codex, "opencode": _opencode}


@pytest.mark.sampled(agent=2)
@pytest.mark.long
@pytest.mark.parametrize("agent", _PROGRAMS)
def test_an_agent_runs_a_command_through_our_tool(shop: Shop, agents: Path, agent: str) -> None:
    record = json.loads((shop.inventory / "group_vars" / "all.yml").read_text())
    environment = {**shop.user.environment, **record["dx_agents"][agent]["environment"]}
    program, *options = _PROGRAMS[agent](shop.user.home, shop, environment)
    environment["TMPDIR"] = str(shop.user.home)  # agents leave libraries in it
    made = f"made_{secrets.token_hex(6)}"
    arguments = json.dumps({"target": "epyc6", "command": f"touch {made}", "run_id": made})
    shop.model.results.clear()
    ran = subprocess.run(
        [agents / program, *options],
        input=f"Run it\nCALL: {_TOOLS[agent]} {arguments}",
        env=environment,
        cwd=shop.user.home,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert "OK turns=1 tools=1" in ran.stdout
    (returned,) = shop.model.results
    document = json.loads(returned[returned.index("{") :])
    assert (document["schema"], document["id"]) == (1, made)
    if document["state"] == "unknown":  # a busy machine: the same call again, as the agent is told
        shop.user.run("--exec", f"touch {made}", "--target", "epyc6", "--run-id", made)
    else:
        assert document["state"] == "running" or document["outcome"] == "SUCCESS"
    wait_until((shop.vm.home / made).exists)
