"""Housekeeping: partitions, refreshes, late events, retention, two at once."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from adi_analytics import migrate
from adi_analytics.migrate import UsageError
from adi_analytics.migrate.upkeep import maintain as upkeep
from support.migrating import (
    Document,
    Target,
    connect,
    counted,
    execute,
    insert_events,
    project,
    rows,
    run,
    truth,
    value,
)

if TYPE_CHECKING:
    from pathlib import Path


def insert(target: Target, at: datetime, event: str = "task_created", count: int = 1) -> None:
    with connect(target.dsn) as connection:
        connection.execute(
            'insert into analytics_events ("timestamp", event_type, service, data, event_id)'
            " select %s, %s, 's', '{}', gen_random_uuid() from generate_series(1, %s)",
            [at, event, count],
        )


def insert_late(target: Target, at: datetime) -> None:
    """What the worker does with an event that is older than `late_after`."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    with connect(target.dsn) as connection, connection.transaction():
        connection.execute(
            'insert into analytics_events ("timestamp", event_type, service, data, event_id)'
            " values (%s, 'task_created', 's', '{}', gen_random_uuid())",
            [at],
        )
        connection.execute(
            "insert into analytics_meta.late_buckets (bucket) values (%s) on conflict (bucket) do"
            " update set marked_at = now()",
            [hour],
        )


def force(target: Target) -> migrate.MaintainResult:
    return migrate.maintain(target.options, forced=True)


NOW = datetime.now(UTC)


def test_views_are_right_before_any_refresh(migrated: Target) -> None:
    insert_events(migrated.dsn)

    assert counted(migrated.dsn) == truth(migrated.dsn)


def test_views_are_right_after_each_step(migrated: Target) -> None:
    insert_events(migrated.dsn, 1000)
    assert force(migrated).refreshed
    assert counted(migrated.dsn) == truth(migrated.dsn)

    insert(migrated, NOW)  # the real-time tail
    assert counted(migrated.dsn) == truth(migrated.dsn)

    insert(migrated, NOW - timedelta(hours=30))  # in the window, below the watermark
    force(migrated)
    assert counted(migrated.dsn) == truth(migrated.dsn)


def test_late_events_reach_the_aggregates(migrated: Target) -> None:
    insert_events(migrated.dsn)
    force(migrated)
    insert_late(migrated, NOW - timedelta(days=20, hours=5))
    insert_late(migrated, NOW - timedelta(days=20, hours=4))
    insert_late(migrated, NOW - timedelta(days=9))
    assert counted(migrated.dsn) != truth(migrated.dsn)

    result = migrate.maintain(migrated.options)

    assert result.late_hours == 3
    assert result.late_hours_lost == 0
    assert counted(migrated.dsn) == truth(migrated.dsn)
    assert value(migrated.dsn, "select count(*) from analytics_meta.late_buckets") == 0


def test_late_events_reach_every_bucket_of_a_marked_hour(target: Target, tmp_path: Path) -> None:
    def add(document: Document) -> None:
        for minutes in (5, 45):
            document["aggregates"][f"tasks_{minutes}"] = {
                "description": "Tasks.",
                "from": ["task_created"],
                "bucket": {"as": "at", "width": f"{minutes} minutes"},
                "measures": {"created": {"count": True}},
                "refresh": {"every": "15 minutes", "window": "6 hours", "lag": "15 minutes"},
            }

    made = project(tmp_path / "project", add)
    target.apply(made)
    options = made.options(target.dsn, backend=target.options.backend)
    day = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=9)
    insert(target, day)
    insert(target, day + timedelta(days=1))
    migrate.maintain(options, forced=True)
    insert_late(target, day + timedelta(hours=8, minutes=7))
    insert_late(target, day + timedelta(hours=8, minutes=59))

    migrate.maintain(options)

    for minutes, wanted in ((5, [0, 485, 535, 1440]), (45, [0, 450, 495, 1440])):
        found = rows(target.dsn, f"select at from tasks_{minutes} where created = 1 order by at")
        assert [at for (at,) in found] == [day + timedelta(minutes=offset) for offset in wanted]


def test_a_mark_that_is_renewed_meanwhile_stays(migrated_dsn: str) -> None:
    target = Target("postgres", migrated_dsn)
    insert_events(migrated_dsn)
    force(target)
    late = NOW - timedelta(days=20)
    insert_late(target, late)
    with connect(migrated_dsn) as other, connect(migrated_dsn) as worker:
        # A worker has marked the hour again and not committed yet: the delete of the mark must wait and then leave it.
        with worker.transaction():
            worker.execute("update analytics_meta.late_buckets set marked_at = clock_timestamp()")
            worker.execute(
                'insert into analytics_events ("timestamp", event_type, service, data, event_id)'
                " values (%s, 'task_created', 's', '{}', gen_random_uuid())",
                [late],
            )
            upkeep = threading.Thread(target=migrate.maintain, args=(target.options,))
            upkeep.start()
            while other.execute("select count(*) from pg_locks where not granted").fetchone() != (1,):
                pass
        upkeep.join()

    assert value(migrated_dsn, "select count(*) from analytics_meta.late_buckets") == 1
    migrate.maintain(target.options)
    assert counted(migrated_dsn) == truth(migrated_dsn)


