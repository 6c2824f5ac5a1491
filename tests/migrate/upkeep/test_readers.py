"""A reader that stays does not stop the housekeeping, and the housekeeping does not stop readers."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from adi_analytics import migrate
from support.migrating import Target, connect, counted, execute, insert_events, truth, value
from support.upkeep import NOW, insert_late

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

READ = "select count(*) from analytics_events"
MARKS = "select count(*) from analytics_meta.late_buckets"
WAITING = "select count(*) from analytics_events_default"


@contextmanager
def reader(dsn: str) -> Iterator[None]:
    """Keep a transaction open that has read the table."""
    with connect(dsn) as connection, connection.transaction():
        connection.execute(READ)
        yield


def maintain(dsn: str) -> None:
    (note,) = migrate.maintain(migrate.Options(database_url=dsn)).notes
    assert "partitions wait: another session works with" in note


def call_maintain(dsn: str) -> None:
    execute(dsn, "call analytics_meta.maintain()")


@pytest.mark.parametrize("work", [maintain, call_maintain])
def test_a_long_reader_stops_only_the_partitions(migrated_dsn: str, work: Callable[[str], None]) -> None:
    target = Target("postgres", migrated_dsn)
    insert_events(migrated_dsn, 300)
    insert_late(target, NOW - timedelta(days=20))

    with reader(migrated_dsn):
        work(migrated_dsn)

        assert counted(migrated_dsn) == truth(migrated_dsn)
        assert value(migrated_dsn, MARKS) == 0
        assert (
            value(migrated_dsn, "select count(*) from analytics_meta.aggregates where active and refreshed_at is null")
            == 0
        )
        assert value(migrated_dsn, WAITING) > 0

    assert migrate.maintain(target.options).notes == ()
    assert value(migrated_dsn, WAITING) == 0


@pytest.mark.parametrize("work", [maintain, call_maintain])
def test_readers_do_not_queue_behind_the_housekeeping(migrated_dsn: str, work: Callable[[str], None]) -> None:
    """A lock that waits for one reader makes all later ones wait."""
    insert_events(migrated_dsn, 300)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work(migrated_dsn)
        except BaseException as error:  # noqa: BLE001 - shown below
            failed.append(error)

    with reader(migrated_dsn), connect(migrated_dsn) as dashboard:
        dashboard.execute("set lock_timeout = '3s'")
        thread = threading.Thread(target=run)
        thread.start()
        while thread.is_alive():
            assert dashboard.execute(READ).fetchone() == (300,)
        thread.join()
    assert failed == []


def test_rows_that_expire_wait_for_a_reader(migrated_dsn: str) -> None:
    target = Target("postgres", migrated_dsn)
    insert_events(migrated_dsn, 600)
    migrate.maintain(target.options)
    execute(migrated_dsn, "update analytics_meta.storage set retention = '10 days'")
    before = counted(migrated_dsn)

    with reader(migrated_dsn):
        result = migrate.maintain(target.options)
        assert result.expired == 0
        assert "rows that retention has passed wait" in result.notes[0]

    result = migrate.maintain(target.options)
    assert result.expired > 0
    assert result.notes == ()
    assert counted(migrated_dsn) == before


def test_partitions_reach_days_ahead_whatever_their_width(migrated_dsn: str) -> None:
    execute(migrated_dsn, "update analytics_meta.storage set chunk_interval = '12 hours'")

    migrate.maintain(migrate.Options(database_url=migrated_dsn))

    ahead = "select max(to_time) - now() from analytics_meta.raw_ranges()"
    assert value(migrated_dsn, ahead) > timedelta(days=3)


def test_an_aggregate_that_fails_stops_no_other(migrated_dsn: str) -> None:
    target = Target("postgres", migrated_dsn)
    insert_events(migrated_dsn, 100)
    execute(migrated_dsn, "drop function analytics_api_latency_hourly_v1_rows cascade")

    with pytest.raises(Exception, match="analytics_api_latency_hourly_v1_rows"):
        migrate.maintain(target.options)
    assert counted(migrated_dsn) == truth(migrated_dsn)
    refreshed = "select count(*) from analytics_meta.aggregates where refreshed_at is not null"
    assert value(migrated_dsn, refreshed) == 9

    execute(migrated_dsn, "update analytics_meta.aggregates set refreshed_at = null", "call analytics_meta.maintain()")
    assert value(migrated_dsn, refreshed) == 9
