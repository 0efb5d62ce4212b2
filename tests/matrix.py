"""``python -m tests.matrix``: a sample of the tests with each ansible-core and each Python.

The sample has the collection's own tests, and each way in which a command reaches its VM. A pair
that ansible-core does not support, and a Python that is missing here, is named and skipped.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from dxansible.supported import CORES, PYTHONS
from tests.collection import ROOT, build, install, run_targets

_OLDEST = next(iter(CORES)), PYTHONS[0]
_WAYS = "tests/integration/test_where_it_runs.py"


def main() -> int:
    """Return 1 if a pair fails, or if none could be tried."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--core", choices=CORES, action="append")
    parser.add_argument("--python", choices=PYTHONS, action="append")
    parser.add_argument("--oldest", action="store_true", help="only the oldest supported pair")
    parser.add_argument(
        "--newest-python", action="store_true", help="print the newest Python that is here"
    )
    chosen = parser.parse_args()
    if chosen.newest_python:
        print(next(filter(None, map(_interpreter, reversed(PYTHONS))), sys.executable))  # noqa: T201 - a command
        return 0
    if chosen.oldest:
        chosen.core, chosen.python = [_OLDEST[0]], [_OLDEST[1]]
    ends = {
        (core, python): _try(core, python)
        for core in chosen.core or CORES
        for python in chosen.python or PYTHONS
    }
    words = list(ends.values())
    print(f"{words.count('ok')} ok, {words.count('FAILED')} failed of {len(words)}", flush=True)  # noqa: T201 - a command
    return int("FAILED" in words or "ok" not in words)


def _try(core: str, python: str) -> str:
    interpreter = _interpreter(python)
    if python not in CORES[core]:
        end = f"skipped: ansible-core {core} does not support this Python"
    elif interpreter is None:
        end = "skipped: this Python is not here"
    else:
        end = _test(_environment(core, python, interpreter))
    print(f"ansible-core {core} Python {python}: {end}", flush=True)  # noqa: T201 - as above
    return end


def _interpreter(version: str) -> str | None:
    """Find a Python that can make environments; one on PATH may be a shim without a Python."""
    home = Path.home()
    directories = [Path(each) for each in os.environ["PATH"].split(os.pathsep)]
    for place in (".pyenv/versions", ".local/share/uv/python"):
        directories += sorted((home / place).glob(f"*{version}*/bin"))
    for directory in directories:
        program = directory / f"python{version}"
        wanted = [str(program), "-c", "import ensurepip, venv"]
        if (
            program.is_file()
            and not subprocess.run(wanted, capture_output=True, check=False).returncode
        ):
            return str(program)
    return None


def _environment(core: str, python: str, interpreter: str) -> Path:
    """Return the bin directory of an environment with that ansible-core, made once."""
    directory = ROOT / ".cache" / "matrix" / f"{core}-{python}"
    if not (directory / "ready").exists():
        shutil.rmtree(directory, ignore_errors=True)
        pip = str(directory / "bin" / "pip")
        subprocess.run([interpreter, "-m", "venv", str(directory)], check=True)
        quiet = ("install", "--quiet", "--disable-pip-version-check")
        wanted = ("-e", f"{ROOT}[test]", f"ansible-core=={core}.*")
        subprocess.run([pip, *quiet, *wanted], check=True)
        (directory / "ready").touch()
    return directory / "bin"


def _test(bin_dir: Path) -> str:
    with TemporaryDirectory(prefix="dxm-") as place:
        directory = Path(place)
        collection = install(bin_dir, build(bin_dir, directory), directory / "collections")
        home = directory / "home"
        home.mkdir()
        ends = [run_targets(bin_dir, collection, home), _run_ways(bin_dir)]
    for end in ends:
        if end.returncode:
            sys.stderr.write(end.stdout + end.stderr)
    return "FAILED" if any(end.returncode for end in ends) else "ok"


def _run_ways(bin_dir: Path) -> subprocess.CompletedProcess[str]:
    """Run the tests of each way to a VM: engine on and off, playbooks, an execution node."""
    environment = {
        **os.environ,
        "DX_EVERY_CASE": "yes",
        "PATH": f"{bin_dir}{os.pathsep}{os.environ['PATH']}",
    }
    command = [str(bin_dir / "python"), "-m", "pytest", "-q", "-n", "2", _WAYS]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    sys.exit(main())