def test_late_events_below_the_raw_rows_take_nothing_away(migrated: Target) -> None:
    insert_events(migrated.dsn)
    force(migrated)
    migrate.refresh(options=migrated.options)
    before = counted(migrated.dsn)
    execute(migrated.dsn, "update analytics_meta.storage set retention = '20 days'")
    if migrated.backend == "timescaledb":
        execute(migrated.dsn, "select drop_chunks('analytics_events', now() - interval '20 days')")
    else:
        execute(migrated.dsn, "call analytics_meta.prepare_storage(null)", "call analytics_meta.expire_storage(null)")
    assert min(truth(migrated.dsn)) > min(before)

    insert_late(migrated, NOW - timedelta(days=30))
    result = force(migrated)
    migrate.refresh(options=migrated.options)
    migrate.refresh(since=NOW - timedelta(days=400), options=migrated.options)

    assert (result.late_hours, result.late_hours_lost) == (1, 1)
    assert counted(migrated.dsn) == before


def test_refresh_takes_a_range_and_names(migrated: Target) -> None:
    insert_events(migrated.dsn)
    force(migrated)
    insert(migrated, NOW - timedelta(days=20))
    insert(migrated, NOW - timedelta(days=10))

    result = migrate.refresh(
        ["analytics_task_stats_daily"], since=NOW - timedelta(days=12), until=NOW - timedelta(days=8),
        options=migrated.options,
    )  # fmt: skip

    (refreshed,) = result.refreshed
    assert refreshed.rollup == "analytics_task_stats_daily_v1"
    wrong = {day for day, found in counted(migrated.dsn).items() if found != truth(migrated.dsn)[day]}
    assert wrong == {(NOW - timedelta(days=20)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)}
    migrate.refresh(options=migrated.options)
    assert counted(migrated.dsn) == truth(migrated.dsn)


def test_refresh_says_what_is_wrong(migrated_dsn: str) -> None:
    options = migrate.Options(database_url=migrated_dsn)
    with pytest.raises(UsageError, match="no aggregate nonsense"):
        migrate.refresh(["nonsense"], options=options)
    with pytest.raises(UsageError, match="has no time zone"):
        migrate.refresh(since=datetime(2026, 1, 1), options=options)  # noqa: DTZ001 - what is wrong
    assert run("refresh", "nonsense", "--database-url", migrated_dsn).code == 2


def test_upkeep_of_an_empty_database_says_so(postgres_dsn: str) -> None:
    for command in ("refresh", "maintain", "backfill"):
        ended = run(command, "--database-url", postgres_dsn)
        assert ended.code == 5
        assert "Run `analytics-migrate all` first" in ended.err


def test_a_long_pause_leaves_no_gap(migrated: Target) -> None:
    """Nobody did the housekeeping for longer than any window."""
    insert_events(migrated.dsn, 1000)
    force(migrated)
    execute(
        migrated.dsn,
        "update analytics_meta.aggregates set refreshed_at = refreshed_at - interval '20 days'",
        "update analytics_meta.rollups set watermark = watermark - interval '20 days'"
        if migrated.backend != "timescaledb"
        else "select 1",
    )
    insert(migrated, NOW - timedelta(days=15))  # it was in the window when it came

    force(migrated)

    assert counted(migrated.dsn) == truth(migrated.dsn)


@pytest.mark.timescaledb
def test_what_the_policies_passed_over_is_computed(timescale_migrated_dsn: str) -> None:
    target = Target("timescaledb", timescale_migrated_dsn)
    # Says that a scheduler runs; the tests run its jobs.
    execute(
        target.dsn,
        "create or replace function analytics_meta.needs_refreshing() returns boolean language sql stable"
        " as 'select false'",
    )
    policies = "select job_id from timescaledb_information.jobs where proc_name like '%refresh_continuous_aggregate'"

    for pause in (0, 20):
        # Of 25 days at first, and then of those of the pause; written past the worker, so there are no marks.
        insert_events(target.dsn, 700 if pause else 1000)
        execute(
            target.dsn,
            f"update analytics_meta.aggregates set refreshed_at = refreshed_at - interval '{pause} days'",
        )
        execute(target.dsn, *(f"call run_job({job})" for (job,) in rows(target.dsn, policies)))
        assert counted(target.dsn) != truth(target.dsn)

        assert migrate.maintain(target.options).refreshed

        assert counted(target.dsn) == truth(target.dsn)


def test_what_is_not_due_is_left_alone(migrated: Target) -> None:
    insert_events(migrated.dsn, 100)
    force(migrated)

    assert migrate.maintain(migrated.options).refreshed == ()


def test_two_at_once_do_no_harm(migrated_dsn: str) -> None:
    target = Target("postgres", migrated_dsn)
    insert_events(migrated_dsn)
    results: list[migrate.MaintainResult] = []
    errors: list[BaseException] = []

    def one() -> None:
        try:
            results.append(force(target))
            migrate.refresh(options=target.options)
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert any(result.ran for result in results)
    assert counted(migrated_dsn) == truth(migrated_dsn)


