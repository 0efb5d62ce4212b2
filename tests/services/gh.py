"""A stand-in for ``gh api``: prints and exits as gh 2.46 does, over pull requests in a file."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["FakeGh", "path_without_gh"]

_SCRIPT = """\
#!{python}
import json, sys
from pathlib import Path

place = Path({place!r})
state = json.loads((place / "gh.json").read_text())
words = sys.argv[1:]
assert words[0] == "api", words
options, paths, rest = {{}}, [], iter(words[1:])
for word in rest:
    if word in ("--hostname", "-H", "--method", "-f", "--jq", "--input"):
        options.setdefault(word, []).append(next(rest))
    else:
        paths.append(word)
(path,) = paths
body = Path(options["--input"][0]).read_text() if "--input" in options else ""
state["calls"].append([*options.get("--method", ["GET"]), path, body])
query = dict(word.split("=", 1) for word in options.get("-f", []))


def leave(code, complaint="", *rows):
    (place / "gh.json").write_text(json.dumps(state))
    for row in rows:
        print("\\t".join(row))
    if complaint:
        print(complaint, file=sys.stderr)
    sys.exit(code)


if options["--hostname"] != [state["host"]]:
    leave(4, "To get started with GitHub CLI, please run:  gh auth login")
if path in state["fails"]:
    leave(1, f"gh: {{state['fails'][path]}}")
repository = state["renamed"] or state["repository"]
if path == f"repos/{{state['repository']}}":
    leave(0, "", [repository])
if path == f"repos/{{repository}}/pulls" and not body:
    assert query["state"] == "all", query
    found = [each for each in state["pulls"] if query["head"].endswith(f":{{each[2]}}")]
    found = [[*each[:2], each[2].rpartition(":")[2], *each[3:]] for each in found]
    leave(0, "", *found)
if path == f"repos/{{repository}}/pulls":
    asked = json.loads(body)
    number = len(state["pulls"]) + 1
    url = f"https://{{state['host']}}/{{repository}}/pull/{{number}}"
    made = ["open", "false", asked["head"], "0" * 40, asked["base"], str(number), url]
    if state["create"] != "refuse":
        state["pulls"].append(made)
    if state["create"]:
        lost = state["create"] == "lose"
        if not lost:
            errors = [{{"message": "No such luck"}}]
            print(json.dumps({{"message": "Validation Failed", "errors": errors}}), end="")
        leave(1, "gh: HTTP 502" if lost else "gh: Validation Failed (HTTP 422)")
    leave(0, "", made[5:])
if path.endswith(("/requested_reviewers", "/labels")):
    leave(0)
leave(1, "gh: Not Found (HTTP 404)")
"""


@dataclass(frozen=True, slots=True)
class FakeGh:
    """It is logged in for one host, and knows one repository there."""

    place: Path

    @classmethod
    def install(
        cls, place: Path, host: str = "github.com", repository: str = "acme/api", **changes: object
    ) -> FakeGh:
        """Put it into a directory for PATH.

        ``fails`` has the complaint for a path; ``create`` of "lose" creates and loses the answer,
        of "refuse" refuses; ``renamed`` is the repository's name of today.
        """
        place.mkdir(exist_ok=True)
        state = {"host": host, "repository": repository, "pulls": [], "calls": [], "fails": {},
                 "create": "", "renamed": "", **changes}  # fmt: skip
        (place / "gh.json").write_text(json.dumps(state))
        script = place / "gh"
        script.write_text(_SCRIPT.format(python=sys.executable, place=str(place)))
        script.chmod(0o755)
        return cls(place)

    @property
    def state(self) -> dict[str, Any]:
        """All that it knows, with every call."""
        return dict(json.loads((self.place / "gh.json").read_text()))

    @property
    def created(self) -> list[dict[str, Any]]:
        """The bodies of the creates."""
        return [
            json.loads(body)
            for _, path, body in self.state["calls"]
            if body and path.endswith("/pulls")
        ]


def path_without_gh(directory: Path) -> str:
    """Return PATH without any gh: links to the other programs stand in for its directories."""
    found = []
    for number, place in enumerate(map(Path, os.environ["PATH"].split(os.pathsep))):
        if not (place / "gh").exists():
            found.append(str(place))
            continue
        links = directory / f"path-{number}"
        links.mkdir()
        for program in place.iterdir():
            if program.name != "gh":
                (links / program.name).symlink_to(program)
        found.append(str(links))
    return os.pathsep.join(found)
