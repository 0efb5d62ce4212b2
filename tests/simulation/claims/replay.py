"""Replays a history of claims with the real shell and the real git, to keep the model honest.

The steps of a replayed plan follow one another, with hours between them: what goes on beside each
other is the model's alone, and is tried with real processes by `tests.chaos.claims`. The real run
executes the same text as the interpreter. Programs of its own come first on its PATH: ``date``
tells the model's time, and ``git`` loses calls as the plan says.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from random import Random
from typing import TYPE_CHECKING, Any

from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn import Trailer

from tests.simulation.claims.history import CLAIM_REF, SCRIPTS, ClaimHistory, functions
from tests.simulation.vm import EPOCH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.simulation.claims.history import Session, Told

__all__ = ["Facts", "make_serial", "modelled", "replayed"]

Plan = dict[str, Any]
Facts = list[Any]
"""Of each step in turn: its status and problem, and afterwards the refs of the remote, and the
session's note of its claim."""
_HOUR = 3600.0
_LEASE = 2.5 * _HOUR
_DATE = '#!/bin/sh\nexec cat "$DX_PLACE/now"\n'
_GIT = r"""#!/bin/sh
verb='' how=''
for word; do
    case $word in ls-remote | fetch | push) verb=$word && break ;; esac
done
count() {
    number=$(cat "$DX_PLACE/$1" 2>/dev/null || echo 0)
    echo "$((number + 1))" >"$DX_PLACE/$1"
    [ ! -e "$DX_PLACE/$1.$number" ] || how=$(cat "$DX_PLACE/$1.$number")
}
lose() { echo 'fatal: Could not read from remote repository.' >&2; exit 128; }
[ -z "$verb" ] || count call
[ "$verb" != push ] || count push
case "$verb $*" in push*refs/heads/*) count publish ;; esac
[ -z "$verb" ] || [ ! -e "$DX_PLACE/offline" ] || how=lost_before
case $how in
    '') exec "$DX_GIT" "$@" ;;
    lost_before) lose ;;
esac
"$DX_GIT" "$@" >"$DX_PLACE/answer" 2>&1
status=$?
# what git finds out before it sends anything is no answer
grep -qe '\[rejected\]' -e 'support --atomic' -e '\[up to date\]' "$DX_PLACE/answer" || lose
cat "$DX_PLACE/answer" >&2
exit "$status"
"""
_HOOK = '#!/bin/sh\ncase $1 in refs/dx/*) [ ! -e "$DX_PLACE/refuses" ] ;; esac\n'
_OWN = """
__dx_make_worktree() { mkdir -p "$root/worktrees/$session"; tree=$repo; }
dx_work() { git -C "$repo" commit -q --allow-empty -m "$DX_WORK"; }
"""
"""The worktree is the session's clone: it has one of its own."""


def make_serial(seed: int) -> Plan:
    """Make a plan whose steps follow one another."""
    random = Random(seed)  # noqa: S311 - a seed is the point
    count, shared = random.choice((1, 2, 3)), random.random() < 0.4
    clients: list[Plan] = [
        {"at": 0.0, "lease": _LEASE, "branch": "dx/bd-1" if shared else f"worker-{number}"}
        for number in range(1, count + 1)
    ]
    last = dict.fromkeys(range(count), 0.0)
    at, steps = 0.0, random.randrange(3, 8)
    for _ in range(steps):
        number = random.randrange(count)
        at += random.choice((1, 1, 1, 2, 3)) * _HOUR
        kind = random.choice(("turn", "turn", "finalize", "finalize"))
        own = clients[number].setdefault("steps", [])
        own.append({"kind": kind, "seconds": 0.0, "pause": at - last[number]} if own else
                   {"kind": "turn", "seconds": 0.0, "pause": 0.0})  # fmt: skip
        clients[number]["at"] = clients[number]["at"] or at
        last[number] = at
    clients = [each for each in clients if "steps" in each]
    plan: Plan = {
        "seed": seed, "profile": "claims", "play": "claims", "commands": [], "clients": clients,
        "faults": [],
    }  # fmt: skip
    options = ("atomic", 0.3, False), ("fork", 0.3, True), ("foreign", 0.05, True)
    for name, chance, value in options:
        if random.random() < chance:
            plan[name] = value
    for _ in range(random.choice((0, 1, 1, 2))):
        plan["faults"].append(_fault(random, at))
    return plan


