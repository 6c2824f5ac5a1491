"""Housekeeping on ClickHouse: refreshes what is due, drops what the retention says, and rows that count no more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.clickhouse.errors import RefusedByServerError
from adi_analytics._shared.clickhouse.text import literal, quoted
from adi_analytics._shared.clickhouse.versions import TICKS
from adi_analytics._shared.moments import moment_of
from adi_analytics.migrate.clickhouse.files.objects import BUCKETS, INSTALLATION
from adi_analytics.migrate.clickhouse.server import lock
from adi_analytics.migrate.clickhouse.server.session import explained, need_tables, opened
from adi_analytics.migrate.clickhouse.upkeep import rollups
from adi_analytics.migrate.clickhouse.upkeep.refresh import Work, is_due
from adi_analytics.migrate.clickhouse.upkeep.rollups import EXPIRED, HOUR, TOUCHED, Stored, at
from adi_analytics.migrate.errors import LockedError, MigrateError
from adi_analytics.migrate.upkeep.backfill import BackfillResult
from adi_analytics.migrate.upkeep.maintain import MaintainResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.migrate.clickhouse.server.session import Server
    from adi_analytics.migrate.clickhouse.upkeep.rollups import Rollup
    from adi_analytics.migrate.options import Options

_WEEK: Final = 168 * HOUR
_MONDAY: Final = 96 * HOUR
"""The first one of 1970. What is before it is a partition of its own: no Date is before 1970."""
KEPT: Final = 24 * HOUR
"""How long rows are kept that count no more: longer than any step of a refresh takes."""
_WASTE: Final = 0.2
"""What part of a table may be rows that count no more: a delete writes whole parts again."""


def maintain(options: Options, *, forced: bool) -> MaintainResult:
    """Do the housekeeping that is due, as `adi_analytics.migrate.maintain` says."""
    with opened(options, "maintain") as server:
        need_tables(server)
        try:
            with lock.hold(server, wait=0, name=lock.MAINTAIN) as held:
                return _round(server, options, held, forced=forced)
        except LockedError as error:
            if error.holder is not None:
                return MaintainResult(ran=False)
            raise


def _round(server: Server, options: Options, held: lock.Held, *, forced: bool) -> MaintainResult:
    """Do what is due; what one aggregate fails with is raised after the others, and the retention, are done."""
    result = MaintainResult(ran=True)
    now = rollups.now(server)
    failed: list[MigrateError] = []
    for rollup in rollups.read(server):
        stored = rollups.stored(server, rollup.rollup)
        if not forced and not is_due(rollup, stored, now):
            continue
        try:
            work = Work(server, rollup, progress=options.progress, held=held)
            work.bring_up_to_date(lag=rollup.lag)
            result = _with(result, rollup, stored, work)
            _clean(server, rollup, held, forced=forced)
        except RefusedByServerError as error:
            failed.append(explained(error, rollup.aggregate))
    dropped, uncounted, notes = _retain(server, now, held)
    if failed:
        raise failed[0]
    return replace(result, expired=dropped, rows_uncounted=uncounted, notes=tuple(notes))


def _with(result: MaintainResult, rollup: Rollup, stored: Stored, work: Work) -> MaintainResult:
    """Return *result* with what *work* did; *stored* is what was there before."""
    if stored.until is None:
        filled = (BackfillResult(rollup.rollup, work.buckets),) if work.buckets else ()
        return replace(result, backfills=result.backfills + filled)
    return replace(
        result,
        refreshed=(*result.refreshed, rollup.rollup),
        # The same hours are late for each aggregate.
        late_hours=max(result.late_hours, work.late),
        late_hours_lost=max(result.late_hours_lost, work.lost),
    )


def _clean(server: Server, rollup: Rollup, held: lock.Held, *, forced: bool) -> None:
    """Delete rows of versions that count no more, when they are many."""
    bucket = quoted(rollup.bucket)
    old = (rollups.now(server) - KEPT) * TICKS
    counting = f"select bucket, max(version) from {BUCKETS} where rollup = {literal(rollup.rollup)} group by bucket"
    # A refresh that runs now has rows that do not count yet.
    waste = f"({bucket}, _version) not in ({counting}) and _version < {old}"
    for relation in rollup.relations:
        ((rows, wasted),) = server.session.rows(f"select count(), countIf({waste}) from {quoted(relation)}")
        if wasted and (forced or wasted > rows * _WASTE):
            held.check()
            server.session.ask(
                f"delete from {quoted(relation)}{server.on_cluster} where {waste}",
                {"lightweight_deletes_sync": "2", "allow_nondeterministic_mutations": "1"},
            )


def _retain(server: Server, now: int, held: lock.Held) -> tuple[int, int, list[str]]:
    """Drop the weeks of events that are older than the retention and counted.

    Returns:
        How many partitions were dropped, how many events in them no aggregate counts, and what is left for later.
    """
    retention = server.session.value(f"select retention from {INSTALLATION}")
    if retention is None:
        return 0, 0, []
    before = now - retention * 1_000_000
    dropped, uncounted, notes = 0, 0, list[str]()
    for partition, end in _weeks(server):
        if end > before or not all(rollups.end_of(server, one, end) <= before for one in rollups.read(server)):
            break  # a bucket with events that are to be kept can get late ones
        missing = [one.aggregate for one in rollups.read(server) if not _counted(server, one, end)]
        if missing:
            notes.append(f"events before {moment_of(end):%Y-%m-%d} are kept: {', '.join(missing)} lack them")
            break
        expired = rollups.expired(server)
        if end <= expired:
            uncounted += server.session.value(_UNCOUNTED.format(table=quoted(server.table), end=at(end)))
        else:
            server.session.ask(f"insert into {EXPIRED} select {at(end)}, now64(6, 'UTC')")
        held.check()
        server.session.ask(
            f"alter table {quoted(server.stored)}{server.on_cluster} drop partition id {literal(partition)}"
        )
        dropped += 1
    return dropped, uncounted, notes


_UNCOUNTED: Final = f"""
select count() from {{table}} final
where timestamp < {{end}} and fromUnixTimestamp64Micro(
    toUnixTimestamp64Micro(timestamp) - positiveModulo(toUnixTimestamp64Micro(timestamp), {HOUR}), 'UTC'
) in (select hour from {TOUCHED} where at > (select max(at) from {EXPIRED}))
"""
"""Events of hours that events came to after the others had been dropped, or were about to be."""


def _weeks(server: Server) -> Iterator[tuple[str, int]]:
    """Yield the partitions of the events table and their ends, oldest first."""
    rows = server.session.rows(
        "select partition_id, toUnixTimestamp64Micro(toDateTime64(any(partition), 6, 'UTC'))"
        f" from {_parts(server)} where database = currentDatabase() and table = {literal(server.stored)} and active"
        " group by partition_id order by 2"
    )
    for partition, start in rows:
        yield partition, start + _WEEK - (start - _MONDAY) % _WEEK


def _parts(server: Server) -> str:
    return "clusterAllReplicas('{cluster}', system.parts)" if server.on_cluster else "system.parts"


def _counted(server: Server, rollup: Rollup, end: int) -> bool:
    """Return whether *rollup* has stored everything before *end*, what came late too."""
    stored = rollups.stored(server, rollup.rollup)
    if stored.until is None or stored.until < end:
        return False
    late = server.session.value(
        f"select count() from {TOUCHED} where hour < {at(end)} and at >= {at(stored.at)}"
        f" and hour >= {at(rollups.expired(server))}"
    )
    return not late
