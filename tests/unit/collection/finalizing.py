"""A session with a worktree, a remote, and the script of a finalize to be run in it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.dxansible.fleet.plugins.plugin_utils.finalize import Finalize, script
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn import Trailer

from tests.programs import system_without
from tests.unit.collection.test_turn import EVERY_SHELL, SESSION, SHELLS

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BRANCH", "MESSAGE", "TWO_SHELLS", "Desk", "Finalized", "Project"]

TWO_SHELLS = EVERY_SHELL[::2]
"""The strictest, and the most unlike the others; all four take the main ways."""
BRANCH = "dx/bd-1"
MESSAGE = b"Mend it\n\nBeads-Issue: bd-1\nDx-Session: ses_1\n"
_SSH = """\
#!{python}
# the far side of ssh is a directory here; -G says what an alias stands for
import os, sys
if "-G" in sys.argv:
    print("user git\\nhostname " + {{"work": "GitHub.com"}}.get(sys.argv[-1], sys.argv[-1]))
    sys.exit()
assert "BatchMode=yes" in sys.argv, sys.argv
os.chdir({remotes!r})
os.execvp("sh", ["sh", "-c", sys.argv[-1]])
"""


@dataclass(frozen=True, kw_only=True)
class Finalized:
    """What a finalize left behind."""

    code: int
    end: Trailer
    out: bytes
    err: str


class Project:
    """A repository whose remote is reached over ssh, as it seems."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.programs = home / "bin"
        self.programs.mkdir()
        self.remote = home / "remotes" / "acme" / "api.git"
        ssh = self.programs / "ssh"
        ssh.write_text(_SSH.format(python=sys.executable, remotes=str(home / "remotes")))
        ssh.chmod(0o755)
        self.repo = home / "app"
        (home / ".gitconfig").write_text("[user]\nname = Feng\nemail = feng@example.org\n")
        self.git(home, "init", "-q", "--bare", "-b", "main", str(self.remote))
        self.git(home, "init", "-q", "-b", "main", str(self.repo))
        (self.repo / "file").write_text("one\n")
        self.git(self.repo, "add", ".")
        self.git(self.repo, "commit", "-q", "-m", "first")
        self.git(self.repo, "remote", "add", "origin", "git@github.com:acme/api.git")
        self.git(self.repo, "push", "-q", str(self.remote), "main")

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "PATH": f"{self.programs}:{system_without('gh')}",
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def git(self, place: Path, *words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(place), *words],
            env=self.environment, capture_output=True, check=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def hook(self, place: Path, name: str, text: str) -> None:
        """A hook of the user's own repository, or of a remote."""
        inside = place / ".git" if (place / ".git").exists() else place
        (inside / "hooks").mkdir(exist_ok=True)
        path = inside / "hooks" / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def pushed(self, branch: str = BRANCH) -> list[str]:
        """The subjects of the remote's branch, the newest first; none where it has no such."""
        done = subprocess.run(
            ["git", "-C", str(self.remote), "log", "--format=%s", branch, "--"],
            capture_output=True, check=False, text=True,
        )  # fmt: skip
        return done.stdout.split("\n")[:-1]


class Desk(Project):
    """A session that works in it, without a keeper."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.tree = home / ".local/state/dxansible/worktrees" / SESSION
        self.tree.parent.mkdir(parents=True)
        self.git(self.repo, "worktree", "add", "-q", "-b", BRANCH, str(self.tree))
        self.turns = 0

    def write(self, text: str = "two\n", name: str = "file") -> None:
        (self.tree / name).write_text(text)

    def finalize(
        self, *, shell: list[str] = SHELLS["sh"], message: bytes = MESSAGE, **fields: object
    ) -> Finalized:
        """Run it as the keeper does."""
        self.turns += 1
        place = self.home / ".local/state/dxansible/sessions" / f"{SESSION}.{self.turns}"
        place.mkdir(parents=True)
        chosen = {"session": SESSION, "repo": str(self.repo), "message": message, **fields}
        (place / "command").write_bytes(script(Finalize(**chosen)))  # type: ignore[arg-type] # any field
        done = subprocess.run(
            [*shell, str(place / "command")],
            env=self.environment, cwd=self.home, capture_output=True, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert [path.name for path in place.iterdir()] == ["command"], "nothing is left over"
        out, _, end = done.stdout.rpartition(b"\n\x1e")
        return Finalized(
            code=done.returncode,
            end=Trailer.parse(end.decode(errors="replace")),
            out=out,
            err=done.stderr.decode(errors="replace"),
        )
