"""Rules of the claim on an issue: real turns and finalizes, with real git and a real remote."""

from __future__ import annotations

import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.claim import Claim, values_of
from ansible_collections.dxansible.fleet.plugins.plugin_utils.finalize import Finalize, script
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn import Trailer, Turn

from tests.unit.collection.finalizing import TWO_SHELLS, Project
from tests.unit.collection.test_turn import SHELLS, Ran, run
from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="no git")

WORK = 'echo "$DX_WORKER" >>file; git switch -q -c "$DX_WORKER" 2>/dev/null; true'
"""Each session names a branch of its own, so a second push would be a second branch."""
LONG, PASSED = 3600.0, 1.0


class Workers(Project):
    """Sessions that work on the issue bd-1 of one repository, each with a number."""

    def session(self, number: int) -> str:
        return f"ses_{number:016x}-01234567"

    def claim(self, lease: float, refs: str = "refs/dx/claims") -> Claim:
        return Claim(issue="bd-1", host="epyc 6", lease=lease, refs=refs)

    def work(
        self,
        number: int,
        *,
        lease: float = LONG,
        turn: int = 1,
        shell: list[str] = SHELLS["sh"],
        task: str = WORK,
        **fields: str,
    ) -> Ran:
        """Run a turn, which makes or renews the claim."""
        given = Turn(
            session=self.session(number),
            arguments=("sh", "-c", task),
            prompt=b"",
            repo=str(self.repo),
            branch="dx/bd-1",
            claim=self.claim(lease, **fields),
        )
        environment = {**self.environment, "DX_WORKER": f"worker-{number}"}
        return run(self.home, given, shell=shell, number=turn, environment=environment)

    def finalize(self, number: int, *, shell: list[str] = SHELLS["sh"], fork: str = "") -> Trailer:
        """Run a finalize of the session."""
        session = self.session(number)
        place = self.home / ".local/state/dxansible/sessions" / f"{session}.9{time.time_ns()}"
        place.mkdir(parents=True)
        wanted = Finalize(
            session=session,
            message=b"Mend it\n",
            repo=str(self.repo),
            fork=fork,
            claim=self.claim(LONG),
        )
        (place / "command").write_bytes(script(wanted))
        done = subprocess.run(
            [*shell, str(place / "command")],
            env=self.environment, cwd=self.home, capture_output=True, check=False,
        )  # fmt: skip
        assert [path.name for path in place.iterdir()] == ["command"], done.stderr
        return Trailer.parse(done.stdout.rpartition(b"\n\x1e")[2].decode())

    def add_fork(self) -> Path:
        """Make a fork of the remote, which the repository knows as ``mine``; return its place."""
        fork = self.remote.parents[1] / "ann" / "api.git"
        fork.parent.mkdir()
        self.git(self.home, "clone", "-q", "--bare", str(self.remote), str(fork))
        self.git(self.repo, "remote", "add", "mine", "git@github.com:ann/api.git")
        return fork

    @property
    def branches(self) -> list[str]:
        """What the remote has, without its base."""
        return self.branches_of(self.remote)

    def branches_of(self, remote: Path) -> list[str]:
        names = self.git(remote, "for-each-ref", "--format=%(refname:short)", "refs/heads")
        return [name for name in names.split() if name != "main"]

    def claimed(self) -> str:
        return self.git(self.remote, "log", "-1", "--format=%B", "refs/dx/claims/bd-1")


@pytest.fixture
def workers(home: Path) -> Workers:
    return Workers(home)


def tree(workers: Workers, number: int) -> Path:
    return workers.home / ".local/state/dxansible/worktrees" / workers.session(number)


@pytest.mark.sampled("shell")
@pytest.mark.parametrize("shell", TWO_SHELLS)
def test_an_issue_has_one_worker_and_one_branch(workers: Workers, shell: list[str]) -> None:
    first, second = workers.work(1, shell=shell), workers.work(2, shell=shell)
    done, refused = workers.finalize(1, shell=shell), workers.finalize(2, shell=shell)
    third = workers.work(3, shell=shell)

    assert (first.code, first.end.problem) == (0, None), first.err
    assert (second.code, second.end.problem) == (1, "issue_claimed")
    said = f"bd-1 is claimed by session {workers.session(1)} on epyc_6, for another 60 min"
    assert said in str(second.end.message)
    assert not tree(workers, 2).exists(), "nothing was made for it"
    assert (done.code, refused.problem) == (0, "repo_unusable")
    assert (third.code, third.end.problem) == (1, "issue_claimed")
    assert "bd-1 is finished by session" in str(third.end.message)
    assert "git push origin --delete refs/dx/claims/bd-1" in str(third.end.message)
    assert workers.branches == ["worker-1"]
    assert "Dx-State: finished" in workers.claimed()


