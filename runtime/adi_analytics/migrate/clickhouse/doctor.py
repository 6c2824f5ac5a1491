"""Examines a setup on ClickHouse, and says what is wrong instead of raising it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.clickhouse.errors import ClickhouseError, RefusedByServerError, said
from adi_analytics._shared.clickhouse.text import literal, quoted
from adi_analytics._shared.moments import moment_of
from adi_analytics.migrate.clickhouse.files.objects import AGGREGATES
from adi_analytics.migrate.clickhouse.server import lock
from adi_analytics.migrate.clickhouse.server.record import read_applied
from adi_analytics.migrate.clickhouse.server.session import opened
from adi_analytics.migrate.clickhouse.upkeep import refresh, rollups
from adi_analytics.migrate.doctor import Diagnosis, catalog_found
from adi_analytics.migrate.errors import MigrateError
from adi_analytics.migrate.run.plan import make_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adi_analytics.migrate.clickhouse.server.session import Server
    from adi_analytics.migrate.options import Options

_SKEW: Final = 5.0  # seconds between the clocks
_MANY_PARTS: Final = 300
"""Parts of one partition: from 1000 on inserts are made to wait, from 3000 on they are refused."""
_LATE: Final = 3_600_000_000  # microseconds that a refresh may be later than it should


def doctor(options: Options) -> tuple[Diagnosis, ...]:
    """Examine a setup, as `adi_analytics.migrate.doctor` says."""
    found: list[Diagnosis] = []
    about = "catalog"
    try:
        found.append(catalog_found(options))
        about = "connection"
        with opened(options, "doctor") as server:
            version = server.session.value("select version()")
            where = f"{server.session.address.place}/{server.database}"
            found.append(Diagnosis("connection", "ok", f"{where}, ClickHouse {version}, {server.backend}"))
            about = "database"
            for check in _CHECKS:
                found += _attempt(check, server)
            if server.installed and server.has(AGGREGATES):
                for check in _CHECKS_OF_TABLES:
                    found += _attempt(check, server)
    except MigrateError as error:
        found.append(Diagnosis(about, "error", error.problem, error.remedy))
    return tuple(found)


def _attempt(check: Callable[[Server], Iterator[Diagnosis]], server: Server) -> list[Diagnosis]:
    try:
        return list(check(server))
    except ClickhouseError as error:
        name = check.__name__.strip("_").replace("_", " ")
        text = said(error.code or 0, error.text) if isinstance(error, RefusedByServerError) else str(error)
        return [Diagnosis(name, "error", text, "Run `analytics-migrate drift`.")]


def _clock(server: Server) -> Iterator[Diagnosis]:
    skew = rollups.now(server) / 1_000_000 - time.time()
    if abs(skew) > _SKEW:
        remedy = "Let both take their time from the same source."
        yield Diagnosis("clock", "warning", f"the server's clock is {skew:+.0f} s away from this machine's", remedy)
    else:
        yield Diagnosis("clock", "ok", "as this machine's")


def _lock_holder(server: Server) -> Iterator[Diagnosis]:
    rows = server.session.rows(
        "select name, comment from system.tables where database = currentDatabase()"
        f" and startsWith(name, {literal(lock.LOCK)})"
    )
    for name, comment in rows:
        remedy = f"Without a sign of life for {lock.STALE:.0f} s it is taken over by the next run."
        yield Diagnosis("lock", "warning", f"{name}: {comment.rpartition(',')[0]}", remedy)
    if not rows:
        yield Diagnosis("lock", "ok", "free")


def _migrations(server: Server) -> Iterator[Diagnosis]:
    plan = make_plan(server.files, read_applied(server), "all")
    if plan.pending:
        names = ", ".join(file.name for file in plan.pending)
        yield Diagnosis("migrations", "error", f"pending: {names}", "Run `analytics-migrate all`.")
    else:
        yield Diagnosis("migrations", "ok", f"{len(server.files)} applied")


def _refreshes(server: Server) -> Iterator[Diagnosis]:
    now = rollups.now(server)
    for rollup in rollups.read(server):
        stored = rollups.stored(server, rollup.rollup)
        if stored.until is None:
            if rollup.rollup in refresh.waiting(server):
                remedy = "Run `analytics-migrate backfill`."
                yield Diagnosis(f"refresh of {rollup.aggregate}", "warning", "nothing is stored yet", remedy)
            continue
        late = now - stored.at > 2 * rollup.every + _LATE
        state = f"stored until {_minute(stored.until)}, refreshed at {_minute(stored.at)}"
        remedy = "Let `analytics-migrate maintain --loop` run." if late else ""
        yield Diagnosis(f"refresh of {rollup.aggregate}", "warning" if late else "ok", state, remedy)


def _minute(micros: int) -> str:
    return f"{moment_of(micros):%Y-%m-%d %H:%M} UTC"


def _letters_waiting(server: Server) -> Iterator[Diagnosis]:
    count = server.session.value(f"select count() from {quoted(server.letters)} where replayed_at is null")
    remedy = "Run `analytics-migrate dead-letters list`." if count else ""
    yield Diagnosis("dead letters", "warning" if count else "ok", f"{count} wait", remedy)


def _parts(server: Server) -> Iterator[Diagnosis]:
    count = server.session.value(
        "select max(parts) from (select count() as parts from system.parts where database = currentDatabase()"
        f" and table = {literal(server.stored)} and active group by partition_id)"
    )
    if count > _MANY_PARTS:
        remedy = (
            "Let fewer workers write larger batches: put the ingestion service between small programs and ClickHouse."
        )
        yield Diagnosis("parts", "warning", f"{count} in one partition of {server.stored}", remedy)
    else:
        yield Diagnosis("parts", "ok", f"{count} in one partition of {server.stored} at most")


def _durability(server: Server) -> Iterator[Diagnosis]:
    query = server.session.value(
        "select create_table_query from system.tables where database = currentDatabase()"
        f" and name = {literal(server.stored)}"
    )
    if server.on_cluster or "fsync_after_insert = 1" in query or _everywhere(server):
        yield Diagnosis("durability", "ok", "an answered insert survives a power cut")
    else:
        remedy = f"`alter table {quoted(server.stored)} modify setting fsync_after_insert = 1`, or use replicas."
        yield Diagnosis("durability", "warning", "the last seconds before a power cut may be lost", remedy)


def _everywhere(server: Server) -> bool:
    value = server.session.value("select value from system.merge_tree_settings where name = 'fsync_after_insert'")
    return str(value) == "1"


_CHECKS: Final = (_clock, _lock_holder, _migrations)
_CHECKS_OF_TABLES: Final = (_refreshes, _letters_waiting, _parts, _durability)
