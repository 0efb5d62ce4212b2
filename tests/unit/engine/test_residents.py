"""Ending engines, while others are started."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import TYPE_CHECKING

from dxansible.engine.residents import Resident, stop
from dxansible.engine.starter import lock

if TYPE_CHECKING:
    from pathlib import Path


def test_the_engine_that_comes_after_the_one_to_be_ended_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    held = lock(str(path))
    assert held is not None
    os.pwrite(held, f"{os.getpid()} ansible-playbook\n".encode(), 0)
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    resident = Resident(pid=ended.pid, program="ansible-playbook", seconds=0, path=path)
    thread = threading.Thread(target=stop, args=([resident],), daemon=True)
    thread.start()
    thread.join(20)

    assert not thread.is_alive()
    os.close(held)