@pytest.mark.sampled("shell")
@pytest.mark.parametrize("shell", TWO_SHELLS)
def test_a_replaced_session_can_t_push_any_more_and_is_told(
    workers: Workers, shell: list[str]
) -> None:
    workers.work(1, lease=PASSED, shell=shell)
    time.sleep(PASSED + 1)
    second = workers.work(2, shell=shell)
    zombie = workers.finalize(1, shell=shell)
    further = workers.work(1, turn=2, shell=shell)
    done = workers.finalize(2, shell=shell)
    later = workers.finalize(1, shell=shell)

    assert second.code == 0, second.err
    told = (
        f"session {workers.session(2)} on epyc_6 has taken over the claim on bd-1, as the lease of "
        "this session had passed; nothing of this session is pushed, and its work stays in "
        f"{tree(workers, 1)}"
    )
    for trailer in (zombie, further.end, later):
        assert (trailer.problem, trailer.message) == ("claim_lost", told)
    assert (done.code, workers.branches) == (0, ["worker-2"])
    assert (tree(workers, 1) / "file").read_text() == "one\nworker-1\n"


def test_a_session_whose_lease_has_passed_keeps_the_claim_while_nobody_takes_it(
    workers: Workers,
) -> None:
    workers.work(1, lease=PASSED)
    time.sleep(PASSED + 1)

    assert workers.finalize(1).code == 0
    assert workers.work(1, turn=2).code == 0
    assert workers.finalize(1).code == 0
    assert workers.branches == ["worker-1"]


def test_a_finished_claim_stays_finished_though_its_session_goes_on(workers: Workers) -> None:
    workers.work(1, lease=PASSED)
    assert workers.finalize(1).code == 0

    further = workers.work(1, turn=2, lease=PASSED)
    time.sleep(PASSED + 1)
    other = workers.work(2)

    assert further.code == 0
    assert other.end.problem == "issue_claimed"
    assert "Dx-State: finished" in workers.claimed()


def test_the_lease_is_renewed_while_the_agent_works(workers: Workers) -> None:
    begun, end = workers.home / "begun", workers.home / "end"
    task = f"touch {begun}; until [ -e {end} ]; do sleep 0.1; done"
    with ThreadPoolExecutor() as aside:
        turn = aside.submit(workers.work, 1, lease=4, task=task)
        try:
            wait_until(begun.exists)
            first = workers.claimed()
            wait_until(lambda: workers.claimed() != first)
            second = workers.claimed()
        finally:
            end.touch()
    assert turn.result().code == 0
    assert workers.claimed() != second, "the lease counts from the turn's end"


def test_of_many_sessions_at_once_one_gets_the_claim(workers: Workers) -> None:
    with ThreadPoolExecutor(8) as all_of_them:
        ran = list(all_of_them.map(workers.work, range(1, 9)))

    assert sorted(each.end.problem or "" for each in ran) == ["", *["issue_claimed"] * 7]


def test_a_claim_waits_while_another_push_holds_its_ref(workers: Workers) -> None:
    lock = "refs/dx/claims/bd-1.lock"
    once = f"if mkdir tried; then mkdir -p refs/dx/claims && touch {lock}; else rm -f {lock}; fi"
    workers.hook(workers.remote, "pre-receive", f"{once} 2>/dev/null")

    assert workers.work(1).code == 0
    assert (workers.remote / "tried").is_dir()
    assert workers.session(1) in workers.claimed()


def test_a_claim_of_another_kind_is_left_alone(workers: Workers) -> None:
    workers.git(workers.repo, "push", "-q", str(workers.remote), "main:refs/dx/claims/bd-1")

    ran = workers.work(1)

    assert (ran.code, ran.end.problem) == (1, "issue_claimed")
    assert "is claimed by something that is not dx-dispatch" in str(ran.end.message)


@pytest.mark.sampled("shell")
@pytest.mark.parametrize("shell", TWO_SHELLS)
def test_a_remote_that_takes_no_such_refs_is_told_with_the_way_out(
    workers: Workers, shell: list[str]
) -> None:
    hook = 'case $1 in refs/heads/*) ;; *) echo "no refs but branches" >&2; exit 1 ;; esac'
    workers.hook(workers.remote, "update", hook)

    refused = workers.work(1, shell=shell)
    ran = workers.work(2, shell=shell, refs="refs/heads/dx-claims")

    assert (refused.code, refused.end.problem) == (1, "claim_failed")
    assert "the remote refuses the claim refs/dx/claims/bd-1" in str(refused.end.message)
    assert "set dx_claim_refs to refs/heads/dx-claims" in str(refused.end.message)
    assert (ran.code, workers.branches) == (0, ["dx-claims/bd-1"])


def replace_first(workers: Workers, shell: list[str]) -> None:
    """Have session 1 do its work, and session 2 take its claim over."""
    workers.work(1, lease=PASSED, shell=shell)
    time.sleep(PASSED + 1)
    assert workers.work(2, shell=shell).code == 0