def _fault(random: Random, end: float) -> Plan:
    begin = (random.randrange(int(end / _HOUR) + 1) - 0.5) * _HOUR
    window = {"from": begin, "to": begin + random.choice((1, 2)) * _HOUR}
    kind = random.choice(("call", "call", "call", "net", "refuses"))
    if kind != "call":
        return {"kind": kind, **window}
    of, first = random.choice((("call", 12), ("push", 6), ("push", 6), ("publish", 2)))
    return {
        "kind": "call", "of": of, "call": random.randrange(first),
        "how": random.choice(("lost_before", "lost_after")), "after": 0.5, "late": 0.0,
    }  # fmt: skip


def _order(history: ClaimHistory) -> Sequence[tuple[Session, int, Told]]:
    steps = [
        (session, number, told)
        for session in history.sessions
        for number, told in enumerate(session.told, start=1)
    ]
    return sorted(steps, key=lambda each: each[2].began)


def modelled(plan: Plan) -> tuple[ClaimHistory, Facts]:
    """Play a plan with the model."""
    history = ClaimHistory(plan)
    found: list[tuple[float, Facts]] = []
    end = history._end

    def note(session: Session, told: Told) -> None:
        refs, objects = history.remote.refs, history.objects
        remote = {ref: _shown(objects.get(oid, oid)) for ref, oid in refs.items()}
        held = session.repository.refs.get(f"refs/dx/held/{session.name}", "")
        noted = _shown(objects.get(held, "")), held == refs.get(CLAIM_REF)
        found.append((told.began, [session.number, told.status, told.problem, remote, *noted]))
        end(session, told)

    history._end = note  # type: ignore[method-assign] # it tells what it sees
    history.play()
    return history, [facts for _began, facts in sorted(found, key=lambda each: each[0])]


def _shown(text: str) -> str:
    """Return what matters of a commit's message: of a claim, whose it is, and its state."""
    claim = re.findall(r"^Dx-(?:Session|State): (.*)$", text, re.MULTILINE)
    return " ".join(claim) or text.strip()


def replayed(history: ClaimHistory, place: Path, shell: Sequence[str]) -> Facts:
    """Play a history's plan again, with real processes in a directory."""
    real = _Real(history.plan, place, shell)
    return [real.run(history, *each) for each in _order(history)]


