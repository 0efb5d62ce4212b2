"""Reads and updates Beads issues with ``bd``; without it, reads the file that ``bd`` exports."""

from __future__ import annotations

import codecs
import difflib
import json
import logging
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.beads.issue import Issue, comments_in, issues_in
from dxansible.errors import IssueError
from dxansible.logs import event
from dxansible.redact import summarize
from dxansible.value import Value, field, replace

if TYPE_CHECKING:
    from collections.abc import Callable

    _Answer = subprocess.CompletedProcess[str]

__all__ = ["Beads", "NoBeadsError", "check_issue_id"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LOCKED = "one writer at a time"
_NO_DATABASE = "no beads database"
_EXPORT = "issues.jsonl"
_CONFLICT = (b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>")
_TRIES = 4


class NoBeadsError(IssueError):
    """Beads can't be asked here: no program, no database, or no usable answer."""


def check_issue_id(issue_id: str) -> str:
    """Return the id. Raises IssueError if it can't be an id, or looks like an option."""
    if _ID.fullmatch(issue_id) is None:
        message = f"{issue_id!r} is not a valid issue id"
        raise IssueError(message, "use an id such as bd-123")
    return issue_id


class Beads(Value):
    """The issues of one directory's project."""

    directory: Path = field(default_factory=Path.cwd)
    beads_dir: Path | None = None
    """The ``.beads`` directory; None looks for it from ``directory`` upward."""
    seconds: float = 30.0
    """Seconds for one call of ``bd``."""
    sleep: Callable[[float], object] = time.sleep

    def read(self, issue_id: str) -> Issue:
        """Read one issue. Raises IssueError; NoBeadsError if there is nothing to read from.

        If ``bd`` can't answer, the exported file is read, and the issue's `note` says so.
        """
        check_issue_id(issue_id)
        try:
            return self._with_comments(self._show(issue_id))
        except NoBeadsError as problem:
            export = self._export()
            if export is None:
                raise
            return _from_export(issue_id, export, problem.message)

    def claim(
        self, issue: Issue, us: frozenset[str], lease_sec: float | None = None
    ) -> Issue | None:
        """Mark the issue as in progress unless somebody else has it. Raises IssueError.

        ``us`` are the caller's possible Beads user names: the caller's own claim is no obstacle.
        Another's claim is taken over if it has had no sign of life in Beads for ``lease_sec``
        seconds; None never does that. Returns the issue for `release`, None if the caller's claim
        existed already.
        """
        answer = self._bd("update", issue.id, "--claim")
        if answer.returncode and "unknown flag" in answer.stderr and "--claim" in answer.stderr:
            answer = self._bd("update", issue.id, "--status", "in_progress")
        if _is_claimed(answer):
            holder = self.read(issue.id).assignee
            if holder is not None and holder in us | self._git_name():
                return None
            if lease_sec is not None and self._end_lapsed(issue.id, lease_sec):
                answer = self._bd("update", issue.id, "--claim")
            if _is_claimed(answer):
                message = f"{issue.id} is already claimed by {holder or 'somebody'}"
                raise IssueError(message, "leave out --claim to dispatch it anyway")
            if not answer.returncode:
                event("issue_taken_over", logging.WARNING, issue=issue.id, holder=holder)
                # a claim that is given back would have no lease, and never end
                issue = replace(issue, status="open", assignee=None)
        if answer.returncode:
            message = f"{issue.id} could not be claimed: {_why(answer)}"
            raise IssueError(message, "leave out --claim, or fix Beads first")
        return issue

    def release(self, issue: Issue) -> None:
        """Undo a claim: nothing was started. Raises IssueError."""
        answer = self._bd("update", issue.id, "--status", issue.status or "open",
                             "--assignee", issue.assignee or "")  # fmt: skip
        if answer.returncode:
            message = f"{issue.id} is still claimed: {_why(answer)}"
            raise IssueError(message, f"release it: bd update {issue.id} --status open")

    def comment(self, issue_id: str, text: str) -> None:
        """Add a comment. Raises IssueError."""
        answer = self._bd("comment", issue_id, text)
        if answer.returncode and "unknown command" in answer.stderr:
            answer = self._bd("comments", "add", issue_id, text)
        if answer.returncode:
            message = f"could not comment on {issue_id}: {_why(answer)}"
            raise IssueError(message, "fix Beads, and add the comment by hand")

    def close(self, issue_id: str, reason: str) -> None:
        """Close the issue. Raises IssueError."""
        answer = self._bd("close", issue_id, "-r", reason)
        if answer.returncode:
            message = f"{issue_id} could not be closed: {_why(answer)}"
            raise IssueError(message, f"close it by hand: bd close {issue_id}")

    def _end_lapsed(self, issue_id: str, lease_sec: float) -> bool:
        """End a claim whose lease in Beads ran out so long ago; False with a ``bd`` without leases.

        Success says nothing about the claim: a live one, or one of another replica, stays.
        """
        lapsed = ("--id", issue_id, "--older-than", f"{lease_sec:.0f}s")
        return not self._bd("reclaim", *lapsed).returncode

    def _with_comments(self, issue: Issue) -> Issue:
        """Add the comments that ``bd show`` has only counted, as newer versions do."""
        if not issue.uncounted:
            return issue
        answer = self._bd("comments", issue.id, "--json")
        try:
            found = comments_in(json.loads(answer.stdout))
        except (ValueError, RecursionError):
            found = ()
        if not found:
            event("comments_unread", logging.WARNING, issue=issue.id, error=_why(answer))
            return issue
        return replace(issue, comments=found, uncounted=0)

    def _show(self, issue_id: str) -> Issue:
        answer = self._bd("show", issue_id, "--json")
        if _NO_DATABASE in answer.stderr + answer.stdout:
            message = "bd found no Beads database here"
            raise NoBeadsError(message, "change to the project's directory, or run: bd init")
        if not answer.stdout.strip() and (not answer.returncode or "no issue" in answer.stderr):
            raise self._unknown(issue_id)
        try:
            document = json.loads(answer.stdout)
        except (ValueError, RecursionError):
            message = f"bd printed no JSON for {issue_id} ({_why(answer)})"
            raise NoBeadsError(message, f"try: bd show {issue_id} --json") from None
        records = issues_in(document)
        if records:
            exact = [each for each in records if each["id"] == issue_id]
            return _resolved(issue_id, Issue.of([*exact, *records][0]))
        text = str(document.get("error", "")) if isinstance(document, dict) else ""
        if text and "no issue" not in text and "not found" not in text:
            message = f"bd can't show {issue_id}: {summarize(text)}"
            raise IssueError(message, f"try: bd show {issue_id}")
        raise self._unknown(issue_id)

    def _unknown(self, issue_id: str) -> IssueError:
        try:
            records = issues_in(json.loads(self._bd("list", "--json").stdout or "[]")) or []
        except (ValueError, RecursionError, NoBeadsError):
            records = []
        return _no_such_issue(issue_id, [str(each["id"]) for each in records])

    def _export(self) -> Path | None:
        places = [self.beads_dir] if self.beads_dir else [
            each / ".beads" for each in (self.directory, *self.directory.parents)
        ]  # fmt: skip
        return next((each / _EXPORT for each in places if (each / _EXPORT).is_file()), None)

    def _bd(self, *words: str) -> _Answer:
        answer = self._once(words)
        for turn in range(1, _TRIES):
            if not answer.returncode or _LOCKED not in answer.stderr + answer.stdout:
                break
            self.sleep(0.5 * turn)
            answer = self._once(words)
        return answer

    def _once(self, words: tuple[str, ...]) -> _Answer:
        """Run ``bd`` with files for its output, which a daemon that it starts may hold open."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                running = subprocess.Popen(
                    ["bd", *words],
                    cwd=self.directory,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
            except OSError as error:
                message = f"can't run bd, the Beads program ({error.strerror})"
                raise NoBeadsError(message, "install bd, and put it on PATH") from error
            try:
                code = running.wait(self.seconds)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()
                message = f"bd did not answer within {self.seconds:g} seconds"
                raise NoBeadsError(message, f"run bd {words[0]} by hand to see why") from None
            for stream in (out, err):
                stream.seek(0)
            texts = [each.read().decode(errors="replace") for each in (out, err)]
            return subprocess.CompletedProcess(words, code, *texts)

    def _git_name(self) -> frozenset[str]:
        from dxansible.git_remote import run  # noqa: PLC0415 - rarely needed

        asked = run(["git", "-C", str(self.directory), "config", "user.name"])
        return frozenset({asked.stdout.strip()} - {""}) if asked else frozenset()


def _is_claimed(answer: _Answer) -> bool:
    words = (answer.stderr + answer.stdout).lower()
    return answer.returncode != 0 and "already claimed" in words


def _why(answer: _Answer) -> str:
    """Return the program's error line, or else its first line."""
    lines = [line for line in answer.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    first = (errors or lines or [f"exit code {answer.returncode}"])[0]
    return summarize(first.removeprefix("Error: "))


def _resolved(asked: str, issue: Issue) -> Issue:
    """Return the issue if its id contains ``asked``. Raises IssueError if it does not."""
    check_issue_id(issue.id)
    part, whole = (each.lower().replace("-", "") for each in (asked, issue.id))
    if part not in whole:
        message = f"bd returned {issue.id} for {asked}"
        raise IssueError(message, f"use the full id; see: bd show {asked}")
    if issue.id != asked:
        event("issue_resolved", logging.WARNING, asked=asked, issue=issue.id)
    return issue


def _from_export(issue_id: str, export: Path, problem: str) -> Issue:
    records, unreadable = _records_of(export)
    missing = f", of which {unreadable} line(s) can't be read" if unreadable else ""
    if issue_id not in records:
        raise _no_such_issue(issue_id, list(records), f" in {_EXPORT}{missing}")
    note = f"{problem}: read from {_EXPORT}, which may be stale{missing}"
    return replace(Issue.of(records[issue_id]).with_known(records), note=note)


def _records_of(export: Path) -> tuple[dict[str, dict[str, object]], int]:
    """Return the issues in an exported file, and the number of unreadable lines."""
    try:
        lines = export.read_bytes().removeprefix(codecs.BOM_UTF8).split(b"\n")
    except OSError as error:
        message = f"{export} can't be read: {error.strerror}"
        raise NoBeadsError(message, "check the file, or put bd on PATH") from error
    records: dict[str, dict[str, object]] = {}
    unreadable = 0
    for number, line in enumerate(lines, 1):
        if line.startswith(_CONFLICT):
            message = f"{export} has an unresolved merge conflict in line {number}"
            raise IssueError(message, "resolve it, then try again")
        if not line.strip():
            continue
        record = _record_in(line)
        if record is None:
            unreadable += 1
        elif record.get("_type", "issue") == "issue" and record.get("status") != "tombstone":
            records[str(record["id"])] = record
    return records, unreadable


def _record_in(line: bytes) -> dict[str, object] | None:
    try:
        record = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    sound = isinstance(record, dict) and ("id" in record or record.get("_type") == "memory")
    return record if sound else None


def _no_such_issue(issue_id: str, known: list[str], where: str = "") -> IssueError:
    near = difflib.get_close_matches(issue_id, known, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else "see: bd list"
    return IssueError(f"Beads has no issue {issue_id}{where}", hint)
