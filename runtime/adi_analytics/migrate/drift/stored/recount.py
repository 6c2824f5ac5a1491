"""``drift --recount``: computes stored buckets again and compares. Finds rows that were deleted or changed in one.

It reads in steps, each a statement of its own with one look at the database: nothing is locked or kept back for long,
and what a worker, a refresh or retention does meanwhile is no difference.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from adi_analytics._shared.sql import literal, quote
from adi_analytics.migrate.drift.findings import Finding
from adi_analytics.migrate.drift.stored.sources import due, source
from adi_analytics.migrate.files.manifest import Aggregate, Manifest, Relation
from adi_analytics.migrate.options import Progress
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection

# Seconds: a step that takes less is followed by a longer one, one that takes more by a shorter one.
_SHORT, _LONG = 0.5, 4.0
_FIRST_STEP: Final = timedelta(days=1)

# A bucket without any stored row is another check's (lacking.py).
_DIFFERENT: Final = """
with due as materialized (select {due} as times),
given as materialized ({rows}),
held as materialized (select {columns} from {stored} where {bucket} >= {start} and {bucket} < {end}),
lost as (select {bucket} as at, count(*) as rows from (table given except all table held) l group by 1),
odd as (select {bucket} as at, count(*) as rows from (table held except all table given) o group by 1),
differ as (
    select at, coalesce(l.rows, 0) as lost, coalesce(o.rows, 0) as odd
    from lost l full join odd o using (at), due d
    where tstzrange(at, {after}) <@ d.times and at in (select {bucket} from held)
)
select (select count(*) from held), count(*), min(at), {last},
       coalesce(sum(lost), 0)::bigint, coalesce(sum(odd), 0)::bigint
from differ
"""


@dataclass(slots=True)
class Recount:
    """A run of the check.

    Attributes:
        since: Start of the range. Defaults to the oldest bucket that can be computed again.
        until: End of the range. Defaults to the newest bucket that is to be stored.
        rows: How many stored rows were compared.
    """

    connection: Connection
    database: Database
    progress: Progress
    since: datetime | None
    until: datetime | None
    rows: int = field(default=0, init=False)

    def stored(self, _: Connection, __: Database, snapshot: Manifest) -> Iterator[Finding]:
        """Yield the aggregates whose stored rows are not what the raw rows give."""
        for entry in snapshot.aggregates:
            times, start, end = self._range(entry)
            for relation in entry.relations if times else ():
                difference = self._compare(entry, relation, times, start, end)
                if difference.buckets:
                    yield _finding(entry, relation, difference)

    def _range(self, entry: Aggregate) -> tuple[Any, ...]:
        """Return the buckets to compare, and their first and last time; nothing three times when there are none."""
        width, zone = entry.bucket.interval, entry.bucket.zone
        since = f"analytics_meta.bucket_start({width}, {_time(self.since, '-infinity')}{zone})"
        until = f"analytics_meta.bucket_end({width}, {_time(self.until, 'infinity')}{zone})"
        wanted = f"tstzmultirange(tstzrange({since}, greatest({since}, {until})))"
        times = f"select {due(entry)} * {wanted} as times"
        query = f"with r as ({times}) select times::text, lower(times), upper(times) from r where not isempty(times)"  # noqa: S608 - quoted
        return self.connection.execute(query.encode()).fetchone() or (None, None, None)

    def _compare(self, entry: Aggregate, relation: Relation, times: str, start: datetime, end: datetime) -> _Difference:
        """Compare from the newest bucket to the oldest."""
        width = timedelta(seconds=entry.bucket.width)
        smallest = max(width, _FIRST_STEP // width * width)
        total, step, found = (end - start) // width, smallest, _Difference()
        query = self._query(entry, relation, f"{literal(times)}::tstzmultirange")
        exact = self._query(entry, relation, due(entry))
        while end > start:
            self.progress.advance(f"recount {relation.name}", total - (end - start) // width, total)
            began = time.monotonic()
            first = max(start, self._floor(entry, end - step))
            compared, *numbers = self._one(query, first, end)
            if numbers[0]:
                # Rows may have come since the start: which buckets are due says the same look at the database.
                _, *numbers = self._one(exact, first, end)
            self.rows += compared
            found = found.with_more(*numbers)
            end, took = first, time.monotonic() - began
            step = 4 * step if took < _SHORT else max(smallest, step // 4 // width * width) if took > _LONG else step
        self.progress.advance(f"recount {relation.name}", total, total)
        return found

    def _floor(self, entry: Aggregate, at: datetime) -> datetime:
        """Return the start of the bucket that *at* is in; equally long ones begin there already."""
        if not entry.bucket.zone:
            return at
        query = f"select analytics_meta.bucket_start({entry.bucket.interval}, {_time(at, '')}{entry.bucket.zone})"
        row = self.connection.execute(query.encode()).fetchone()
        found: datetime = row[0] if row is not None else at
        return found

    def _query(self, entry: Aggregate, relation: Relation, times: str) -> str:
        columns = ", ".join(quote(column.name) for column in relation.columns)
        found = source(self.connection, self.database, relation)
        return _DIFFERENT.format(
            due=times,
            rows=found.rows("{start}", "{end}", columns),
            columns=columns,
            stored=found.table,
            bucket=quote(entry.bucket.column),
            after=entry.bucket.end("at"),
            last=entry.bucket.end("max(at)"),
            start="{start}",
            end="{end}",
        )

    def _one(self, query: str, start: datetime, end: datetime) -> tuple[Any, ...]:
        query = query.replace("{start}", _time(start, "")).replace("{end}", _time(end, ""))
        return self.connection.execute(query.encode()).fetchone() or (0, 0, None, None, 0, 0)


@dataclass(frozen=True, slots=True)
class _Difference:
    """What differs: how many buckets, from when to when, rows that are missing and rows that should not be there."""

    buckets: int = 0
    since: datetime | None = None
    until: datetime | None = None
    lost: int = 0
    odd: int = 0

    def with_more(
        self, buckets: int, since: datetime | None, until: datetime | None, lost: int, odd: int
    ) -> _Difference:
        if not buckets:
            return self
        return _Difference(self.buckets + buckets, since, self.until or until, self.lost + lost, self.odd + odd)


def _finding(entry: Aggregate, relation: Relation, found: _Difference) -> Finding:
    since, until = _iso(found.since), _iso(found.until)
    return Finding(
        "error",
        f"stored rows of {relation.name}",
        f"from {since} to {until} what the events give",
        f"{found.buckets} bucket{'s' * (found.buckets != 1)} differ{'s' * (found.buckets == 1)}:"
        f" {found.lost} rows are missing, {found.odd} are not as the events give them",
        advice=f"Run `analytics-migrate refresh --rebuild {entry.name} --since {since} --until {until}`. "
        "If somebody deleted events by hand, the aggregate then loses them, too.",
    )  # fmt: skip


def _iso(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _time(at: datetime | None, otherwise: str) -> str:
    """Return the expression for *at*."""
    return f"timestamptz {literal(otherwise if at is None else at.isoformat())}"
