"""What is measured on each backend."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from adi_analytics import migrate
from load import load

# Segment and order columns to try; the first is what `analytics-codegen generate` writes.
SETTINGS = (
    ("event_type", '"timestamp" desc, event_id'),
    ("event_type", 'event_id, "timestamp"'),
    ("event_type, service", '"timestamp" desc, event_id'),
    ("", '"timestamp" desc, event_id'),
    ("", 'event_type, "timestamp" desc, event_id'),
    ("event_type", 'user_id, "timestamp" desc, event_id'),
    ("", 'user_id, event_type, "timestamp" desc, event_id'),
    ("", 'user_id, "timestamp" desc, event_id'),
)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Bytes a row, and milliseconds; those of a refresh are microseconds a row."""

    backend: str
    settings: str
    size: float
    table: float
    hour: float
    person: float
    refresh: float | None = None


def measure_plain(dsn: str, events: Path) -> list[Figures]:
    """Measure a table without compression, and with each method for values that are too long for a page."""
    made = []
    for method in ("pglz", "lz4"):
        migrate.apply(options=_options(dsn, "postgres"))
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("call analytics_meta.prepare_storage(null)")
            connection.execute("truncate analytics_events")
            parts = [row[0] for row in connection.execute("select part::text from analytics_meta.raw_ranges()")]
            for table in ["analytics_events", *parts]:
                try:
                    connection.execute(f"alter table {table} alter column data set compression {method}".encode())
                except psycopg.errors.FeatureNotSupported:
                    return made  # a server without lz4
            load(connection, events)
        migrate.maintain(_options(dsn))
        refresh = _seconds(lambda: migrate.refresh(rebuild=True, options=_options(dsn)))
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("vacuum full analytics_events")
            connection.execute("analyze analytics_events")
            rows = _count(connection)
            size, table = connection.execute(
                "select sum(pg_total_relation_size(relid)), sum(pg_table_size(relid))"
                " from pg_partition_tree('analytics_events') where isleaf"
            ).fetchone()  # type: ignore[misc]  # one row
            made.append(
                Figures(
                    backend="postgres", settings=f"not compressed, toast by {method}", size=float(size) / rows,
                    table=float(table) / rows, refresh=refresh / rows * 1e6, **_reads(connection),
                )
            )  # fmt: skip
    return made


def measure_timescale(dsn: str, events: Path) -> list[Figures]:
    """Measure a hypertable as it is, and compressed by each of SETTINGS, without and with its compression of UUIDs."""
    migrate.apply(options=_options(dsn))
    with psycopg.connect(dsn, autocommit=True) as connection:
        load(connection, events)
    refresh = _seconds(lambda: migrate.refresh(rebuild=True, options=_options(dsn)))
    made = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("vacuum analyze analytics_events")
        rows = _count(connection)
        size, table = _size(connection)
        made.append(
            Figures(
                backend="timescaledb", settings="not compressed", size=size / rows, table=table / rows,
                refresh=refresh / rows * 1e6, **_reads(connection),
            )
        )  # fmt: skip
        made += [_compressed(connection, segment, order, "off", "pglz") for segment, order in SETTINGS]
        for uuids, method in (("on", "pglz"), ("off", "lz4"), ("on", "lz4")):
            for segment, order in (SETTINGS[0], SETTINGS[-1]):
                made.append(_compressed(connection, segment, order, uuids, method))
    return made


def _compressed(connection: psycopg.Connection, segment: str, order: str, uuids: str, method: str) -> Figures:
    connection.execute("select decompress_chunk(c, true) from show_chunks('analytics_events') c")
    connection.execute(f"set timescaledb.enable_uuid_compression = {uuids}".encode())
    connection.execute(f"set default_toast_compression = {method}".encode())
    connection.execute(
        f"alter table analytics_events set (timescaledb.compress, timescaledb.compress_segmentby = '{segment}',"
        f" timescaledb.compress_orderby = '{order}')".encode()
    )
    connection.execute("select compress_chunk(c) from show_chunks('analytics_events') c")
    connection.execute("vacuum analyze analytics_events")
    rows, (size, table) = _count(connection), _size(connection)
    more = [", UUID compression"] * (uuids == "on") + [", lz4"] * (method == "lz4")
    settings = f"segments by {segment or 'nothing'}, order {order.replace(chr(34), '')}{''.join(more)}"
    return Figures(backend="timescaledb", settings=settings, size=size / rows, table=table / rows, **_reads(connection))


def _options(dsn: str, backend: str | None = None) -> migrate.Options:
    return migrate.Options(database_url=dsn, catalog="adi_analytics_events", backend=backend)


def _count(connection: psycopg.Connection) -> int:
    row = connection.execute("select count(*) from analytics_events").fetchone()
    return int(row[0]) if row else 0


def _size(connection: psycopg.Connection) -> tuple[float, float]:
    row = connection.execute(
        "select sum(total_bytes), sum(table_bytes + toast_bytes) from chunks_detailed_size('analytics_events')"
    ).fetchone()
    return (float(row[0]), float(row[1])) if row else (0.0, 0.0)


_HOUR = """
select count(*), percentile_cont(0.95) within group (order by (data ->> 'duration_ms')::int) from analytics_events
where event_type = 'api_request'
    and "timestamp" >= %(at)s::timestamptz and "timestamp" < %(at)s::timestamptz + interval '1 hour'
"""


def _reads(connection: psycopg.Connection) -> dict[str, float]:
    """Return the milliseconds that one hour of one event type takes, and all rows of one person."""
    row = connection.execute(
        """select date_trunc('day', min("timestamp")) + interval '34 hours', min(user_id::text) from analytics_events"""
    ).fetchone()
    at, person = row or (None, None)
    hour = min(_seconds(lambda: connection.execute(_HOUR, {"at": at}).fetchall()) for _ in range(5))
    own = "select count(data) from analytics_events where user_id = %s"
    rows = min(_seconds(lambda: connection.execute(own, [person]).fetchall()) for _ in range(3))
    return {"hour": hour * 1e3, "person": rows * 1e3}


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
