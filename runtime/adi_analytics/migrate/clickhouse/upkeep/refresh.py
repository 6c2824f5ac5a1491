"""Storing buckets on ClickHouse: rows of a new version first, then that they count.

Whoever reads sees the old rows until one INSERT into `analytics_meta_buckets` names the new version, so a refresh may
be killed anywhere, and two may run at once: of two complete versions of a bucket the later one counts.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.clickhouse.inserts import insert_settings
from adi_analytics._shared.clickhouse.text import literal, quoted
from adi_analytics._shared.clickhouse.versions import TICKS
from adi_analytics._shared.moments import micros_of, moment_of
from adi_analytics._shared.sql import shorten
from adi_analytics.migrate.clickhouse.files.objects import BUCKETS
from adi_analytics.migrate.clickhouse.server.session import need_tables, opened
from adi_analytics.migrate.clickhouse.upkeep import rollups
from adi_analytics.migrate.clickhouse.upkeep.rollups import FIRST, HOUR, TOUCHED, Rollup, Stored, at
from adi_analytics.migrate.errors import ClickhouseFailedError
from adi_analytics.migrate.upkeep.backfill import BackfillResult
from adi_analytics.migrate.upkeep.maintain import Refreshed, RefreshResult

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from adi_analytics.migrate.clickhouse.server.lock import Held
    from adi_analytics.migrate.clickhouse.server.session import Server
    from adi_analytics.migrate.options import Options, Progress

_PATIENCE: Final = 600.0  # seconds for the replicas that must have the rows
LONGEST_STEP: Final = 6 * HOUR
"""How long a step may take: rows that count no more are deleted when they are older by far."""
_NEAR: Final = 24 * HOUR
"""Ranges that are not further apart are stored as one: fewer statements are worth some buckets more."""
_BATCH: Final = 2_000_000
"""Events that one step reads: it bounds the memory, and what is lost when a refresh is killed."""
_WEEK: Final = 168 * HOUR
_SLACK: Final = HOUR // 12
"""How far a refresh looks back for hours that events came to: longer than a block of an INSERT takes."""


def refresh(
    aggregates: Sequence[str], *, since: datetime | None, until: datetime | None, rebuild: bool, options: Options
) -> RefreshResult:
    """Compute buckets again, as `adi_analytics.migrate.refresh` says."""
    with opened(options, "refresh") as server:
        need_tables(server)
        done: list[Refreshed] = []
        for rollup in rollups.chosen(server, aggregates):
            options.progress.step(rollup.aggregate)
            work = Work(server, rollup, progress=options.progress)
            started = time.monotonic()
            first, last = (None if one is None else micros_of(one) for one in (since, until))
            begin = work.rebuild(first, last) if rebuild else work.bring_up_to_date(first, last)
            since_then = None if begin is None else moment_of(begin)
            done.append(Refreshed(rollup.rollup, since_then, time.monotonic() - started))
        return RefreshResult(tuple(done))


def fill(
    server: Server,
    progress: Progress,
    held: Held | None,
    *,
    only: Collection[str] | None = None,
    source: str | None = None,
) -> list[BackfillResult]:
    """Store what was never stored: the rollups of the database, or those called *only* of the SELECT *source*."""
    filled: list[BackfillResult] = []
    for rollup in rollups.read(server, source):
        if (only is None or rollup.rollup in only) and rollups.stored(server, rollup.rollup).until is None:
            work = Work(server, rollup, progress=progress, held=held)
            work.bring_up_to_date()
            if work.buckets:
                filled.append(BackfillResult(rollup.rollup, work.buckets))
    return filled


def backfill(options: Options) -> tuple[BackfillResult, ...]:
    """Fill new aggregates, as `adi_analytics.migrate.backfill` says."""
    with opened(options, "backfill") as server:
        need_tables(server)
        return tuple(fill(server, options.progress, None))


def waiting(server: Server) -> tuple[str, ...]:
    """Return the rollups that nothing is stored of, though there are events."""
    never = [one for one in rollups.read(server) if rollups.stored(server, one.rollup).until is None]
    return tuple(one.rollup for one in never if rollups.oldest(server, one) is not None)


class Work:
    """One refresh of one rollup.

    Args:
        server: Where.
        rollup: What.
        progress: Told about each step.
        held: The lock, if the caller has it: it is looked at before each step.

    Attributes:
        buckets: How many were stored.
        late: How many hours were computed again because events came too late for them.
        lost: How many of those can't be, because their other events are gone.
    """

    def __init__(self, server: Server, rollup: Rollup, *, progress: Progress, held: Held | None = None) -> None:
        self._server = server
        self._rollup = rollup
        self._progress = progress
        self._held = held
        self._before = rollups.stored(server, rollup.rollup)
        self._now = rollups.now(server)
        self._begun = self._now * TICKS
        self._version = 0
        self._newest = self._before.version
        self._settings = insert_settings(server.session.address, _PATIENCE)
        self.buckets = self.late = self.lost = 0

    def bring_up_to_date(self, since: int | None = None, until: int | None = None, *, lag: int = 0) -> int | None:
        """Store what is not stored yet, and what events came to since; return the first bucket that was computed.

        Args:
            since: Hours before are left as they are.
            until: Nothing is stored after it. Defaults to now.
            lag: How long a bucket must be over to be stored for the first time.
        """
        first = rollups.oldest(self._server, self._rollup)
        stored = self._before.until
        end = rollups.start_of(self._server, self._rollup, min(self._now - lag, until or self._now))
        late_end = stored if until is None or stored is None else min(stored, end)
        # What was left out must be found by the next refresh.
        complete = stored is None or (since is None and late_end == stored)
        begun: list[int] = []
        if stored is not None and late_end is not None:
            lowest = self._lowest(first)
            begun += self._store_late(lowest if since is None else max(since, lowest), late_end, stored)
        start = first if stored is None else stored
        if first is not None and start is not None and start < end:
            begun.append(start)
            for begin, stop in self._steps(start, end):
                self._store(begin, stop, published=stop, last=complete)
        elif begun and stored is not None and complete:
            self._next_version()
            self._publish(stored, stored, published=stored, last=True)
        return min(begun, default=None)

    def rebuild(self, since: int | None, until: int | None) -> int | None:
        """Store all buckets of the range again; return the first one."""
        stored = self._before.until
        ahead = stored is not None and max(stored, self._before.at) > self._now
        if ahead:
            stored = self._bring_back()
        first = rollups.oldest(self._server, self._rollup)
        if first is None:
            return None
        end = rollups.start_of(self._server, self._rollup, min(self._now, until or self._now))
        start = first
        if stored is not None and since is not None and not ahead:
            asked = max(first, rollups.start_of(self._server, self._rollup, since))
            start = min(asked, max(stored, first))
        complete = start == first and end >= (stored or 0)
        if stored is not None and complete:
            self._store_late(self._lowest(first), min(first, stored), stored)
        for begin, stop in self._steps(start, end):
            self._store(begin, stop, published=max(stop, stored or 0), last=False)
        if start < end and complete:
            self._publish(end, end, published=max(end, stored or 0), last=True)
        return start if start < end else None

    def _bring_back(self) -> int:
        """Say that nothing of the future is stored, which somebody wrote; what is stored stays what is read."""
        now = rollups.start_of(self._server, self._rollup, self._now)
        end = at(now)
        named = literal(self._rollup.rollup)
        self._server.session.ask(
            f"insert into {BUCKETS} select rollup, bucket, least(until, {end}), version from {BUCKETS} final"
            f" where rollup = {named} and bucket < {end}",
            self._settings,
        )
        self._server.session.ask(
            f"delete from {BUCKETS} where rollup = {named} and (until > {end} or bucket = {FIRST})",
            {"lightweight_deletes_sync": "2"},
        )
        return now

    def _lowest(self, first: int | None) -> int:
        """Return from where on stored buckets are computed again, *first* being the first one with events.

        One before it lost its events by an erasure, or somebody dropped them by hand. A clock that was ahead does not
        tell which hours are meant; then what may be the latter is left as it is.
        """
        if first is not None and self._before.at > self._now:
            return first
        return rollups.lowest(self._server, self._rollup)

    def _store_late(self, since: int, until: int, published: int) -> list[int]:
        """Store again what events came to, or were erased from: of the latter none may be left. Return the starts."""
        begun = []
        for begin, stop in self._late(since, until):
            self._store(begin, stop, published=published, last=False)
            begun.append(begin)
        return begun

    def _late(self, since: int, until: int) -> Iterator[tuple[int, int]]:
        """Yield the ranges of stored buckets that events came to since the last refresh began."""
        self.lost = rollups.late_for(self._server, self._before.at)
        came = f"at >= {at(max(0, self._since_when() - _SLACK))} and hour >= {at(0)} and hour < {at(until)}"
        source = f"select distinct hour from {TOUCHED} where {came}"
        ranges: list[tuple[int, int]] = []
        for start, last, hours in rollups.buckets_of(self._server, self._rollup, source):
            if start < since:
                continue
            self.late += hours
            end = min(last, until)
            if ranges and start <= ranges[-1][1] + _NEAR:
                ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]))
            else:
                ranges.append((start, end))
        for start, end in ranges:
            if start < end:
                yield from self._steps(start, end)

    def _since_when(self) -> int:
        """Return since when events may have come that are not stored; a clock that was ahead does not tell it."""
        return self._before.at if self._before.at <= self._now else 0

    def _steps(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Cut a range of buckets so that each part has some millions of events."""
        weeks = self._server.session.rows(
            f"select intDiv(toUnixTimestamp64Micro(timestamp), {_WEEK}) as week, count()"
            f" from {quoted(self._server.table)} where timestamp >= {at(start)} and timestamp < {at(end)}"
            " group by week order by week"
        )
        total, done, events, begin = sum(count for _, count in weeks), 0, 0, start
        for week, count in weeks:
            events += count
            done += count
            if events < _BATCH:
                continue
            stop = min(end, rollups.start_of(self._server, self._rollup, (week + 1) * _WEEK))
            if stop > begin:
                yield begin, stop
                self._progress.advance(self._rollup.rollup, done, total)
                begin, events = stop, 0
        if begin < end:
            yield begin, end

    def _store(self, start: int, end: int, *, published: int, last: bool) -> None:
        if self._held is not None:
            self._held.check()
        begun = self._next_version()
        for relation in self._rollup.relations:
            rows = f"{quoted(shorten(f'{relation}_rows'))}(from_time = {_text(start)}, to_time = {_text(end)})"
            self._server.session.ask(
                f"insert into {quoted(relation)} select *, {self._version} from {rows}", self._settings
            )
        if rollups.now(self._server) - begun > LONGEST_STEP:
            raise ClickhouseFailedError(
                f"a step of the refresh of {self._rollup.aggregate} took longer than rows are kept for it",
                "Run it again; give --since and --until for shorter ranges.",
            )
        self._publish(start, end, published=published, last=last)

    def _next_version(self) -> int:
        """Take a version for the next step; return the moment that it begins."""
        now = rollups.now(self._server)
        self._newest = max(now, self._newest // TICKS + 1) * TICKS + secrets.randbelow(TICKS)
        self._version = self._newest
        return now

    def _publish(self, start: int, end: int, *, published: int, last: bool) -> None:
        """Say that the rows of the version count for the buckets of the range, in one INSERT.

        Args:
            start: The first bucket.
            end: The end of the last bucket.
            published: Up to when everything is stored.
            last: Whether to say that all before is done that came before this refresh began.
        """
        named, bucket = literal(self._rollup.rollup), quoted(self._rollup.bucket)
        rows = [
            f"select {bucket} as bucket from {quoted(self._rollup.rollup)} where _version = {self._version}",
            f"select bucket from {BUCKETS} where rollup = {named} and bucket >= {at(start)} and bucket < {at(end)}",
        ]
        if last:
            rows.append(f"select {FIRST}")
        listed = " union distinct ".join(rows)
        version = f"if(bucket = {FIRST}, {self._begun}, {self._version})"
        self._server.session.ask(
            f"insert into {BUCKETS} select {named}, bucket, {at(published)}, {version} from ({listed})",
            self._settings,
        )
        self.buckets += self._server.session.value(
            f"select uniqExact(bucket) from {BUCKETS} where rollup = {named} and version = {self._version}"
            f" and bucket != {FIRST}"
        )


def _text(moment_: int) -> str:
    return f"'{moment_of(moment_):%Y-%m-%d %H:%M:%S.%f}'"


def is_due(rollup: Rollup, stored: Stored, now: int) -> bool:
    """Return whether *rollup* is to be refreshed by the housekeeping."""
    return stored.until is None or stored.at > now or now - stored.at >= rollup.every
