"""A ``bd`` of our own: the real program can't be had on test machines.

It keeps issues in a JSON file, and prints what the sources of several versions print.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FakeBeads"]

_PROGRAM = r"""
import atexit, json, os, pathlib, sys, time
place = pathlib.Path(__file__).parent / "bd-state.json"
state = json.loads(place.read_text())
words, shape = sys.argv[1:], state["shape"]
state["calls"].append(words)
kills = state["kills"]
if kills.split(" ")[0] == words[0]:
    state["kills"] = ""
def end_caller(when):
    if kills == (words[0] + " " + when).strip():
        place.write_text(json.dumps(state))
        os.kill(os.getppid(), 9)
        sys.exit(9)
end_caller("before")
atexit.register(lambda: kills == words[0] and os.kill(os.getppid(), 9))
def keep():
    place.write_text(json.dumps(state))
def fail(text, out="", code=1):
    keep()
    print(text, file=sys.stderr)
    print(out, end="")
    sys.exit(code)
if shape == "hangs":
    keep()
    time.sleep(60)
if shape == "no database":
    fail("Error: no beads database found\nHint: run 'bd init'")
if shape == "garbage":
    keep()
    print("panic: runtime error")
    sys.exit(2)
if state["locked"]:
    state["locked"] -= 1
    fail("Error: failed to open database: one writer at a time")
print("NOTE: this version is old", file=sys.stderr)
issues = {each["id"]: each for each in state["issues"]}
def out(records):
    keep()
    document = {"envelope": {"schema_version": 1, "data": records},
                "bare": records[0] if records else {}}.get(shape, records)
    print(json.dumps(document))
if words[0] == "list":
    out(list(issues.values()))
elif words[0] == "show":
    asked = words[1]
    part = asked.split("-", 1)[-1]
    found = [issues[asked]] if asked in issues else [
        each for name, each in issues.items() if part in name.split("-", 1)[-1]]
    if shape == "other":
        found = list(issues.values())
    if found and shape != "old":  # newer versions only count them
        found = [{**{key: value for key, value in each.items() if key != "comments"},
                  "comment_count": len(each.get("comments", []))} for each in found]
    if found:
        out(found)
    elif shape == "old":
        keep()
    else:
        fail(f'Error fetching {asked}: no issue found matching "{asked}"',
             json.dumps({"error": "no issues found matching the provided IDs",
                         "schema_version": 1}))
elif words[0] == "update" and "--claim" in words:
    issue = issues[words[1]]
    if shape == "old":
        fail("Error: unknown flag: --claim")
    if issue.get("assignee"):
        fail(f"Error updating {words[1]}: issue already claimed by {issue['assignee']}")
    issue.update(assignee=state["actor"], status="in_progress")
    keep()
elif words[0] == "reclaim" and state["leases"]:
    issue, age = issues[words[words.index("--id") + 1]], words[words.index("--older-than") + 1]
    if issue.get("assignee") and issue.get("lapsed", -1) >= float(age.removesuffix("s")):
        issue.update(assignee="", status="open")
    keep()
elif words[0] == "update":
    issues[words[1]]["status"] = words[words.index("--status") + 1]
    if "--assignee" in words:
        issues[words[1]]["assignee"] = words[words.index("--assignee") + 1]
    keep()
elif words[0] == "close":
    if state["unclosable"]:
        fail(f"Error: cannot close {words[1]}: blocked by open issues (use --force)")
    issues[words[1]].update(status="closed", close_reason=words[words.index("-r") + 1])
    keep()
elif words[0] == "comments" and "--json" in words:
    if state["no_comments"]:
        fail("Error: comments are closed")
    out(issues[words[1]].get("comments", []))
elif words[0] == "comment" and shape == "old":
    fail('Error: unknown command "comment" for "bd"')
elif words[0] in ("comment", "comments"):
    if state["no_comments"]:
        fail("Error: comments are closed")
    state["comments"].append(words[-2:])
    keep()
else:
    fail(f"Error: unknown command {words[0]!r}")
"""


@dataclass(slots=True)
class FakeBeads:
    """The state of the program; ``shape`` is how it prints, or what is wrong with it."""

    directory: Path

    @classmethod
    def install(cls, directory: Path, *issues: dict[str, Any], **settings: Any) -> FakeBeads:  # noqa: ANN401 - JSON
        """Put a ``bd`` into a directory, which then has to be on PATH."""
        directory.mkdir(exist_ok=True)
        program = directory / "bd"
        program.write_text(f"#!{sys.executable} -IS\n{_PROGRAM}")
        program.chmod(0o755)
        fake = cls(directory)
        fake.state = {
            "shape": "list", "actor": "tester", "issues": list(issues), "calls": [], "comments": [],
            "locked": 0, "no_comments": False, "unclosable": False, "leases": True, "kills": "",
            **settings,
        }  # fmt: skip
        return fake

    @property
    def state(self) -> dict[str, Any]:
        """What the program knows, and what it was asked."""
        state: dict[str, Any] = json.loads((self.directory / "bd-state.json").read_text())
        return state

    @state.setter
    def state(self, value: dict[str, Any]) -> None:
        (self.directory / "bd-state.json").write_text(json.dumps(value))

    @property
    def comments(self) -> list[str]:
        """The texts of the comments on all issues."""
        return [text for _issue, text in self.state["comments"]]

    def issue(self, name: str) -> dict[str, Any]:
        """One issue as it is now."""
        (found,) = [each for each in self.state["issues"] if each["id"] == name]
        return dict(found)
