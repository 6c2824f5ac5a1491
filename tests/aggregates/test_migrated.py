"""The seven in a database that the migrations made, kept up to date by the commands that operators run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from adi_analytics.migrate.cli.main import main
from adi_analytics_codegen.backends.sql.manifest.document import manifest
from adi_analytics_codegen.check.catalog import load_catalog
from support.aggregates.installed import Installed, connect
from support.aggregates.streams import START, stream
from support.backends import BACKENDS, migrated_dsn
from support.paths import EVENTS

CATALOG = load_catalog(EVENTS)
RECENT = (datetime.now(UTC) - START) // timedelta(days=1) * timedelta(days=1) - timedelta(days=39)


def stream_until_now():
    """Return forty days of rows that end today: inside the retention, so that no chunk is dropped meanwhile."""
    rows = stream(CATALOG, days=40, seed=9)
    return [replace_time(row) for row in rows if row.timestamp + RECENT < datetime.now(UTC)]


def replace_time(row):
    return type(row)(row.timestamp + RECENT, row.event_type, row.data, row.user_id, row.service, row.event_id)


@pytest.fixture(params=BACKENDS)
def migrated(request):
    dsn = migrated_dsn(request.param, request)
    run = ["--database-url", dsn, "--backend", request.param]
    with connect(dsn) as connection:
        yield Installed(connection, CATALOG, request.param, manifest(CATALOG)), run


def test_refresh_changes_nothing_that_readers_see(migrated):
    installed, run = migrated
    rows = stream_until_now()
    installed.insert(rows)
    installed.check(rows)
    assert main(["refresh", *run]) == 0
    installed.check(rows)


def test_late_rows_reach_the_aggregates_through_their_marks(migrated):
    """Of the days that maintenance computes: one that was over less than the lag ago waits for its turn."""
    installed, run = migrated
    today = (datetime.now(UTC) - timedelta(hours=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = [row for row in stream_until_now() if row.timestamp < today]
    early, late = rows[1::2], rows[::2]
    installed.insert(early)
    assert main(["refresh", *run]) == 0
    installed.insert(late)
    hours = {row.timestamp.replace(minute=0, second=0, microsecond=0) for row in late}
    for hour in sorted(hours):
        installed.connection.execute("insert into analytics_meta.late_buckets (bucket) values (%s)", [hour])
    assert main(["maintain", *run]) == 0
    installed.check(rows)
    assert installed.connection.execute("select count(*) from analytics_meta.late_buckets").fetchone() == (0,)
