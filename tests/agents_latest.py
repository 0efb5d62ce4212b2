"""Runs the tests of the real agents with the newest version of each, and with the one before.

    python -m tests.agents_latest DIRECTORY

Each set of versions is installed from npm into a directory of its own below DIRECTORY. Prints a
table of agents and versions: which tests failed, so which record a release breaks. Exits with 1 if
one did.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

PACKAGES = {
    "opencode": "opencode-ai",
    "claude": "@anthropic-ai/claude-code",
    "codex": "@openai/codex",
    "gemini": "@google/gemini-cli",
}
TESTS = "tests/integration/agents"
_RELEASE = re.compile(r"\d+\.\d+\.\d+")


def main() -> int:
    """Install, test, and print the table."""
    say = sys.stdout.write
    root = Path(sys.argv[1]).absolute()
    releases = {agent: _releases(package) for agent, package in PACKAGES.items()}
    rows, broken = [("AGENT", "VERSION", "PASSED", "FAILED")], False
    for age, name in enumerate(("newest", "before")):
        versions = {agent: known[-1 - age] for agent, known in releases.items()}
        say(f"{name}: {', '.join(' '.join(each) for each in versions.items())}\n")
        failed, passed = _test(_install(root / name, versions), root / f"{name}.xml")
        for agent, version in versions.items():
            names = failed.get(agent, [])
            broken |= bool(names)
            rows.append((agent, version, str(passed.get(agent, 0)), ", ".join(names) or "-"))
        broken |= bool(failed.get("", []))
        rows += [("(no agent)", name, "", each) for each in failed.get("", [])]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        say("  ".join([*cells, row[3]]) + "\n")
    return int(broken)


def _releases(package: str) -> list[str]:
    """The released versions up to the newest, oldest first."""
    told = _npm("view", package, "versions", "dist-tags", "--json")
    newest = told["dist-tags"]["latest"]
    known = sorted(filter(_RELEASE.fullmatch, told["versions"]), key=_number)
    return [version for version in known if _number(version) <= _number(newest)]


def _number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _npm(*words: str) -> dict[str, dict[str, str]]:
    done = subprocess.run(["npm", *words], capture_output=True, check=True, text=True)
    return dict(json.loads(done.stdout))


def _install(directory: Path, versions: dict[str, str]) -> Path:
    packages = [f"{PACKAGES[agent]}@{version}" for agent, version in versions.items()]
    environment = os.environ | {"DX_AGENT_PACKAGES": " ".join(packages)}
    subprocess.run(["scripts/agents.sh", str(directory)], check=True, env=environment)
    return directory


def _test(agents: Path, report: Path) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Run the tests; return those that failed and the number that passed, for each agent."""
    environment = os.environ | {"DX_TEST_AGENTS": str(agents), "DX_SLOW_LIMITS": "yes"}
    words = [sys.executable, "-m", "pytest", "-q", "-n", "2", f"--junitxml={report}", TESTS]
    subprocess.run(words, check=False, env=environment, stdout=subprocess.DEVNULL)
    failed: dict[str, list[str]] = {}
    passed: dict[str, int] = {}
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - pytest wrote it
        name = str(case.get("name"))
        agent = next((each for each in PACKAGES if re.search(rf"\b{each}\b", name)), "")
        if case.find("failure") is not None or case.find("error") is not None:
            failed.setdefault(agent, []).append(name)
        elif case.find("skipped") is None:
            passed[agent] = passed.get(agent, 0) + 1
    return failed, passed


if __name__ == "__main__":
    sys.exit(main())
