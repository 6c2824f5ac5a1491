"""What a database must tell before a question can be resolved."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adi_analytics.query.model.describe import Aggregate


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an aggregate in one database.

    Attributes:
        schema: The schema of the relations.
        live: For each stored relation the view of its rows, in the manifest's order.
        readable: Those of :attr:`live` that the role may read.
        now: The time of the answer.
        watermark: Up to here rows are stored; ``None`` when none is.
        history_before: Below this time the public view has rows that an earlier version computed.
        incomplete_before: Buckets that begin below this time may lack events that were dropped uncounted.
        clickhouse: Whether it is a ClickHouse.
        types: The types of the columns of the first of :attr:`live`, where statements depend on them.
        coarser: The same of the aggregate that keeps the percentiles by longer buckets, if the database has it.
    """

    schema: str
    live: tuple[str, ...]
    readable: frozenset[str]
    now: datetime
    watermark: datetime | None = None
    history_before: datetime | None = None
    incomplete_before: datetime | None = None
    coarser: Coarser | None = None
    clickhouse: bool = False
    types: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Coarser:
    """An aggregate with longer buckets, and what is known of it in the database."""

    aggregate: Aggregate
    facts: Facts
