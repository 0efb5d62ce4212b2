"""Rules of the patches that tests have to find."""

from __future__ import annotations

import json
import subprocess
from collections import Counter

from tests.mutants.__main__ import FOUND
from tests.mutants.suites import SUITES
from tests.patched import ROOT

MUTANTS = sorted(FOUND.parent.glob("*.patch"))


def test_each_patch_fits() -> None:
    faults = sorted(ROOT.glob("tests/simulation/faults/*.patch"))
    assert faults

    unfit = [
        patch.name
        for patch in (*MUTANTS, *faults)
        if subprocess.run(["git", "apply", "--check", patch], cwd=ROOT, check=False).returncode
    ]

    assert unfit == []


def test_there_are_five_of_each_part_and_what_finds_each_is_known() -> None:
    found = json.loads(FOUND.read_text())
    parts = Counter(patch.name.partition("-")[0] for patch in MUTANTS)

    assert list(found) == [patch.stem for patch in MUTANTS]
    assert len(MUTANTS) >= 40
    assert min(parts[part] for part in SUITES) >= 5


def test_what_finds_each_is_a_test_that_is_there() -> None:
    found: dict[str, str] = json.loads(FOUND.read_text())
    tests = [each.partition("[")[0].split("::") for each in found.values()]

    assert [name for file, name in tests if f"def {name}(" not in (ROOT / file).read_text()] == []
