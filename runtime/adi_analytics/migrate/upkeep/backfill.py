"""Fills new aggregates from the raw rows: newest buckets first, in batches, resumable, never below the raw rows."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from psycopg import sql

from adi_analytics.migrate.errors import HistoryError
from adi_analytics.migrate.options import Progress
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, fetch_value
from adi_analytics.migrate.upkeep import recounts

logger = logging.getLogger(__name__)

_BATCH: Final = timedelta(days=1)
"""Raw rows of about this span are read in one transaction; a bucket that is wider is one batch."""


@dataclass(frozen=True, slots=True)
class BackfillResult:
    """What was filled: the rollup and how many of its buckets were computed now."""

    rollup: str
    buckets: int


def pending_backfills(connection: Connection) -> list[str]:
    """Return the rollups whose backfill is not done."""
    rows = connection.execute(
        "select relation from analytics_meta.backfills where status <> 'done' order by relation"
    ).fetchall()
    return [row[0] for row in rows]


def run_pending(
    connection: Connection, database: Database, progress: Progress, *, only: Collection[str] = ()
) -> list[BackfillResult]:
    """Fill the rollups whose backfill is not done; of *only* these when it is not empty.

    Each batch is recorded with its rows (on TimescaleDB: right after them, where repeating it changes nothing), so an
    interrupted run resumes where it stopped.
    """
    if fetch_value(connection, "select to_regclass('analytics_meta.aggregates')") is None:
        return []
    chosen = [name for name in pending_backfills(connection) if not only or name in only]
    return [_Backfill(connection, database, name).run(progress) for name in chosen]


class _Backfill:
    """The backfill of one rollup."""

    def __init__(self, connection: Connection, database: Database, rollup: str) -> None:
        self._connection = connection
        self._database = database
        self._rollup = rollup
        row = connection.execute(
            # The column of the zone is missing before the migration that brings it.
            "select width, to_jsonb(a) ->> 'time_zone' from analytics_meta.aggregates a where rollup = %s",
            (rollup,),
        ).fetchone()
        if row is None:
            raise HistoryError(
                f"analytics_meta.backfills names {rollup}, which analytics_meta.aggregates does not have",
                "Delete the row from analytics_meta.backfills, or restore the aggregate.",
            )
        self._width: timedelta = row[0]
        self._zone: str | None = row[1]

    def run(self, progress: Progress) -> BackfillResult:
        floor, until, done_to = self._begin()
        computed = 0 if floor is None or floor >= until else self._fill(floor, until, done_to, progress)
        self._finish(until)
        recounts.recount_all(self._connection, [self._rollup], progress)
        logger.info("filled %s: %d buckets", self._rollup, computed)
        return BackfillResult(self._rollup, computed)

    def _fill(self, floor: datetime, until: datetime, done_to: datetime, progress: Progress) -> int:
        """Compute the buckets from *done_to* down to *floor*; return how many that were."""
        buckets = self._buckets(floor, until)
        total = buckets.count(floor, until)
        computed = 0
        parts = self._parts()
        while (done_to := _skip(done_to, buckets, parts)) > floor:
            progress.advance(f"fill {self._rollup}", total - buckets.count(floor, done_to), total)
            start = max(floor, buckets.batch(done_to))
            self._batch(start, done_to, buckets.count(start, done_to))
            computed += buckets.count(start, done_to)
            done_to = start
        progress.advance(f"fill {self._rollup}", total, total)
        return computed

    def _begin(self) -> tuple[datetime | None, datetime, datetime]:
        """Return the floor, the end of the range and how far down it is filled; resume what was begun."""
        zone = self._zone_sql()
        row = self._connection.execute(
            sql.SQL(
                "update analytics_meta.backfills b set status = 'running',"
                " started_at = coalesce(b.started_at, clock_timestamp()),"
                " range_to = coalesce(b.range_to, analytics_meta.bucket_start(a.width, clock_timestamp(){zone})),"
                " done_to = coalesce(b.done_to, analytics_meta.bucket_start(a.width, clock_timestamp(){zone}))"
                " from analytics_meta.aggregates a where a.rollup = b.relation and b.relation = %s"
                " returning analytics_meta.refresh_floor(a.width{zone}), b.range_to, b.done_to"
            ).format(zone=zone),
            (self._rollup,),
        ).fetchone()
        if row is None:
            raise HistoryError(f"the backfill of {self._rollup} is no longer recorded", "Run the command again.")
        floor, until, done_to = row
        return _utc(floor) if floor else None, _utc(until), _utc(done_to)

    def _zone_sql(self) -> sql.Composable:
        """Return what follows in a call that may take a time zone: procedures of an earlier release take none."""
        return sql.SQL("") if self._zone is None else sql.SQL(", {}").format(sql.Literal(self._zone))

    def _buckets(self, floor: datetime, until: datetime) -> _Buckets:
        if self._zone is None:
            return _Even(until, self._width)
        rows = self._connection.execute(
            "with recursive bucket (at) as ("
            " select %(floor)s::timestamptz"
            " union all"
            " select analytics_meta.next_bucket(a.width, b.at, a.time_zone)"
            " from bucket b, analytics_meta.aggregates a where a.rollup = %(rollup)s and b.at < %(until)s"
            ") select at from bucket order by at",
            {"floor": floor, "until": until, "rollup": self._rollup},
        )
        return _OfCalendar([_utc(at) for (at,) in rows])

    def _parts(self) -> list[tuple[datetime, datetime]]:
        """Return the ranges of the partitions or chunks that have rows."""
        rows = self._connection.execute(
            "select from_time, to_time from analytics_meta.raw_ranges() where has_rows and isfinite(from_time)"
        )
        return [(_utc(start), _utc(end)) for start, end in rows]

    def _batch(self, start: datetime, end: datetime, buckets: int) -> None:
        if self._database.backend == "timescaledb":
            for relation in self._relations():
                self._call_refresh(relation, start, end)
            self._record(start, buckets)
            return
        with self._connection.transaction():
            self._connection.execute(
                "select analytics_meta.refresh_rollup(%s, %s, %s, false)", (self._rollup, start, end)
            )
            self._record(start, buckets)

    def _relations(self) -> list[str]:
        rows: list[dict[str, str]] = fetch_value(
            self._connection, "select relations from analytics_meta.aggregates where rollup = %s", self._rollup
        )
        return [row["name"] for row in rows]

    def _call_refresh(self, relation: str, start: datetime, end: datetime) -> None:
        self._connection.execute(
            sql.SQL(
                "call {}.refresh_continuous_aggregate(format('%%I.%%I', %s::text, %s::text)::regclass, {}, {})"
            ).format(
                sql.Identifier(self._database.search_path[-1]),
                sql.Literal(start.isoformat()),
                sql.Literal(end.isoformat()),
            ),
            (self._database.schema, relation),
        )

    def _record(self, start: datetime, buckets: int) -> None:
        self._connection.execute(
            "update analytics_meta.backfills set done_to = %s, buckets = buckets + %s where relation = %s",
            (start, buckets, self._rollup),
        )

    def _finish(self, until: datetime) -> None:
        with self._connection.transaction():
            if self._database.backend != "timescaledb":
                self._connection.execute(
                    "update analytics_meta.rollups set watermark = greatest(watermark, %s) where rollup = %s"
                    # Nothing was stored: everything is still read from the raw rows.
                    " and analytics_meta.raw_floor() is not null",
                    (until, self._rollup),
                )
            # The next refresh starts a window before the fill began, so what came during the fill is seen. After a
            # fill without rows it looks at everything: rows may be loaded that are older than any window.
            self._connection.execute(
                "update analytics_meta.aggregates a set refreshed_at = b.started_at"
                " from analytics_meta.backfills b where a.rollup = b.relation and a.rollup = %s"
                " and analytics_meta.raw_floor() is not null",
                (self._rollup,),
            )
            if fetch_value(self._connection, "select to_regproc('analytics_meta.mark_recount')") is not None:
                self._connection.execute("select analytics_meta.mark_recount(%s, '-infinity')", (self._rollup,))
            self._note_complete()
            self._connection.execute(
                "update analytics_meta.backfills set status = 'done', finished_at = clock_timestamp()"
                " where relation = %s",
                (self._rollup,),
            )

    def _note_complete(self) -> None:
        """If no event was ever dropped, all there was is counted, and what is loaded later will be: however old."""
        if fetch_value(self._connection, "select to_regclass('analytics_meta.expired')") is not None:
            self._connection.execute(
                "update analytics_meta.backfills set done_to = '1970-01-01T00:00:00Z' where relation = %s"
                " and not exists (select from analytics_meta.expired where not isempty(ranges))",
                (self._rollup,),
            )


class _Buckets(Protocol):
    """Where the buckets of a range begin and end."""

    def count(self, start: datetime, end: datetime) -> int:
        """Return how many there are between two of these times."""
        ...

    def batch(self, end: datetime) -> datetime:
        """Return the start of the buckets that are computed at once up to *end*."""
        ...

    def end_after(self, at: datetime) -> datetime:
        """Return the first end of a bucket that is not before *at*."""
        ...


@dataclass(frozen=True, slots=True)
class _Even:
    """Equally long buckets, one of which ends at *until*."""

    until: datetime
    width: timedelta

    def count(self, start: datetime, end: datetime) -> int:
        return max(0, -(-(end - start) // self.width))

    def batch(self, end: datetime) -> datetime:
        return end - max(self.width, _BATCH // self.width * self.width)

    def end_after(self, at: datetime) -> datetime:
        return self.until - (self.until - at) // self.width * self.width


@dataclass(frozen=True, slots=True)
class _OfCalendar:
    """Days, weeks or months: their starts, and the end of the last one."""

    edges: list[datetime]

    def count(self, start: datetime, end: datetime) -> int:
        return bisect_left(self.edges, end) - bisect_left(self.edges, start)

    def batch(self, end: datetime) -> datetime:
        return self.edges[max(0, bisect_left(self.edges, end) - 1)]

    def end_after(self, at: datetime) -> datetime:
        return self.edges[min(bisect_left(self.edges, at), len(self.edges) - 1)]


def _skip(done_to: datetime, buckets: _Buckets, parts: list[tuple[datetime, datetime]]) -> datetime:
    """Return the end of the newest bucket below *done_to* that can have rows: a stray row may be years older."""
    ends = [end for start, end in parts if start < done_to]
    return min(done_to, buckets.end_after(max(ends))) if ends else datetime.min.replace(tzinfo=UTC)


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC)
