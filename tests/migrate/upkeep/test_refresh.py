"""The views are right before, between and after refreshes, late events included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from adi_analytics import migrate
from adi_analytics.migrate import UsageError
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
from support.upkeep import NOW, force, insert_late

if TYPE_CHECKING:
    from pathlib import Path


def insert(target: Target, at: datetime, event: str = "task_created", count: int = 1) -> None:
    with connect(target.dsn) as connection:
        connection.execute(
            'insert into analytics_events ("timestamp", event_type, service, data, event_id)'
            " select %s, %s, 's', '{}', gen_random_uuid() from generate_series(1, %s)",
            [at, event, count],
        )


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


@pytest.mark.one_backend
def test_scattered_late_events_take_a_few_looks_at_the_partitions(migrated: Target) -> None:
    """Each look takes longer than a bucket does: their number must not grow with that of the marks."""
    insert_events(migrated.dsn)
    force(migrated)
    execute(
        migrated.dsn,
        "alter function analytics_meta.raw_floor() rename to floor_itself",
        "create sequence analytics_meta.looks",
        "create function analytics_meta.raw_floor() returns timestamptz language sql volatile as $$"
        " select analytics_meta.floor_itself() from (select nextval('analytics_meta.looks')) looked $$",
    )
    for day in range(4, 36):
        insert_late(migrated, NOW - timedelta(days=day, hours=day % 5))

    result = migrate.maintain(migrated.options)

    assert result.late_hours == 32
    assert counted(migrated.dsn) == truth(migrated.dsn)
    assert value(migrated.dsn, "select last_value from analytics_meta.looks") <= 16  # of seven aggregates


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
    # A worker has marked the hour again and not committed yet: the mark must stay, and nobody waits for the worker.
    with connect(migrated_dsn) as worker, worker.transaction():
        worker.execute("update analytics_meta.late_buckets set marked_at = clock_timestamp()")
        worker.execute(
            'insert into analytics_events ("timestamp", event_type, service, data, event_id)'
            " values (%s, 'task_created', 's', '{}', gen_random_uuid())",
            [late],
        )
        assert migrate.maintain(target.options).late_hours == 1

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


@pytest.mark.one_backend
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


@pytest.mark.timescaledb
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


def _rows(target: Target, view: str) -> list[tuple[object, ...]]:
    with connect(target.dsn) as connection:
        found = connection.execute(f"select * from {view}".encode()).fetchall()
    return [tuple(cell.astimezone(UTC) if isinstance(cell, datetime) else cell for cell in row) for row in found]