def test_a_second_maintain_leaves_at_once(migrated_dsn: str) -> None:
    with connect(migrated_dsn) as other:
        other.execute("select pg_advisory_lock(%s, %s)", upkeep.MAINTAIN_KEYS)

        assert not migrate.maintain(migrate.Options(database_url=migrated_dsn)).ran
        ended = run("maintain", "--database-url", migrated_dsn)

    assert ended.code == 0
    assert "another maintain is running" in ended.out


def test_the_procedure_for_pg_cron_does_the_same(migrated: Target) -> None:
    insert_events(migrated.dsn)
    insert_late(migrated, NOW - timedelta(days=20))

    execute(migrated.dsn, "call analytics_meta.maintain()")

    assert counted(migrated.dsn) == truth(migrated.dsn)
    assert value(migrated.dsn, "select count(*) from analytics_meta.late_buckets") == 0
    if migrated.backend == "postgres":
        assert value(migrated.dsn, "select count(*) from analytics_events_default") == 0
    assert migrate.drift(migrated.options).findings == ()


def test_pg_cron_that_is_not_there_is_explained(migrated_dsn: str) -> None:
    ended = run("maintain", "--install-pg-cron", "--database-url", migrated_dsn)

    assert ended.code == 2
    assert "create extension pg_cron" in ended.err


def test_pg_cron_calls_the_procedure() -> None:
    """A job is made once, and its command does the housekeeping. The DSN names cron.database_name of its server."""
    dsn = os.environ.get("ADI_ANALYTICS_TEST_PG_CRON_DSN")
    if dsn is None:
        pytest.skip("ADI_ANALYTICS_TEST_PG_CRON_DSN names no database with pg_cron: no wheel has the extension")
    options = migrate.Options(database_url=dsn, backend="postgres")
    migrate.apply(options=options)
    insert_events(dsn, 100)

    first, second = migrate.install_pg_cron("* * * * *", options), migrate.install_pg_cron("*/5 * * * *", options)

    assert first == second
    ((command, schedule),) = rows(dsn, "select command, schedule from cron.job")
    assert schedule == "*/5 * * * *"
    execute(dsn, command)
    assert counted(dsn) == truth(dsn)


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


def test_the_loop_goes_on_after_a_failure(migrated_dsn: str) -> None:
    told: list[object] = []
    execute(migrated_dsn, "alter procedure analytics_meta.work_marks(integer, integer) rename to gone")

    def sleep(_: float) -> None:
        execute(migrated_dsn, "alter procedure analytics_meta.gone(integer, integer) rename to work_marks")

    migrate.maintain_loop(migrate.Options(database_url=migrated_dsn), rounds=2, report=told.append, sleep=sleep)

    assert isinstance(told[0], Exception)
    assert isinstance(told[1], migrate.MaintainResult)


def test_all_backends_give_the_same_answers(migrated_dsn: str, timescale_migrated_dsn: str) -> None:
    """Stored buckets, late events and the real-time tail: each public view, row by row."""
    found = []
    for target in (Target("postgres", migrated_dsn), Target("timescaledb", timescale_migrated_dsn)):
        with connect(target.dsn) as connection:
            connection.execute(
                """insert into analytics_events ("timestamp", event_type, service, user_id, data, event_id)
                select %(now)s::timestamptz - g * interval '13 minutes',
                    (array['task_created', 'task_completed', 'api_request', 'auth_login_attempt', 'application_error',
                           'integration_used', 'cocoon_disconnected'])[1 + g %% 7],
                    's' || g %% 3, md5((g %% 11)::text)::uuid,
                    jsonb_build_object('duration_ms', g %% 977, 'endpoint', '/x' || g %% 2, 'method', 'GET',
                        'provider', 'p', 'status_code', 200 + g %% 400, 'success', g %% 2 = 0, 'error_type', 'E',
                        'error_message', 'm' || g,
                        'duration_seconds', g, 'cocoon_id', md5((g %% 5)::text)::uuid),
                    md5('event ' || g)::uuid
                from generate_series(1, 3000) g""",
                {"now": NOW.replace(minute=0, second=0, microsecond=0)},
            )
        force(target)
        insert_late(target, NOW.replace(minute=0) - timedelta(days=5))
        migrate.maintain(target.options)
        views = rows(
            target.dsn,
            "select viewname from pg_views where schemaname = 'public' and viewname ~"
            " '(daily|hourly|users)(_distribution)?$'"
            " and viewname !~ '_v1'"
            " order by 1",
        )
        assert len(views) >= 7
        found.append({name: sorted(map(repr, _rows(target, name))) for (name,) in views})

    assert found[0] == found[1]


test_all_backends_give_the_same_answers = pytest.mark.timescaledb(test_all_backends_give_the_same_answers)


def _rows(target: Target, view: str) -> list[tuple[object, ...]]:
    with connect(target.dsn) as connection:
        found = connection.execute(f"select * from {view}".encode()).fetchall()
    return [tuple(cell.astimezone(UTC) if isinstance(cell, datetime) else cell for cell in row) for row in found]


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
