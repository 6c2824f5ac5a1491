"""Partitions are made ahead of time, and dropped when their rows have expired."""

from __future__ import annotations

import threading

from adi_analytics import migrate
from support.migrating import (
    Target,
    connect,
    counted,
    execute,
    insert_events,
    rows,
    value,
)
from support.upkeep import force


def test_partitions_are_made_ahead_and_out_of_the_default_one(migrated_dsn: str) -> None:
    target = Target("postgres", migrated_dsn)
    insert_events(migrated_dsn)
    before = rows(migrated_dsn, 'select "timestamp", id, event_id, data, meta from analytics_events order by event_id')
    assert value(migrated_dsn, "select count(*) from analytics_events_default") > 0

    result = force(target)

    assert result.partitions > 40
    assert value(migrated_dsn, "select count(*) from analytics_events_default") == 0
    assert before == rows(
        migrated_dsn, 'select "timestamp", id, event_id, data, meta from analytics_events order by event_id'
    )
    assert value(migrated_dsn, "select max(to_time) > now() + interval '6 days' from analytics_meta.raw_ranges()")
    assert migrate.maintain(target.options).partitions == 0
    assert migrate.drift(target.options).findings == ()


def test_rows_of_impossible_times_stay_in_the_default_partition(migrated_dsn: str) -> None:
    target = Target("postgres", migrated_dsn)
    for at in (
        "infinity",
        "-infinity",
        "0044-03-15 12:00:00+00 BC",
        "9999-12-31 00:00:00+00",
        "1969-07-20 20:17:00+00",
    ):
        execute(
            migrated_dsn,
            'insert into analytics_events ("timestamp", event_type, service, data, event_id)'
            f" values ('{at}', 'task_created', 's', '{{}}', gen_random_uuid())",
        )
    insert_events(migrated_dsn, 100)
    execute(migrated_dsn, "update analytics_meta.storage set retention = null")

    force(target)

    assert value(migrated_dsn, "select count(*) from analytics_events_default") == 5
    assert value(migrated_dsn, "select sum(created) from analytics_task_stats_daily") == value(
        migrated_dsn,
        """select count(*) from analytics_events where event_type = 'task_created'
        and "timestamp" between '1970-01-01' and '9999-01-01'""",
    )


def test_rows_of_1970_leave_the_default_partition(migrated_dsn: str) -> None:
    """The week that 1970 begins in begins in 1969."""
    execute(
        migrated_dsn,
        "update analytics_meta.storage set chunk_interval = '7 days', retention = null",
        'insert into analytics_events ("timestamp", event_type, service, data, event_id)'
        " values ('1970-01-01 00:00:00+00', 'task_created', 's', '{}', gen_random_uuid())",
    )

    force(Target("postgres", migrated_dsn))

    assert value(migrated_dsn, "select count(*) from analytics_events_default") == 0
    assert value(migrated_dsn, "select sum(created) from analytics_task_stats_daily") == 1


def test_expired_rows_go_and_their_counts_stay(migrated: Target) -> None:
    target = migrated
    insert_events(target.dsn)
    force(target)
    before = counted(target.dsn)
    execute(target.dsn, "update analytics_meta.storage set retention = '10 days'")

    # The policy does it where the scheduler runs; no scheduler runs in these databases.
    result = force(target)

    assert result.expired > 35
    assert value(target.dsn, "select min(\"timestamp\") > now() - interval '12 days' from analytics_events")
    assert counted(target.dsn) == before


def test_nothing_expires_before_it_is_counted(migrated_dsn: str) -> None:
    insert_events(migrated_dsn)
    execute(
        migrated_dsn,
        "update analytics_meta.storage set retention = '10 days'",
        "call analytics_meta.prepare_storage(null)",
        "call analytics_meta.expire_storage(null)",
    )

    assert value(migrated_dsn, "select min(\"timestamp\") < now() - interval '12 days' from analytics_events")


def test_a_partition_that_goes_meanwhile_is_no_error(migrated_dsn: str) -> None:
    """A refresh looks at all partitions while `maintain` elsewhere drops an expired one."""
    part = value(migrated_dsn, "select part::text from analytics_meta.raw_ranges() order by from_time limit 1")
    waits = "select exists (select from pg_stat_activity where pid = %s and wait_event_type = 'Lock')"
    with connect(migrated_dsn) as dropping, connect(migrated_dsn) as looking:
        pid = looking.info.backend_pid
        found: list[str] = []

        def look() -> None:
            found.extend(row[0] for row in looking.execute("select part::text from analytics_meta.raw_ranges()"))

        thread = threading.Thread(target=look)
        with dropping.transaction():
            dropping.execute(f"drop table {part}".encode())
            thread.start()
            while not value(migrated_dsn, waits, pid):
                assert thread.is_alive()
        thread.join(30)

    assert found
    assert part not in found
