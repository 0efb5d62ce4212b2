"""Plays rounds on real sshd, with a real remote behind one of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from random import Random
from typing import TYPE_CHECKING

from benchmarks.fleet import Fleet
from tests.integration.dispatcher import Dispatcher
from tests.integration.sessions.work import processes_of
from tests.services.github import GitHubServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Self

__all__ = ["Round", "Stage", "violations"]

_CONTROLLERS = 4
"""Machines that dispatch: each is a user of their own, with an engine and connections of theirs."""
_PATIENCE = 1800.0
"""Seconds after which a call counts as hung."""
_ENGINE_PATIENCE = "300"
"""Seconds. A call that runs without an engine is as right, but costs the round its speed."""
_LEASE = 1
"""Seconds, of those who are to become zombies."""
_WORK = (
    'git switch -q -c "${DX_SESSION%%.*}"; echo "$DX_SESSION" >>file; git commit -qam work;'
    " until [ -e %s ]; do sleep 0.1; done"
)
"""Each session names a branch of its own: two workers would be two pull requests."""
_AT_HOME = 'cd "$HOME";'
"""An sshd of the fleet begins in the account's own directory."""
_REFUSED = {"issue_claimed", "claim_lost", "repo_unusable"}
"""A session that was refused its claim has no worktree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a round has left behind; an empty reason is a success."""

    number: int
    zombies: tuple[str, ...]
    raced: dict[str, str]
    """Of each session of the race, why it has not got the issue."""
    finalized: dict[str, str]
    """Of each session that finalized, why it has opened nothing."""
    pulls: tuple[str, ...]
    """The branches of pull requests."""
    branches: tuple[str, ...]
    """The branches that the remote has got."""
    seconds: float


def violations(played: Round) -> list[str]:
    """Return every broken promise of a round, in words."""
    found = []
    if len(played.pulls) != 1:
        found.append(f"{len(played.pulls)} pull requests: {played.pulls}")
    if played.branches != played.pulls:
        found.append(f"branches {played.branches} on the remote, pull requests {played.pulls}")
    got = [session for session, reason in played.raced.items() if not reason]
    if len(got) > 1 or (not got and not played.zombies):
        found.append(f"{len(got)} of the race have got the issue")
    opened = tuple(session for session, reason in played.finalized.items() if not reason)
    if opened != played.pulls or not set(got) <= set(opened):
        found.append(f"{got} had the issue, {opened} were told that they have the pull request")
    told = {*played.raced.values(), *played.finalized.values()} - {""}
    if told - _REFUSED:
        found.append(f"told {sorted(told - _REFUSED)}")
    return found


