"""The events, as a file for COPY."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import psycopg
from adi_analytics import AnalyticsClient, migrate
from stream import Stream

COLUMNS = '"timestamp", event_type, service, user_id, data, event_id, meta'

# The client makes ids of the version 7 from its clock; here that is the event's time, not the time of this run.
_TO_FILE = """
copy (
    select "timestamp", event_type, service, user_id, data,
           (lpad(to_hex((extract(epoch from "timestamp") * 1000)::bigint), 12, '0')
            || substr(replace(event_id::text, '-', ''), 13))::uuid as event_id, meta
    from analytics_events order by "timestamp"
) to stdout
"""


def events_file(dsn: str, count: int, days: int, until: dt.datetime, folder: Path) -> Path:
    """Send the demo's events through the client and worker, and return what they stored, as a file for COPY."""
    migrate.apply(options=migrate.Options(database_url=dsn, catalog="adi_analytics_events"))
    sent = Stream(seed=1, now=until, days=days, users=count // 200 or 20).events(count)
    with AnalyticsClient.connect(
        dsn, service="demo", when_full="block", block_timeout=60, hash_key="demo" * 8, hostname="web-1",
        environment="production",
    ) as client:  # fmt: skip
        for at, event in sent:
            client.track(event, timestamp=at)
        if not client.flush(timeout=600).ok:
            raise SystemExit("not everything was delivered")
    path = folder / "events.copy"
    with psycopg.connect(dsn) as connection, connection.cursor().copy(_TO_FILE) as copy, path.open("wb") as file:
        file.writelines(copy)
    return path


def load(connection: psycopg.Connection, events: Path) -> None:
    """Copy the events in *events* into the table."""
    copied = connection.cursor().copy(f"copy analytics_events ({COLUMNS}) from stdin")
    with copied as copy, events.open("rb") as file:
        while part := file.read(1 << 20):
            copy.write(part)