class _Real:
    def __init__(self, plan: Mapping[str, Any], place: Path, shell: Sequence[str]) -> None:
        self._plan, self._place, self._shell = plan, place, shell
        self._real_git = shutil.which("git") or "git"
        self._environment = {
            "PATH": f"{place}/bin:{os.environ['PATH']}", "HOME": str(place), "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1", "DX_PLACE": str(place), "DX_GIT": self._real_git,
        } | {
            f"GIT_{who}_{what}": "ann@localhost"
            for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }  # fmt: skip
        (place / "bin").mkdir(parents=True)
        for name, text in (("bin/date", _DATE), ("bin/git", _GIT)):
            self._program(place / name, text)
        for name in ("origin", "mine"):
            self._git("init", "-q", "--bare", f"{place}/{name}")
        self._program(place / "origin/hooks/update", _HOOK)
        if not plan.get("atomic", True):
            self._git("-C", f"{place}/origin", "config", "receive.advertiseAtomic", "false")
        if "foreign" in plan:
            self._commit(place / "origin", CLAIM_REF, "something else")
        for each in plan["faults"]:
            if each["kind"] == "call":
                (place / f"{each['of']}.{each['call']}").write_text(each["how"])

    def _program(self, path: Path, text: str) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o700)

    def _git(self, *words: str) -> str:
        """Run git beside the history."""
        done = subprocess.run(
            [self._real_git, *words], env=self._environment, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def _commit(self, repo: Path, ref: str, text: str) -> None:
        tree = self._git("-C", str(repo), "hash-object", "-w", "-t", "tree", "/dev/null")
        made = self._git("-C", str(repo), "commit-tree", tree, "-m", text)
        self._git("-C", str(repo), "update-ref", ref, made)

    def _clone(self, number: int) -> Path:
        """Return a session's repository, made with its first step."""
        repo = self._place / f"vm{number}"
        if not repo.exists():
            self._git("init", "-q", "-b", "main", str(repo))
            for name in ("origin", "mine"):
                self._git("-C", str(repo), "remote", "add", name, f"{self._place}/{name}")
            self._commit(repo, "refs/heads/main", f"work{number}+0")
        return repo

    def run(self, history: ClaimHistory, session: Session, number: int, told: Told) -> Facts:
        """Run one step with the real shell."""
        repo, root = self._clone(session.number), self._place / "state"
        has_tree = (root / "worktrees" / session.name).exists()
        if told.kind == "finalize" and not has_tree:
            return [session.number, 1, "repo_unusable", *self._seen(session, repo)]
        variables = history.variables(session, number)
        place = root / variables["dir"].removeprefix("/state/")
        variables |= {"root": str(root), "dir": str(place), "desk": f"{place}/desk",
                      "repo": str(repo), "tree": str(repo)}  # fmt: skip
        place.mkdir(parents=True)
        (self._place / "now").write_text(f"{int(EPOCH + told.began)}\n")
        for kind, name in (("net", "offline"), ("refuses", "refuses")):
            self._mark(name, there=self._holds(kind, told.began))
        text = "\n".join((
            '[ -z "${ZSH_VERSION-}" ] || emulate sh',
            *(f"{name}() {{{body}}}" for name, body in functions().items()),
            _OWN,
            *(f"{name}={shlex.quote(value)}" for name, value in variables.items()),
            SCRIPTS[told.kind],
        ))  # fmt: skip
        environment = {**self._environment, "DX_WORK": f"work{session.number}+{number}"}
        done = subprocess.run(
            [*self._shell, "-c", text], env=environment, cwd=place, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        problem = Trailer.parse(done.stdout.rpartition("\n\x1e")[2]).problem or ""
        return [session.number, done.returncode, problem, *self._seen(session, repo)]

    def _holds(self, kind: str, at: float) -> bool:
        faults = (each for each in self._plan["faults"] if each["kind"] == kind)
        return any(each["from"] <= at < each["to"] for each in faults)

    def _mark(self, name: str, *, there: bool) -> None:
        path = self._place / name
        path.unlink(missing_ok=True)
        if there:
            path.touch()

    def _seen(self, session: Session, repo: Path) -> Facts:
        """Return the refs of both remotes, and the session's note of its claim."""
        origin, mine = self._refs(self._place / "origin"), self._refs(self._place / "mine")
        remote = {ref: self._text(self._place / "origin", oid) for ref, oid in origin.items()}
        for ref, oid in mine.items():
            remote[f"mine:{ref}"] = self._text(self._place / "mine", oid)
        held = self._refs(repo).get(f"refs/dx/held/{session.name}", "")
        shown = self._text(repo, held) if held else ""
        return [remote, shown, held == origin.get(CLAIM_REF)]

    def _refs(self, repo: Path) -> dict[str, str]:
        words = ("for-each-ref", "--format=%(refname) %(objectname)")
        return dict(line.split() for line in self._git("-C", str(repo), *words).splitlines())

    def _text(self, repo: Path, oid: str) -> str:
        return _shown(self._git("-C", str(repo), "log", "-1", "--format=%B", oid))