class Stage:
    """The hosts, each with a clone of one repository; the controllers, and a GitHub."""

    def __init__(
        self, fleet: Fleet, controllers: Sequence[Dispatcher], github: GitHubServer, hosts: int
    ) -> None:
        """Make the repository and its clones."""
        self._root, self._controllers, self._github = fleet.root, controllers, github
        self._hosts = fleet.names(hosts)
        self._remote = self._home(self._hosts[0]) / "acme" / "api.git"
        for each in controllers:
            each.environment |= {
                "GITHUB_TOKEN": github.token,
                "GITHUB_API_URL": github.url,
                "DX_ENGINE_PATIENCE": _ENGINE_PATIENCE,
            }
        ssh = f"ssh -F {fleet.ssh_config} -o BatchMode=yes"
        seed = (
            f"git init -q --bare -b main {self._remote}; git clone -q {self._remote} seed 2>&1;"
            " cd seed; echo one >file; git add .; git -c user.name=A -c user.email=a@example.org"
            " commit -qm first; git push -q origin HEAD:main"
        )
        _shell(seed, self._root)
        for host in self._hosts:
            clone = (
                f"git clone -q {self._remote} project; cd project; git config user.name A;"
                f"git config user.email a@example.org; git config core.sshCommand '{ssh}';"
                f"git remote set-url origin {self._hosts[0]}:acme/api.git;"
                f"git config remote.origin.uploadpack '{_AT_HOME} git-upload-pack';"
                f"git config remote.origin.receivepack '{_AT_HOME} git-receive-pack'"
            )
            _shell(clone, self._home(host))

    @classmethod
    @contextmanager
    def open(cls, hosts: int) -> Iterator[Self]:
        """Start everything, and leave nothing at the end."""
        with Fleet() as fleet, GitHubServer() as github, ExitStack() as leaving:
            inventory = fleet.inventory(hosts)
            (inventory / "group_vars").mkdir(exist_ok=True)
            (inventory / "group_vars" / "all.yml").write_text("---\ndx_agent: shell\n")
            controllers = []
            for _ in range(_CONTROLLERS):
                controllers.append(Dispatcher(inventory, engines=True))
                leaving.callback(controllers[-1].close)
            yield cls(fleet, controllers, github, hosts)

    def play(self, seed: int, number: int, dispatchers: int) -> Round:
        """Play one round to its end."""
        dice, began = Random(f"claims/{seed}/{number}"), time.monotonic()  # noqa: S311 - no cryptography
        self._github.begin("acme/api")
        gate = self._root / f"gate-{number}"
        zombies = [self._freeze(number, gate, dice) for _ in range(dice.choice((0, 1, 1, 2)))]
        gate.touch()
        timer = threading.Timer(dice.uniform(0, 20), _signal, (zombies, signal.SIGCONT))
        timer.start()
        try:
            raced = self._race(number, gate, dispatchers, dice)
        finally:
            timer.join()
        losers = [session for session, reason in raced.items() if reason]
        got = [session for session, reason in raced.items() if not reason]
        rivals = [*got, *zombies, *dice.sample(losers, min(2, len(losers)))]
        dice.shuffle(rivals)
        finalized = self._all_at_once(
            [("--finalize-pr", session, "--queue", "--json") for session in rivals]
        )
        played = Round(
            number=number,
            zombies=tuple(zombies),
            raced=raced,
            finalized=finalized,
            pulls=tuple(each["head"]["ref"] for each in self._github.pulls),
            branches=self._branches({*raced, *zombies}),
            seconds=time.monotonic() - began,
        )
        self._forget_sessions()
        return played

    def _forget_sessions(self) -> None:
        """Leave nothing on the hosts of turns that have ended; 64 rounds' would fill the memory."""
        for host in self._hosts:
            forget = "rm -rf .local/state/dxansible/sessions .local/state/dxansible/worktrees"
            _shell(f"{forget}; git -C project worktree prune", self._home(host))

    def _freeze(self, number: int, gate: Path, dice: Random) -> str:
        """Have a worker claim the issue, and stop all of its processes until its lease is over."""
        told = self._all_at_once([self._task(number, gate, dice, "--lease", str(_LEASE))])
        ((session, reason),) = told.items()
        if reason:
            message = f"the issue has no worker yet, and {session} is told {reason}"
            raise RuntimeError(message)
        _signal([session], signal.SIGSTOP)
        time.sleep(_LEASE + 1)
        return session

    def _race(self, number: int, gate: Path, count: int, dice: Random) -> dict[str, str]:
        return self._all_at_once([self._task(number, gate, dice) for _ in range(count)])

    def _task(self, number: int, gate: Path, dice: Random, *more: str) -> Sequence[str]:
        words = (dice.choice(self._hosts), _WORK % gate, "--repo", "~/project", "--claim")
        return (*words, "--beads", f"bd-{number}", "--json", *more)

    def _all_at_once(self, calls: Sequence[Sequence[str]]) -> dict[str, str]:
        """Call from all controllers in turn; return each session's reason, empty for a success."""
        turns = zip(cycle(self._controllers), calls, strict=False)
        running = [controller.start(*call) for controller, call in turns]
        told = {}
        for each in running:
            try:
                out, err = each.communicate(timeout=_PATIENCE)
            except subprocess.TimeoutExpired:
                each.kill()
                raise
            try:
                (result,) = json.loads(out)["results"]
            except (ValueError, KeyError):
                raise RuntimeError(err.decode(errors="replace")[-2000:]) from None
            told[result["session_id"]] = result["reason"] or "" if each.returncode else ""
        return told

    def _branches(self, sessions: set[str]) -> tuple[str, ...]:
        said = _shell("git for-each-ref --format='%(refname:short)' refs/heads", self._remote)
        return tuple(sorted(set(said.split()) & sessions))

    def _home(self, host: str) -> Path:
        return self._root / "vm" / host


def _signal(sessions: Sequence[str], number: int) -> None:
    for session in sessions:
        for pid in processes_of(session):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _shell(script: str, place: Path) -> str:
    done = subprocess.run(
        ["sh", "-ec", script], cwd=place, env={**os.environ, "HOME": str(place)},
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout
