"""An issue of Beads, as data, from every known form of its JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.value import Value, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Dependency", "Issue", "issues_in"]

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
    dependencies: tuple[Dependency, ...] = ()
    note: str | None = None

    @classmethod
    def of(cls, record: Mapping[str, object]) -> Issue:
        """Build it from a record of ``bd show``, or from a line of the exported file."""
        links = record.get("dependencies")
        return cls(
            id=str(record["id"]),
            title=_text(record, "title"),
            description=_text(record, "description"),
            design=_text(record, "design"),
            acceptance_criteria=_text(record, "acceptance_criteria"),
            notes=_text(record, "notes"),
            status=_text(record, "status").lower(),
            assignee=_text(record, "assignee") or None,
            dependencies=tuple(
                _dependency(each)
                for each in (links if isinstance(links, list) else [])
                if isinstance(each, dict) and ("id" in each or "depends_on_id" in each)
            ),
        )

    def with_known(self, records: Mapping[str, Mapping[str, object]]) -> Issue:
        """Return the issue with title and status of each dependency, if the records have them."""
        links = []
        for each in self.dependencies:
            record = records.get(each.id, {})
            title = each.title or _text(record, "title") or None
            links.append(
                replace(each, title=title, status=each.status or _text(record, "status").lower())
            )
        return replace(self, dependencies=tuple(links))

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
