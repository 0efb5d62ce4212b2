"""What a helper such as sudo has started is looked for, and told from what others start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.keeper.machine import PARTS, PATIENCE, wait_until
from tests.integration.keeper.trees import Tree
from tests.lab import forks, processes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.keeper.machine import Machine

pytestmark = [
    pytest.mark.directed,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a process another owner"),
]

NOBODY = "--reuid=65534 --regid=65534 --clear-groups"
ESCAPE = "/usr/bin/env -i /usr/bin/setsid /bin/sh -c 'SLEEP &' </dev/null >/dev/null 2>&1"
CGROUPS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd")


@pytest.fixture
def escaped() -> Iterator[Tree]:
    """A process of another owner that leaves session, parent, environment and streams."""
    tree = Tree(f"/usr/bin/setpriv {NOBODY} {ESCAPE}")
    yield tree
    processes.kill(tree.alive())


@pytest.mark.parametrize("verb", ["deadline", "abort"])
def test_what_has_another_owner_is_found_and_named(
    any_machine: Machine, escaped: Tree, verb: str
) -> None:
    escaped.start(any_machine, "s", deadline=2 if verb == "deadline" else 60)
    if verb == "abort":
        any_machine.abort("s")
    reply = any_machine.wait_for_end("s")
    (pid,) = escaped.alive()
    assert reply.verified is False
    assert reply.remains == f"{pid}:nobody:sleep"


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A cgroup of its own, as a service has."""
    made = next(filter(None, map(_make_cgroup, map(Path, CGROUPS))), None)
    if made is None:
        pytest.skip("this machine has no cgroups to make")
    yield made
    wait_until(lambda: not (made / "cgroup.procs").read_text())
    made.rmdir()


def _make_cgroup(top: Path) -> Path | None:
    made = top / f"dxansible-test-{os.getpid()}"
    with suppress(OSError):
        if (top / "cgroup.procs").exists():
            made.mkdir()
            return made
    return None


def test_a_process_of_another_owner_in_another_cgroup_is_a_stranger(
    machine: Machine, cgroup: Path, escaped: Tree
) -> None:
    escaped.start(machine, "s")
    wait_until(lambda: len(escaped.alive()) == 2)
    (stray,) = (pid for pid in escaped.alive() if os.stat(f"/proc/{pid}").st_uid == 65534)  # noqa: PTH116
    (cgroup / "cgroup.procs").write_text(str(stray))
    assert machine.abort("s").verified is True
    assert escaped.alive() == {stray}
    processes.kill({stray})


def test_a_newborn_that_gets_its_tag_late_is_no_stray(machine: Machine) -> None:
    sleep = Tree("").command.split("; ")[1]
    late = "while [ ! -e stops ]; do sleep 0.02; done; sleep 1"
    late = f"{late}; exec env DX_SESSION_TAG=\\<other\\> {sleep}"
    escape = (
        f'env -i HOME="$HOME" PATH="$PATH" setsid sh -c \'({late}) &\' </dev/null >/dev/null 2>&1'
    )
    command = f"trap '>stops; exit' TERM; {escape}; echo up; while :; do sleep 0.05; done"
    try:
        machine.start("s", command, wait=20)
        wait_until(lambda: machine.poll("s").out == b"up\n")
        assert machine.abort("s").verified is True
    finally:
        processes.kill(processes.running(sleep.split()[1]))


BESIDE = """
say() { sh "$KEEPER" "$@"; }
while [ ! -e enough ]; do
    number=$((number + 1))
    printf true | say start "id=beside$number" length=4 wait=0 >/dev/null
done &
for turn in 1 2 3 4 5 6; do
    printf 'sleep 60' | say start "id=s$turn" length=8 wait=1 >/dev/null
    say abort "id=s$turn" wait=60
done
: >enough
wait
"""
"""Stops while other sessions start all the time."""

HIDDEN = """
mount -t proc -o hidepid=2 proc /proc || { echo unable; exit; }
setpriv --reuid=65534 --regid=65534 --clear-groups sh "$1"
:
"""
STOPS = """
printf '%s' "$COMMAND" | sh "$KEEPER" start id=s "length=${#COMMAND}" wait=5 >/dev/null
while [ ! -e "$HOME/up" ]; do sleep 0.05; done
sh "$KEEPER" abort id=s wait=60
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory that everybody may use, with the keeper in it."""
    where = Path(tempfile.mkdtemp(prefix="dxansible-owners-"))
    where.chmod(0o777)
    parts = [part.read_bytes() for part in sorted(PARTS.glob("*.sh"))]
    (where / "keeper.sh").write_bytes(b"".join(parts))
    yield where
    shutil.rmtree(where)


def _alone(home: Path, *words: str, **variables: str) -> str:
    """Run a program in a pid namespace of its own, whose processes end with it."""
    apart = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "KEEPER": f"{home}/keeper.sh"}
    done = subprocess.run(
        [*apart, *words],
        env=environment | variables,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return done.stdout


@pytest.mark.skipif(not forks.can_count(), reason="no pid namespace for this user")
def test_stops_beside_starts_are_verified(home: Path) -> None:
    (home / "script").write_text(BESIDE)
    said = re.findall(
        r"state=(\w+) code=- verified=(\w+)", _alone(home, "sh", "-c", "sh script; :")
    )
    assert said == [("aborted", "yes")] * 6


@pytest.mark.skipif(not forks.can_count(), reason="no pid namespace for this user")
@pytest.mark.parametrize("escapes", [False, True])
def test_where_proc_hides_others_the_cgroup_shows_them(home: Path, *, escapes: bool) -> None:
    helper = home / "helper"
    shutil.copy("/usr/bin/setpriv", helper)
    helper.chmod(0o4755)
    (home / "stops").write_text(STOPS)
    (home / "hidden").write_text(HIDDEN)
    escape = f"./helper --reuid=0 --regid=0 --clear-groups {ESCAPE.replace('SLEEP', 'sleep 60')}"
    command = f"{escape if escapes else ':'}; touch up; sleep 60"
    said = _alone(home, "sh", "hidden", "stops", COMMAND=command)
    if said == "unable\n" or (not escapes and "remains=0:" in said):
        pytest.skip("this machine can't hide processes, or doesn't show cgroups")
    found = re.findall(r"state=(\w+) code=- verified=(\w+)", said)
    assert found == [("aborted", "no" if escapes else "yes")]
