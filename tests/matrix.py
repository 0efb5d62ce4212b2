"""``python -m tests.matrix``: the collection's own tests with each ansible-core and each Python.

A pair that ansible-core does not support, and a Python that is missing here, is named and skipped.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.collection import ROOT, build, install, run_targets

PYTHONS = ("3.11", "3.12", "3.13")
CORES = {"2.19": PYTHONS, "2.20": PYTHONS[1:], "2.21": PYTHONS[1:]}
"""The Pythons of a controller, for each ansible-core."""


def main() -> int:
    """Return 1 if a pair fails, or if none could be tried."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--core", choices=CORES, action="append")
    parser.add_argument("--python", choices=PYTHONS, action="append")
    chosen = parser.parse_args()
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
        subprocess.run([pip, *quiet, f"ansible-core=={core}.*"], check=True)
        (directory / "ready").touch()
    return directory / "bin"


def _test(bin_dir: Path) -> str:
    with TemporaryDirectory(prefix="dxm-") as place:
        directory = Path(place)
        collection = install(bin_dir, build(bin_dir, directory), directory / "collections")
        home = directory / "home"
        home.mkdir()
        done = run_targets(bin_dir, collection, home)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
    return "FAILED" if done.returncode else "ok"


if __name__ == "__main__":
    sys.exit(main())