@pytest.mark.parametrize("shell", TWO_SHELLS)
def test_the_claim_on_origin_decides_who_pushes_to_the_fork(
    workers: Workers, shell: list[str]
) -> None:
    fork = workers.add_fork()
    replace_first(workers, shell)

    zombie = workers.finalize(1, shell=shell, fork="mine")
    claimed = workers.claimed()
    done = workers.finalize(2, shell=shell, fork="mine")

    assert (zombie.problem, done.code, done.fork) == ("claim_lost", 0, "ann")
    assert "Dx-State: working" in claimed
    assert (workers.branches_of(fork), workers.branches) == (["worker-2"], [])
    assert workers.git(fork, "for-each-ref", "refs/dx") == ""
    assert "Dx-State: finished" in workers.claimed()


def test_a_fork_that_refuses_the_branch_leaves_the_issue_with_its_session(workers: Workers) -> None:
    fork = workers.add_fork()
    workers.hook(fork, "pre-receive", "exit 1")
    workers.work(1)

    refused = workers.finalize(1, fork="mine")
    other = workers.work(2)
    (fork / "hooks" / "pre-receive").unlink()
    done = workers.finalize(1, fork="mine")

    assert (refused.problem, other.end.problem, done.code) == ("push_failed", "issue_claimed", 0)
    assert "pre-receive hook declined" in str(refused.message)
    assert workers.branches_of(fork) == ["worker-1"]


@pytest.mark.parametrize("shell", TWO_SHELLS)
def test_a_remote_that_takes_no_two_refs_together_is_fenced_too(
    workers: Workers, shell: list[str]
) -> None:
    workers.git(workers.remote, "config", "receive.advertiseAtomic", "false")
    replace_first(workers, shell)

    zombie = workers.finalize(1, shell=shell)
    before = workers.branches
    done = workers.finalize(2, shell=shell)

    assert (zombie.problem, before) == ("claim_lost", [])
    assert (done.code, workers.branches) == (0, ["worker-2"])
    assert "Dx-State: finished" in workers.claimed()


@pytest.mark.parametrize("atomic", ["true", "false"])
@pytest.mark.parametrize("fork", ["", "mine"])
def test_the_branch_is_pushed_though_the_answer_to_the_claim_was_lost(
    workers: Workers, atomic: str, fork: str
) -> None:
    place = workers.add_fork() if fork else workers.remote
    workers.git(workers.remote, "config", "receive.advertiseAtomic", atomic)
    workers.work(1)
    cut = '[ "$1" != committed ] || { rm "$0"; kill -9 "$PPID"; }'
    workers.hook(workers.remote, "reference-transaction", f"cat >/dev/null; {cut}")

    done = workers.finalize(1, fork=fork)

    assert not (workers.remote / "hooks" / "reference-transaction").exists(), "it was cut"
    assert (done.code, done.problem) == (0, None)
    assert workers.branches_of(place) == ["worker-1"]
    assert "Dx-State: finished" in workers.claimed()


def test_a_branch_that_the_fork_has_is_pushed_though_the_answer_was_lost(workers: Workers) -> None:
    fork = workers.add_fork()
    workers.work(1)
    cut = '[ "$1" != committed ] || { rm "$0"; kill -9 "$PPID"; }'
    workers.hook(fork, "reference-transaction", f"cat >/dev/null; {cut}")

    done = workers.finalize(1, fork="mine")

    assert not (fork / "hooks" / "reference-transaction").exists(), "it was cut"
    assert (done.code, done.problem) == (0, None)
    assert workers.branches_of(fork) == ["worker-1"]


def test_a_remote_that_can_t_be_read_gets_no_claim(workers: Workers) -> None:
    shutil.rmtree(workers.remote)

    ran = workers.work(1)

    assert (ran.code, ran.end.problem) == (1, "claim_failed")
    assert "so bd-1 can't be claimed" in str(ran.end.message)


def test_hooks_of_the_user_don_t_see_the_claim(workers: Workers) -> None:
    workers.hook(workers.repo, "pre-push", "exit 1")

    assert workers.work(1).code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"claim_refs": "heads"}, "dx_claim_refs is 'heads'"),
        ({"claim_refs": "refs/$(id)"}, "has to begin with refs/"),
        ({"claim_lease": 0.5}, "dx_claim_lease is 0.5"),
    ],
)
def test_options_of_a_claim_that_make_no_sense_are_refused(
    options: dict[str, object], words: str
) -> None:
    good = {"claim": True, "claim_refs": "refs/dx/claims", "claim_lease": 1.0}
    with pytest.raises(ValueError, match=words.replace("$", r"\$").replace("(", r"\(")):
        Claim.of_session("h", "bd-1", {}, good | options)
    with pytest.raises(ValueError, match="set dx_beads"):
        Claim.of_session("h", None, {}, good)


def test_a_session_keeps_its_claim() -> None:
    claim = Claim(issue="bd-1", host="h", refs="refs/x/", lease=7)

    kept = Claim.of_session("h", "bd-1", {"claim": claim.meta()}, {"claim": False})

    assert kept == claim
    assert values_of(claim)["claim_ref"] == "refs/x/bd-1"
    assert Claim.of_session("h", "bd-1", {}, {"claim": False}) is None
