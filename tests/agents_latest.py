"""Runs the tests of the real agents with the newest version of each, and with the one before.

    python -m tests.agents_latest DIRECTORY

Each set of versions is installed from npm into a directory of its own below DIRECTORY. Prints a
table of agents and versions: which tests failed, so which record a release breaks; what they said
is in DIRECTORY/newest.log and before.log. Exits with 1 if one did.
"""

from __future__ import annotations

import json
import os
import re
import shutil
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
    if (directory / "missing").exists():
        sys.exit((directory / "missing").read_text())  # else every test would be skipped
    return directory


def _test(agents: Path, report: Path) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Run the tests; return those that failed and the number that passed, for each agent.

    What fails is run once more alone: real agents take a minute to start on a busy machine.
    """
    chosen = {"DX_TEST_AGENTS": str(agents), "DX_SLOW_LIMITS": "yes", "DX_EVERY_CASE": "yes"}
    environment = os.environ | chosen
    seen = report.with_suffix(".seen")
    shutil.rmtree(seen, ignore_errors=True)
    words = [sys.executable, "-m", "pytest", "-v", "-o", f"cache_dir={seen}", TESTS]
    ended: dict[tuple[str, str], str] = {}
    with report.with_suffix(".log").open("wb") as log:
        for more in (["-n", "2"], ["-n", "0", "--last-failed", "--last-failed-no-failures=none"]):
            told = [*words, *more, f"--junitxml={report}"]
            subprocess.run(told, check=False, env=environment, stdout=log)
            ended |= _ends(report)
    failed: dict[str, list[str]] = {}
    passed: dict[str, int] = {}
    for (_, name), end in ended.items():
        agent = next((each for each in PACKAGES if re.search(rf"\b{each}\b", name)), "")
        if end == "failed":
            failed.setdefault(agent, []).append(name)
        elif end == "passed":
            passed[agent] = passed.get(agent, 0) + 1
    return failed, passed


def _ends(report: Path) -> dict[tuple[str, str], str]:
    """How each test has ended, of pytest's report; by module and name."""
    ends = {"failure": "failed", "error": "failed", "skipped": "skipped"}
    found: dict[tuple[str, str], str] = {}
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - pytest wrote it
        told = [end for kind, end in ends.items() if case.find(kind) is not None]
        found[str(case.get("classname")), str(case.get("name"))] = told[0] if told else "passed"
    return found


if __name__ == "__main__":
    sys.exit(main())
