"""A role that has a reader's rights, and no others, asks."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import psycopg
import pytest
from adi_analytics import migrate
from adi_analytics.query import query
from support.aggregates.streams import START

READER = "reads_only"


@pytest.mark.timescaledb
def test_a_reader_asks_without_a_right_to_the_members(timescale_migrated_dsn: str) -> None:
    with psycopg.connect(timescale_migrated_dsn, autocommit=True) as connection:
        with contextlib.suppress(psycopg.errors.DuplicateObject):
            connection.execute(f"create role {READER} login".encode())
        migrate.apply(options=migrate.Options(database_url=timescale_migrated_dsn, grant_reader=READER))

        def answer() -> list[tuple[object, ...]]:
            found = query(
                "analytics_daily_active_users",
                measures=["total_events"],
                between=(START, START + timedelta(days=3)),
                database=connection,
                catalog="adi_analytics_events",
            )
            return list(found.rows)

        as_owner = answer()
        connection.execute(f"set role {READER}".encode())
        assert answer() == as_owner
