"""What a copy is asked for, and what it found and did."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOptions:
    """What is copied, and how.

    Attributes:
        since: The start of the time. Defaults to the oldest event.
        until: Its end. Defaults to the newest event.
        verify_only: Whether to compare, and copy nothing.
        compare_documents: Whether to read all documents of both sides and compare them, too.
    """

    since: datetime | None = None
    until: datetime | None = None
    verify_only: bool = False
    compare_documents: bool = False


@dataclass(slots=True)
class DifferingDay:
    """A day (UTC) that differs after the copy.

    Attributes:
        day: Its start.
        source: Events of the source.
        target: Events of the target.
        missing: Events of the source that the target has not.
        changed: Events of both whose type, service or user differ.
        extra: Events that only the target has; they are left alone.
        documents: Events of both whose documents differ, if these were compared.
    """

    day: datetime
    source: int = 0
    target: int = 0
    missing: int = 0
    changed: int = 0
    extra: int = 0
    documents: int = 0


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """An event that the target refused, and why."""

    event_id: UUID
    reason: str


@dataclass(slots=True)
class CopyResult:
    """What a copy found and did.

    Attributes:
        source: What the events came from: ``PostgreSQL`` or ``ClickHouse``.
        target: What they went to.
        verify_only: Whether nothing was copied.
        settled: The events up to here, and those after *moving*, were compared; ``None`` if they all were.
        moving: Events of the source that were copied and not compared, because writers are at work on them: those
            around now, and those that came while their day was compared.
        rows: Events of the source that were compared.
        equal: How many days were equal.
        days: Those that differ.
        copied: Events that were stored in the target.
        refused: Events that the target refused.
        examples: The first of them.
        replaced: Events in which null stands for a number that no double holds.
        replaced_ids: The first of them.
        outside: Events of the source before year 1 or after year 9999, which the other side can't hold. Looked for when
            no time is given.
        changed_documents: The first events whose documents differ, if these were compared.
        seconds: How long it took.
    """

    source: str
    target: str
    verify_only: bool
    settled: datetime | None = None
    moving: int = 0
    rows: int = 0
    equal: int = 0
    days: list[DifferingDay] = field(default_factory=list)
    copied: int = 0
    refused: int = 0
    examples: list[RefusedEvent] = field(default_factory=list)
    replaced: int = 0
    replaced_ids: list[UUID] = field(default_factory=list)
    outside: int = 0
    changed_documents: list[UUID] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether the target has each event of the source as it is; when only compared, whether it has no others."""
        bad = any(day.missing or day.changed or day.documents for day in self.days)
        return not (bad or self.outside or self.refused or (self.verify_only and self.days))
