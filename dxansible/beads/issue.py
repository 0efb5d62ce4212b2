"""An issue of Beads, as data, from every known form of its JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.value import Value, replace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Comment", "Dependency", "Issue", "comments_in", "issues_in"]

_PARENT = "parent-child"
_CLOSED = frozenset({"closed", "tombstone"})
"""A tombstone stands for an issue that was deleted, in older versions of Beads."""


class Dependency(Value):
    """Another issue that this one depends on.

    `title` is None and `status` is empty if only the link is known.
    """

    id: str
    kind: str
    title: str | None = None
    status: str = ""

    @property
    def blocks(self) -> bool:
        """Whether it must be closed first, and is known to be open."""
        return self.kind == "blocks" and self.status not in {"", *_CLOSED}


class Comment(Value):
    """One comment on an issue; `written` is its time as Beads has it, or empty."""

    text: str
    author: str = ""
    written: str = ""


class Issue(Value):
    """One issue; missing texts are empty.

    `note` says where it was read, if not from Beads itself.
    """

    id: str
    title: str
    description: str = ""
    design: str = ""
    acceptance_criteria: str = ""
    notes: str = ""
    status: str = ""
    assignee: str | None = None
    priority: int | None = None
    """0 is the most urgent."""
    parent: Dependency | None = None
    dependencies: tuple[Dependency, ...] = ()
    """Without the parent."""
    comments: tuple[Comment, ...] = ()
    """Oldest first."""
    uncounted: int = 0
    """Comments that Beads counts, and that this record lacks."""
    note: str | None = None

    @classmethod
    def of(cls, record: Mapping[str, object]) -> Issue:
        """Build it from a record of ``bd show``, or from a line of the exported file."""
        links = [
            _dependency(each)
            for each in _records(record.get("dependencies"))
            if "id" in each or "depends_on_id" in each
        ]
        comments, count = comments_in(record.get("comments")), record.get("comment_count")
        priority = record.get("priority")
        return cls(
            id=str(record["id"]),
            title=_text(record, "title"),
            description=_text(record, "description"),
            design=_text(record, "design"),
            acceptance_criteria=_text(record, "acceptance_criteria"),
            notes=_text(record, "notes"),
            status=_text(record, "status").lower(),
            assignee=_text(record, "assignee") or None,
            priority=priority if isinstance(priority, int) else None,
            parent=_parent(_text(record, "parent"), links),
            dependencies=tuple(each for each in links if each.kind != _PARENT),
            comments=comments,
            uncounted=max(0, count - len(comments)) if isinstance(count, int) else 0,
        )

    def with_known(self, records: Mapping[str, Mapping[str, object]]) -> Issue:
        """Return the issue with title and status of parent and dependencies from the records."""

        def known(link: Dependency) -> Dependency:
            record = records.get(link.id, {})
            title = link.title or _text(record, "title") or None
            return replace(link, title=title, status=link.status or _text(record, "status").lower())

        parent = None if self.parent is None else known(self.parent)
        return replace(self, parent=parent, dependencies=tuple(map(known, self.dependencies)))

    @property
    def obstacle(self) -> str | None:
        """Why work on it can't begin: it is closed, or blocked; None if it can."""
        if self.status in _CLOSED:
            return f"{self.id} is closed"
        blockers = [each.id for each in self.dependencies if each.blocks]
        if blockers:
            return f"{self.id} is blocked by {', '.join(blockers)}"
        return f"{self.id} is marked as blocked" if self.status == "blocked" else None


def issues_in(document: object) -> list[dict[str, object]] | None:
    """Return the records in ``bd``'s output: a list, an envelope around one, or one issue.

    Returns None for a document of another kind, such as an error.
    """
    if isinstance(document, dict) and "data" in document:
        return issues_in(document["data"])
    if isinstance(document, dict):
        return [document] if "id" in document else None
    if isinstance(document, list):
        return [each for each in document if isinstance(each, dict) and "id" in each]
    return None


def comments_in(document: object) -> tuple[Comment, ...]:
    """Return the comments in ``bd``'s output, which may have an envelope; none for another kind."""
    if isinstance(document, dict):
        return comments_in(document.get("data"))
    return tuple(
        Comment(
            text=_text(each, "text"),
            author=_text(each, "author"),
            written=_text(each, "created_at"),
        )
        for each in _records(document)
        if _text(each, "text").strip()
    )


def _records(value: object) -> list[dict[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _parent(name: str, links: Sequence[Dependency]) -> Dependency | None:
    found = next((each for each in links if each.kind == _PARENT), None)
    return found or (Dependency(id=name, kind=_PARENT) if name else None)


def _dependency(record: Mapping[str, object]) -> Dependency:
    edge = "depends_on_id" in record
    return Dependency(
        id=str(record["depends_on_id"] if edge else record["id"]),
        kind=str(record.get("type" if edge else "dependency_type") or "depends on"),
        title=None if edge else _text(record, "title") or None,
        status="" if edge else _text(record, "status").lower(),
    )


def _text(record: Mapping[str, object], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""
