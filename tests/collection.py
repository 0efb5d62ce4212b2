"""The collection as others get it: the tarball, installed, without this checkout."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

__all__ = ["COLLECTION", "ROOT", "build", "install", "run_targets", "targets"]

ROOT = Path(__file__).parents[1]
COLLECTION = ROOT / "playbooks/collections/ansible_collections/dxansible/fleet"
_TARGETS = "tests/integration/targets"
_INVENTORY = "testhost ansible_connection=local ansible_python_interpreter=auto_silent\n"


def build(bin_dir: Path, directory: Path) -> Path:
    """Build the tarball into a directory, with the Ansible of an environment."""
    program = str(bin_dir / "ansible-galaxy")
    arguments = ["collection", "build", str(COLLECTION), "--output-path", str(directory)]
    _run([program, *arguments], directory)
    (tarball,) = directory.glob("dxansible-fleet-*.tar.gz")
    return tarball


def install(bin_dir: Path, tarball: Path, directory: Path) -> Path:
    """Install the tarball, and return the collection's directory."""
    program = str(bin_dir / "ansible-galaxy")
    _run([program, "collection", "install", "--offline", "-p", str(directory), str(tarball)], ROOT)
    return directory / "ansible_collections/dxansible/fleet"


def _run(command: list[str], directory: Path) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def targets() -> list[str]:
    """The tests that the collection brings, by the names of their directories."""
    found = (path.parent.name for path in (COLLECTION / _TARGETS).glob("*/aliases"))
    return sorted(found)


def run_targets(
    bin_dir: Path, collection: Path, directory: Path
) -> subprocess.CompletedProcess[str]:
    """Run the tests of an installed collection on this machine, as ``ansible-test`` does.

    ``directory`` is empty; it becomes the home directory.
    """
    tasks = "".join(f"    - include_role: {{name: {name}}}\n" for name in targets())
    play = directory / "targets.yml"
    play.write_text(f"- hosts: testhost\n  gather_facts: false\n  tasks:\n{tasks}")
    inventory = directory / "inventory.ini"
    inventory.write_text(_INVENTORY)
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": str(collection.parents[2]),
        "ANSIBLE_ROLES_PATH": str(collection / _TARGETS),
        "ANSIBLE_NOCOLOR": "1",
        "HOME": str(directory),
        "LC_ALL": "C.UTF-8",
        "PATH": f"{bin_dir}{os.pathsep}{os.environ['PATH']}",
    }
    return subprocess.run(
        [str(bin_dir / "ansible-playbook"), "-i", str(inventory), str(play)],
        env=environment, cwd=directory, capture_output=True, text=True, check=False,
    )  # fmt: skip
