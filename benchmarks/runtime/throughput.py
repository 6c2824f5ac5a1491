"""End-to-end events per second into ``analytics_events`` with all its indexes, one connection.

Each method gets the same event objects. All but the pre-encoded COPY turn them into rows while the clock runs; the
pre-encoded COPY sends bytes made before, and so shows what the server alone can take.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import itertools
import json
import struct
import time
from typing import TYPE_CHECKING, Any

import asyncpg
import psycopg
import uuid_utils.compat
from adi_analytics import AnalyticsClient, events
from workload import endless_events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

COLUMNS = ("timestamp", "event_type", "service", "user_id", "data", "event_id", "meta")
NAMES = ", ".join(f'"{column}"' for column in COLUMNS)
COPY = f"copy analytics_events ({NAMES}) from stdin (format binary)"
SIGNATURE = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
TRAILER = struct.pack(">h", -1)
META = json.dumps({"hostname": "bench", "environment": "production", "version": 1})


def ours(dsn: str, sent: Sequence[events.AnyEvent], batch: int) -> float:
    client = AnalyticsClient.connect(dsn, service="bench", max_queue=len(sent) + 1, max_batch=batch)
    client.track(sent[0])  # connects the worker, as the other methods are connected when their clock starts
    assert client.flush(timeout=60.0).ok
    _empty(dsn)
    start = time.perf_counter()
    for event in sent:
        client.track(event)
    result = client.flush(timeout=3600.0)
    seconds = time.perf_counter() - start
    assert result.ok, result
    client.close()
    return seconds


def insert_of_many_values(dsn: str, sent: Sequence[events.AnyEvent], batch: int) -> float:
    """What the library that we replace did: one INSERT with a hundred rows of parameters, one transaction each."""
    values = ", ".join(["(" + ", ".join(["%s"] * len(COLUMNS)) + ")"] * batch)

    def write(connection: psycopg.Connection[Any], rows: list[tuple[Any, ...]]) -> None:
        query = f"insert into analytics_events ({NAMES}) values {values}"
        connection.execute(query, list(itertools.chain.from_iterable(rows)))

    return _by_psycopg(dsn, sent, batch, write)


def executemany(dsn: str, sent: Sequence[events.AnyEvent], batch: int) -> float:
    query = f"insert into analytics_events ({NAMES}) values ({', '.join(['%s'] * len(COLUMNS))})"

    def write(connection: psycopg.Connection[Any], rows: list[tuple[Any, ...]]) -> None:
        connection.cursor().executemany(query, rows)

    return _by_psycopg(dsn, sent, batch, write)


def asyncpg_copy(dsn: str, sent: Sequence[events.AnyEvent], batch: int) -> float:
    async def run() -> float:
        connection = await asyncpg.connect(dsn)
        start = time.perf_counter()
        for chunk in _chunks(sent, batch):
            records = [_row(event) for event in chunk]
            await connection.copy_records_to_table("analytics_events", records=records, columns=COLUMNS)
        seconds = time.perf_counter() - start
        await connection.close()
        return seconds

    return asyncio.run(run())


def encoded_copy(dsn: str, sent: Sequence[events.AnyEvent], batch: int) -> float:
    payloads = [
        SIGNATURE + b"".join(_encoded(_row(event)) for event in chunk) + TRAILER for chunk in _chunks(sent, batch)
    ]
    with psycopg.connect(dsn) as connection:
        start = time.perf_counter()
        for payload in payloads:
            with connection.cursor() as cursor, cursor.copy(COPY) as copy:
                copy.write(payload)
            connection.commit()
        return time.perf_counter() - start


METHODS: dict[str, tuple[Callable[[str, Sequence[events.AnyEvent], int], float], int]] = {
    "adi-analytics (default)": (ours, 5000),
    "adi-analytics, batches of 100": (ours, 100),
    "INSERT of 100 rows (original)": (insert_of_many_values, 100),
    "executemany, 100 rows": (executemany, 100),
    "asyncpg COPY, 100 rows": (asyncpg_copy, 100),
    "asyncpg COPY, 5000 rows": (asyncpg_copy, 5000),
    "pre-encoded COPY, 100 rows": (encoded_copy, 100),
    "pre-encoded COPY, 5000 rows": (encoded_copy, 5000),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--events", type=int, required=True)
    options = parser.parse_args()
    method, batch = METHODS[options.method]
    sent = list(itertools.islice(endless_events(), options.events - options.events % batch or batch))
    _empty(options.dsn)
    seconds = method(options.dsn, sent, batch)
    with psycopg.connect(options.dsn) as connection:
        (stored,) = connection.execute("select count(*) from analytics_events").fetchone() or (0,)
    assert stored == len(sent), f"{stored} of {len(sent)} events arrived"
    print(json.dumps({"events": len(sent), "seconds": seconds, "rate": len(sent) / seconds}))


def _by_psycopg(
    dsn: str,
    sent: Sequence[events.AnyEvent],
    batch: int,
    write: Callable[[psycopg.Connection[Any], list[tuple[Any, ...]]], None],
) -> float:
    with psycopg.connect(dsn) as connection:
        start = time.perf_counter()
        for chunk in _chunks(sent, batch):
            write(connection, [_row(event) for event in chunk])
            connection.commit()
        return time.perf_counter() - start


def _row(event: events.AnyEvent) -> tuple[Any, ...]:
    """Return the columns of an event. The fastest JSON there is, so that the methods differ in the sending only."""
    user_id = None if event.USER_ID_FIELD is None else getattr(event, event.USER_ID_FIELD)
    service = getattr(event, "service", "bench")
    data = events.to_json(event).decode()
    return (dt.datetime.now(dt.UTC), event.EVENT_TYPE, service, user_id, data, uuid_utils.compat.uuid7(), META)


def _encoded(row: tuple[Any, ...]) -> bytes:
    """Return a row as PostgreSQL's binary COPY wants it."""
    timestamp, event_type, service, user_id, data, event_id, meta = row
    microseconds = round((timestamp.timestamp() - 946684800) * 1_000_000)  # since 2000-01-01
    fields = (
        struct.pack(">q", microseconds),
        event_type.encode(),
        service.encode(),
        None if user_id is None else user_id.bytes,
        b"\x01" + data.encode(),
        event_id.bytes,
        b"\x01" + meta.encode(),
    )
    parts = [struct.pack(">h", len(fields))]
    for field in fields:
        parts += [struct.pack(">i", -1)] if field is None else [struct.pack(">i", len(field)), field]
    return b"".join(parts)


def _chunks(sent: Sequence[events.AnyEvent], size: int) -> Iterator[Sequence[events.AnyEvent]]:
    return (sent[start : start + size] for start in range(0, len(sent), size))


def _empty(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("truncate analytics_events")
        connection.execute("checkpoint")


if __name__ == "__main__":
    main()
