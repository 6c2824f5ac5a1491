"""What follows from a catalog for its tables: their names, and from when on a row is late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.questions.calendars import longest
from adi_analytics_codegen.model.readers import questions

if TYPE_CHECKING:
    from datetime import timedelta

    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.questions.aggregates import Aggregate
    from adi_analytics_codegen.model.questions.people import Question

MAX_IDENTIFIER: Final = 63
"""Bytes of an identifier that PostgreSQL keeps; it cuts the rest without a word."""

_DIGEST: Final = 8


def shorten(name: str) -> str:
    """Return *name*, or when PostgreSQL would cut it, its beginning and a digest of the whole."""
    if len(name.encode()) <= MAX_IDENTIFIER:
        return name
    import hashlib

    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    head = name.encode()[: MAX_IDENTIFIER - _DIGEST - 1].decode(errors="ignore")
    return f"{head}_{digest}"


def default_partition(catalog: Catalog) -> str:
    """Return the name of the partition that holds the rows without another one."""
    return shorten(f"{catalog.storage.table}_default")


def dead_letters_table(catalog: Catalog) -> str:
    """Return the name of the table of events that could not be stored."""
    return shorten(f"{catalog.storage.table.removesuffix('_events')}_dead_letters")


CLICKHOUSE_BUCKETS: Final = "analytics_meta_buckets"
"""On ClickHouse, the table of which version of a bucket's rows is read, and up to when rows are stored."""

CLICKHOUSE_META: Final = "analytics_meta_"
"""On ClickHouse, what the names of all tables and views begin with that are no catalog's."""


def local_table(table: str) -> str:
    """Return the name of the part of the events *table* that one server of a cluster of ClickHouse has."""
    return shorten(f"{table}_local")


def members_views(table: str, entity: str | None) -> tuple[str, str]:
    """Return the names of the views of an entity's members: of the counts by day, and of the members themselves.

    Args:
        table: The table of events.
        entity: The entity's name; ``None`` for ``$user_id``.
    """
    members = f"{table.removesuffix('_events')}_members{f'_{entity}' if entity else ''}"
    return shorten(f"{members}_daily"), shorten(members)


def _after_refresh(thing: Aggregate | Question) -> timedelta:
    return thing.refresh.window - thing.refresh.every - longest(thing.bucket_width, thing.calendar)


def late_after(catalog: Catalog) -> int | None:
    """Return the age in seconds from which a new row must be marked as late; ``None`` without aggregates.

    A refresh takes in the whole buckets of its window. A row that arrives just after one is seen by the next if it
    is still in a whole bucket of the window then: younger than the window less one period less one bucket. Half a
    window at most leaves time for refreshes that come late and for transactions that take long.
    """
    refreshed = (*catalog.aggregates, *questions(catalog))
    ages = [min(_after_refresh(one), one.refresh.window / 2) for one in refreshed]
    return max(0, int(min(ages).total_seconds())) if ages else None
