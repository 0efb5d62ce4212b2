"""A pattern means the same hosts as for ``ansible --list-hosts``, in every kind of inventory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dxansible.run.patterns import check_pattern
from dxansible.settings import content_dir
from tests.unit.run.inventory_kinds import KINDS, PASSWORD, PATTERNS, write

ROOT = Path(__file__).parents[3]
PLAIN = [each for each in PATTERNS if "[" not in each]  # places depend on the order
Chosen = dict[str, dict[str, dict[str, list[str]]]]
"""The hosts by the kind of inventory, by who chose, by the pattern."""
ALIASES = ["hidden_name", "staging:hidden_name:!*.org"]


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Chosen:
    """For each kind of inventory, for Ansible and for us: the hosts of each pattern."""
    groups = str(content_dir("playbooks") / "groups" / "zz-groups.yml")
    patterns = [*PATTERNS, *ALIASES]
    questions = [
        {
            "sources": [str(each) for each in write(kind, tmp_path_factory.mktemp(kind))],
            "groups": groups,
            "patterns": patterns,
        }
        for kind in KINDS
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.run.chosen_hosts"],
        input=json.dumps(questions), capture_output=True, text=True, check=False, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'playbooks' / 'collections'}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers = zip(KINDS, json.loads(done.stdout), strict=True)
    return {
        kind: {who: dict(zip(patterns, hosts, strict=True)) for who, hosts in answer.items()}
        for kind, answer in answers
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_pattern_means_what_it_means_to_ansible(kind: str, chosen: Chosen) -> None:
    theirs, ours = (
        {pattern: chosen[kind][who][pattern] for pattern in PATTERNS} for who in ("theirs", "ours")
    )

    for pattern in PATTERNS:
        check_pattern(pattern)
    assert ours == theirs
    assert len(PATTERNS) >= 100
    assert len(ours["all"]) == 11
    assert len({tuple(hosts) for hosts in ours.values()}) >= 30  # the patterns tell hosts apart


def test_every_kind_of_inventory_has_the_same_hosts(
    chosen: Chosen,
) -> None:
    found = [[chosen[kind]["theirs"][pattern] for pattern in PLAIN] for kind in KINDS]

    assert all(each == found[0] for each in found)


def test_an_alias_from_a_vault_is_a_name_too(
    chosen: Chosen,
) -> None:
    vaulted = chosen["vaulted"]

    assert vaulted["theirs"]["hidden_name"] == []
    assert vaulted["ours"]["hidden_name"] == ["web-01"]
    assert sorted(vaulted["ours"]["staging:hidden_name:!*.org"]) == ["web-01", "web-10"]


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("toml", "prod:!~.*b"),
        ("script", "all[2:6]:!10.0.0.*"),
        ("constructed", "web:&east:with_digits"),
        ("directory", "site:!web[0]"),
        ("vaulted", "any:cache:!10.0.0.5"),
    ],
)
def test_dx_dispatch_has_the_hosts_that_ansible_lists(
    kind: str, pattern: str, home: Path, tmp_path: Path
) -> None:
    sources = write(kind, tmp_path)
    password = home / "password"
    password.write_text(PASSWORD)
    inventory = [word for source in sources for word in ("-i", str(source))]
    environment = {**os.environ, "ANSIBLE_VAULT_PASSWORD_FILE": str(password), "COLUMNS": "200"}
    programs = Path(sys.executable).parent
    plain = pattern.removeprefix("any:")

    def printed(*command: str) -> str:
        done = subprocess.run(
            command, env=environment, cwd=home, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    listed = printed(str(programs / "ansible"), plain, "--list-hosts", *inventory)
    work = ["--exec", "true"] if plain == pattern else ["a task"]
    shown = printed(
        str(programs / "dx-dispatch"), *inventory, pattern, *work, "--dry-run", "--json"
    )

    expected = [line.strip() for line in listed.splitlines()[1:]]
    assert expected
    assert sorted(each["host"] for each in json.loads(shown)["hosts"]) == sorted(expected)
