"""What prepares something for an engine ends with it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.unit.waiting import runs, wait_until

_ENGINE = """
import sys, time
from dxansible.engine.helper import begin
pid, file = begin(lambda file: WORK)
print(pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("work", ["file.write(bytes(2**20))", "time.sleep(600)"])
def test_it_is_gone_when_its_parent_is_killed(work: str) -> None:
    program = [sys.executable, "-c", _ENGINE.replace("WORK", work)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        helper = int(engine.stdout.readline())
        assert runs(helper)
        engine.kill()

    wait_until(lambda: not runs(helper))
