"""Housekeeping: refreshes aggregates, recomputes hours with late events, makes and drops partitions."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

from adi_analytics.migrate.errors import HistoryError, UsageError
from adi_analytics.migrate.options import Options, check_times, silent
from adi_analytics.migrate.server import lock
from adi_analytics.migrate.server.backend import Database
from adi_analytics.migrate.server.connection import Connection, fetch_value
from adi_analytics.migrate.server.retry import retry
from adi_analytics.migrate.server.session import missing_object, session
from adi_analytics.migrate.upkeep import recounts
from adi_analytics.migrate.upkeep.backfill import BackfillResult, pending_backfills, run_pending
from adi_analytics.migrate.upkeep.steps import Steps

logger = logging.getLogger(__name__)

# The same keys as in analytics_meta.maintain(), so that pg_cron and the command line see each other.
MAINTAIN_KEYS: Final = (0x61646961, 0x6D61696E)  # "adia", "main"


@dataclass(frozen=True, slots=True)
class Refreshed:
    """An aggregate that was refreshed.

    Attributes:
        rollup: Its main relation.
        since: The first bucket that was computed; ``None`` when there was nothing to compute.
        seconds: How long it took.
    """

    rollup: str
    since: datetime | None
    seconds: float


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """What a refresh did, aggregate by aggregate."""

    refreshed: tuple[Refreshed, ...]


@dataclass(frozen=True, slots=True)
class MaintainResult:
    """What one round of housekeeping did.

    Attributes:
        ran: False when another round was running, which does the same.
        partitions: Partitions made.
        expired: Partitions or chunks dropped because of the retention.
        refreshed: The aggregates that were due.
        late_hours: Hours with late events that were brought into the aggregates.
        late_hours_lost: Those of them whose other raw rows are gone already: the aggregates stay as they are.
        backfills: New aggregates that were filled.
        rows_uncounted: Raw rows that retention dropped and that the aggregates lack: they came when the other rows of
            their buckets had been dropped already.
        notes: What is left for the next round because another session was in the way, and what was lost; in words.
    """

    ran: bool
    partitions: int = 0
    expired: int = 0
    refreshed: tuple[str, ...] = ()
    late_hours: int = 0
    late_hours_lost: int = 0
    backfills: tuple[BackfillResult, ...] = ()
    rows_uncounted: int = 0
    notes: tuple[str, ...] = ()


@contextlib.contextmanager
def _ready(options: Options, command: str) -> Iterator[tuple[Connection, Database]]:
    with session(options, command) as (connection, database):
        if fetch_value(connection, "select to_regclass('analytics_meta.aggregates')") is None:
            raise HistoryError(
                "there is no table analytics_meta.aggregates", missing_object(installed=database.installed)
            )
        yield connection, database


def refresh(
    aggregates: Sequence[str] = (),
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    rebuild: bool = False,
    options: Options | None = None,
) -> RefreshResult:
    """Compute buckets again from the raw rows.

    Never touches buckets whose raw rows are gone, nor the bucket that is not over yet (views compute it live).

    Args:
        aggregates: Names of public views. Defaults to all.
        since: Start of the range. Defaults to the oldest raw row.
        until: End of the range. Defaults to now.
        rebuild: Whether to compute also the buckets that look up to date, which repairs stored rows that somebody
            deleted or that TimescaleDB missed, and to bring back a watermark that is in the future: then *since* does
            not count. Needs TimescaleDB 2.18 or newer, if any.
        options: Where. Defaults to the database of the environment.

    Raises:
        UsageError: If an aggregate is unknown, if *since* is not before *until*, or if TimescaleDB is too old to
            rebuild.
    """
    options = options or Options()
    check_times(since=since, until=until)
    with _ready(options, "refresh") as (connection, database):
        if rebuild:
            _check_can_rebuild(connection, database)
        done: list[Refreshed] = []
        for rollup in _chosen(connection, aggregates):
            options.progress.step(f"refresh {rollup}")
            started = time.monotonic()
            first = retry(_refresh_one, connection, rollup, since, until, rebuild=rebuild)
            recounts.recount_all(connection, [rollup], options.progress)
            done.append(Refreshed(rollup, first, time.monotonic() - started))
        if since is None and until is None:
            _settle_backfills(connection, [entry.rollup for entry in done], database)
        return RefreshResult(tuple(done))


_FORCE: Final[LiteralString] = (
    "select count(*) from pg_catalog.pg_proc"
    " where proname = 'refresh_continuous_aggregate' and 'force' = any(proargnames)"
)


def _check_can_rebuild(connection: Connection, database: Database) -> None:
    if database.backend == "timescaledb" and not fetch_value(connection, _FORCE):
        raise UsageError(
            f"TimescaleDB {database.timescaledb} cannot compute again what looks up to date",
            "Update it to 2.18 or newer, or raise the aggregate's version in events.yaml and let"
            " `analytics-migrate new` rebuild it.",
            setting="rebuild",
        )


def _settle_backfills(connection: Connection, rollups: list[str], database: Database) -> None:
    """A refresh of everything is what a backfill would have done."""
    for rollup in pending_backfills(connection):
        if rollup in rollups:
            run_pending(connection, database, silent, only=[rollup])


def _refresh_one(
    connection: Connection, rollup: str, since: datetime | None, until: datetime | None, *, rebuild: bool
) -> datetime | None:
    query: LiteralString = "call analytics_meta.compute(%s, %s::timestamptz, %s::timestamptz, %s, null)"
    found: datetime | None = fetch_value(connection, query, rollup, since, until, rebuild)
    return found


def _chosen(connection: Connection, aggregates: Sequence[str]) -> list[str]:
    rows = connection.execute(
        "select aggregate, rollup from analytics_meta.aggregates where active order by rollup"
    ).fetchall()
    known = {aggregate for aggregate, _ in rows}
    for name in aggregates:
        if name not in known:
            remedy = f"Known are {', '.join(sorted(known)) or 'none'}."
            raise UsageError(f"no aggregate {name}", remedy, setting="aggregates", value=name)
    return [rollup for aggregate, rollup in rows if not aggregates or aggregate in aggregates]


def backfill(options: Options | None = None) -> tuple[BackfillResult, ...]:
    """Fill the aggregates whose backfill is not done. Goes on where an earlier run stopped."""
    options = options or Options()
    with _ready(options, "backfill") as (connection, database):
        return tuple(run_pending(connection, database, options.progress))


def maintain(options: Options | None = None, *, forced: bool = False) -> MaintainResult:
    """Do the housekeeping that is due: partitions, late events, refreshes, retention.

    Two at once do no harm: the second finds the lock taken and returns with ``ran`` false.

    Args:
        options: Where. Defaults to the database of the environment.
        forced: Whether to refresh aggregates that are not due yet, and on TimescaleDB in place of the policies.
    """
    options = options or Options()
    with _ready(options, "maintain") as (connection, database):
        return _maintain(connection, database, options, forced=forced)


def _maintain(connection: Connection, database: Database, options: Options, *, forced: bool) -> MaintainResult:
    if not fetch_value(connection, "select pg_try_advisory_lock(%s, %s)", *MAINTAIN_KEYS):
        return MaintainResult(ran=False)
    with lock.releasing(connection, MAINTAIN_KEYS), Steps(connection, options.progress) as steps:
        connection.execute("set lock_timeout = '5s'")
        uncounted: int = fetch_value(connection, _UNCOUNTED) or 0
        made = steps.do("make partitions", fetch_value, connection, "call analytics_meta.prepare_storage(null)")
        filled = steps.do("fill new aggregates", run_pending, connection, database, options.progress)
        marks = steps.do(
            "bring late events into the aggregates", _row, connection, "call analytics_meta.work_marks(null, null)"
        )
        refreshed = [
            rollup
            for rollup in _chosen(connection, ())
            if steps.do(f"refresh {rollup}", _refresh_due, connection, rollup, forced=forced)
        ]
        for rollup in recounts.counted(connection):
            steps.do(f"keep the counts of {rollup}", recounts.recount, connection, rollup, options.progress)
        expired = steps.do(
            "drop what is older than the retention", fetch_value, connection, "call analytics_meta.expire_storage(null)"
        )
        late, lost = marks or (0, 0)
        return MaintainResult(
            ran=True,
            partitions=made or 0,
            expired=expired or 0,
            refreshed=tuple(refreshed),
            late_hours=late,
            late_hours_lost=lost,
            backfills=tuple(filled or ()),
            rows_uncounted=(fetch_value(connection, _UNCOUNTED) or 0) - uncounted,
            notes=tuple(steps.notes),
        )


_UNCOUNTED: Final[LiteralString] = "select uncounted from analytics_meta.expired"


def _refresh_due(connection: Connection, rollup: str, *, forced: bool) -> bool:
    return bool(fetch_value(connection, "call analytics_meta.refresh_due(%s, %s, null)", rollup, forced))


def _row(connection: Connection, query: LiteralString) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    return row if row is not None else ()


def install_pg_cron(schedule: str, options: Options | None = None) -> int:
    """Let pg_cron call ``analytics_meta.maintain()``; return the number of its job.

    Args:
        schedule: When, as pg_cron writes it: ``* * * * *`` is each minute.
        options: Where. Defaults to the database of the environment.

    Raises:
        UsageError: If the extension is not in this database.
    """
    with _ready(options or Options(), "maintain") as (connection, _):
        if fetch_value(connection, "select to_regproc('cron.schedule')") is None and not fetch_value(
            connection, "select count(*) from pg_extension where extname = 'pg_cron'"
        ):
            raise UsageError(
                "pg_cron is not installed in this database",
                "Run `create extension pg_cron` here (cron.database_name must name this database), "
                "or use `analytics-migrate maintain --loop`.",
            )
        job: int = fetch_value(
            connection,
            "select cron.schedule('adi-analytics-maintain', %s, 'call analytics_meta.maintain()')",
            schedule,
        )
        return job
