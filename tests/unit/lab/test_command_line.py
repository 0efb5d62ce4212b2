"""`python -m tests.lab`."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.unit.lab.support import REPOSITORY, leftovers


class CommandLine:
    """`python -m tests.lab` with a runtime directory of its own."""

    def __init__(self, runtime: Path) -> None:
        self.runtime = runtime

    @contextmanager
    def started(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Run it for a while."""
        with subprocess.Popen(
            [sys.executable, "-m", "tests.lab", *words],
            cwd=REPOSITORY,
            env=os.environ | {"XDG_RUNTIME_DIR": str(self.runtime)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()

    def run(self, *words: str) -> tuple[int, str]:
        """Return its exit status and all it says."""
        with self.started(*words) as process:
            said, _ = process.communicate(timeout=20)
        return process.returncode, said


def test_command_line(tmp_path: Path) -> None:
    command_line = CommandLine(tmp_path)
    with command_line.started("up") as up:
        assert up.stdout
        introduction = "".join(iter(up.stdout.readline, "Ctrl-C ends the lab.\n"))
        found = re.search(r"DX_INVENTORY=(\S+)/inventory dx-dispatch --list", introduction)
        assert found, introduction
        root = Path(found[1])
        assert (root / "control").stat().st_mode & 0o777 == 0o600
        users = re.findall(r"127\.77\.0\.\d:\d+ +(\S+)", introduction)

        status, said = command_line.run("fault", "epyc6", "CLOSE-EARLY")
        assert (status, "close_early" in said) == (0, True), said
        assert "stall" in command_line.run("fault", "macmini", "stall", "--root", str(root))[1]
        status, said = command_line.run("heal", "epyc6")
        assert (status, "close_early" in said, "stall" in said) == (0, False, True)
        assert command_line.run("cut", "epyc6")[0] == 0
        assert command_line.run("cut", "epyc6", "--up", "0", "--times", "2")[0] == 0
        assert command_line.run("status")[1].count("127.77.0.") == 3

        assert command_line.run("heal", "epyc7") == (
            1,
            "dxlab: no VM epyc7: there are homedesktop-wsl, macmini, epyc6\n",
        )
        assert "no fault 'x': there are refuse, " in command_line.run("fault", "epyc6", "x")[1]

        up.send_signal(signal.SIGTERM)
        assert up.wait(timeout=10) == 0
        assert up.stdout.read() == ""
    assert leftovers(root, users) == []
    assert list(tmp_path.iterdir()) == []
    status, said = command_line.run("status")
    assert (status, said.count("\n"), "no lab runs" in said) == (1, 1, True)
    assert command_line.run("status", "--root", str(root)) == (
        1,
        f"dxlab: no lab runs in {root}\n",
    )
