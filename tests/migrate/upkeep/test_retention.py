"""Retention drops no row that is not stored, whatever comes first."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from adi_analytics import migrate
from adi_analytics.query import query
from support.migrating import Document, Target, connect, execute, project, rows, value
from support.paths import ROOT
from support.upkeep import force, insert_late

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIGRATIONS = ROOT / "migrations"
(RECORD,) = (path.name for path in MIGRATIONS.glob("*_record_what_retention_drops"))
TOTAL = "select coalesce(sum(created), 0)::int from analytics_task_stats_daily"
OLDEST = 'select now() - min("timestamp") from analytics_events'
KEPT = timedelta(days=7)


def keep_a_week(target: Target) -> None:
    execute(target.dsn, "update analytics_meta.storage set retention = '7 days'")


def load(target: Target, first: int, last: int) -> None:
    """Insert an event every six hours, as something other than the worker does; days before now."""
    with connect(target.dsn) as connection:
        connection.execute(
            'insert into analytics_events ("timestamp", event_type, service, user_id, data, event_id)'
            " select now() - i * interval '6 hours', 'task_created', 's', gen_random_uuid(),"
            """ '{"type": "task_created"}', gen_random_uuid() from generate_series(%s::int, %s::int) i""",
            [first * 4, last * 4],
        )


def refresh(target: Target) -> None:
    migrate.refresh(options=target.options)


def maintain(target: Target) -> None:
    assert migrate.maintain(target.options).notes == ()


def call_maintain(target: Target) -> None:
    execute(target.dsn, "call analytics_meta.maintain()")


def call_expire(target: Target) -> None:
    execute(target.dsn, "call analytics_meta.prepare_storage(null)", "call analytics_meta.expire_storage(null)")


def run_job(target: Target) -> None:
    """What TimescaleDB's scheduler does."""
    if target.backend != "timescaledb":
        call_expire(target)
    else:
        query = "select job_id from timescaledb_information.jobs where proc_name = 'retention_job'"
        execute(target.dsn, f"call run_job({value(target.dsn, query)})")


ORDERS: list[tuple[Callable[[Target], None], ...]] = [
    (maintain,),
    (call_maintain,),
    (run_job, maintain),
    (refresh, call_expire),
]


@pytest.mark.both_editions
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "-".join(step.__name__ for step in order))
def test_rows_are_counted_before_they_go(migrated: Target, order: tuple[Callable[[Target], None], ...]) -> None:
    keep_a_week(migrated)
    load(migrated, 0, 10)
    assert value(migrated.dsn, TOTAL) == 41

    for step in order:
        step(migrated)
        assert value(migrated.dsn, TOTAL) == 41

    assert KEPT <= value(migrated.dsn, OLDEST) < KEPT + timedelta(days=1)
    refresh(migrated)
    maintain(migrated)
    assert value(migrated.dsn, TOTAL) == 41
    execute(migrated.dsn, "update analytics_meta.storage set retention = '90 days'")
    assert migrate.drift(migrated.options).findings == ()


@pytest.mark.both_editions
@pytest.mark.parametrize("step", [maintain, run_job])
def test_rows_of_a_long_pause_are_counted(migrated: Target, step: Callable[[Target], None]) -> None:
    load(migrated, 20, 22)
    force(migrated)
    load(migrated, 0, 19)
    if migrated.backend != "timescaledb":  # there the watermark follows the rows
        execute(migrated.dsn, "update analytics_meta.rollups set watermark = now() - interval '20 days'")
    execute(migrated.dsn, "update analytics_meta.aggregates set refreshed_at = now() - interval '20 days'")
    keep_a_week(migrated)
    before = value(migrated.dsn, TOTAL)

    step(migrated)
    maintain(migrated)

    assert value(migrated.dsn, TOTAL) == before
    assert value(migrated.dsn, OLDEST) < KEPT + timedelta(days=1)


@pytest.mark.parametrize("step", [maintain, call_expire])
def test_rows_that_are_loaded_later_are_counted(migrated: Target, step: Callable[[Target], None]) -> None:
    keep_a_week(migrated)
    load(migrated, 0, 10)
    maintain(migrated)
    load(migrated, 20, 22)

    step(migrated)

    assert value(migrated.dsn, TOTAL) == 50
    assert value(migrated.dsn, OLDEST) < KEPT + timedelta(days=1)
    maintain(migrated)
    assert value(migrated.dsn, TOTAL) == 50
    # A state `incomplete` would say that something was dropped before it was counted.
    now = datetime.now(UTC)
    days = (now - timedelta(days=21), now - timedelta(days=20))
    found = query("analytics_task_stats_daily", between=days, database=migrated.dsn, catalog="adi_analytics_events")
    assert found.state == "final"


def test_rows_that_come_too_late_are_told(migrated: Target) -> None:
    keep_a_week(migrated)
    load(migrated, 0, 10)
    maintain(migrated)
    load(migrated, 9, 9)
    insert_late(migrated, value(migrated.dsn, "select now() - interval '9 days'"))

    result = migrate.maintain(migrated.options)

    assert (result.late_hours, result.late_hours_lost, result.rows_uncounted) == (1, 1, 2)
    assert "uncounted" in result.notes[0]
    assert value(migrated.dsn, TOTAL) == 41
    assert value(migrated.dsn, OLDEST) < KEPT + timedelta(days=1)


def test_rows_of_a_bucket_go_together(target: Target, tmp_path: Path) -> None:
    def weekly(document: Document) -> None:
        document["aggregates"]["tasks_weekly"] = {
            "description": "Tasks.",
            "from": ["task_created"],
            "bucket": {"as": "week", "width": "7 days"},
            "measures": {"created": {"count": True}},
            "refresh": {"every": "1 hour", "window": "15 days", "lag": "1 hour"},
        }

    made = project(tmp_path / "project", weekly)
    target.apply(made)
    load(target, 0, 30)
    options = made.options(target.dsn, backend=target.options.backend)
    execute(target.dsn, "update analytics_meta.storage set retention = '16 days'")

    migrate.maintain(options)

    (oldest,) = rows(target.dsn, 'select min("timestamp"), now() - min("timestamp") from analytics_events')
    assert timedelta(days=16) <= oldest[1] < timedelta(days=24)
    load(target, 15, 16)  # as long as a row of a week is there, all are
    migrate.refresh(options=options)
    assert value(target.dsn, "select sum(created)::int from tasks_weekly") == 121 + 5
    assert value(target.dsn, TOTAL) == 121 + 5


@pytest.mark.both_editions
def test_rows_of_a_part_that_reaches_into_1970_are_counted(migrated: Target) -> None:
    """A timestamp of 0 is a common mistake, and its week begins in 1969."""
    execute(migrated.dsn, "update analytics_meta.storage set chunk_interval = '7 days', retention = '120 days'")
    for at in ("1969-12-30 00:00", "1970-01-01 00:00", "1970-01-03 12:00", "1970-01-07 12:00"):
        insert_late(migrated, datetime.fromisoformat(f"{at}+00:00"))
    days = "select day, created from analytics_task_stats_daily order by 1"
    before = rows(migrated.dsn, days)
    assert [at.day for at, _ in before] == [1, 3, 7]

    result = migrate.maintain(migrated.options)

    assert (result.notes, result.rows_uncounted) == ((), 0)
    assert rows(migrated.dsn, days) == before
    assert value(migrated.dsn, "select count(*) from analytics_events") == 0


def test_a_database_of_before_the_record_keeps_what_it_stored(migrated: Target) -> None:
    """Where something was stored before, rows that retention has passed may be gone already."""
    keep_a_week(migrated)
    load(migrated, 0, 10)
    maintain(migrated)
    before = rows(migrated.dsn, "select * from analytics_task_stats_daily order by 1")
    execute(migrated.dsn, "delete from analytics_meta.expired", "delete from analytics_meta.parts")

    execute(migrated.dsn, "select analytics_meta.start_record()")
    load(migrated, 9, 9)
    refresh(migrated)

    assert migrate.maintain(migrated.options).rows_uncounted == 1
    assert rows(migrated.dsn, "select * from analytics_task_stats_daily order by 1") == before


def before_the_record(folder: Path) -> Path:
    """Return the migrations without the one that begins the record."""
    for source in sorted(MIGRATIONS.iterdir()):
        if source.is_dir() and source.name < RECORD:
            shutil.copytree(source, folder / source.name)
    shutil.copy(MIGRATIONS / "catalog.snapshot.json", folder)
    lines = (MIGRATIONS / "migrations.lock").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "migrations.lock").write_text("".join(line for line in lines if line[:4] < RECORD[:4]), encoding="utf-8")
    return folder


def test_a_live_database_is_upgraded(target: Target, tmp_path: Path) -> None:
    old = migrate.Options(
        database_url=target.dsn, migrations=before_the_record(tmp_path), backend=target.options.backend
    )
    migrate.apply(options=old)
    load(target, 0, 10)
    execute(target.dsn, "call analytics_meta.maintain()")
    keep_a_week(target)
    if target.backend == "timescaledb":
        execute(target.dsn, "select drop_chunks('analytics_events', now() - interval '7 days')")
    else:
        execute(target.dsn, "call analytics_meta.expire_storage(null)")
    assert value(target.dsn, TOTAL) == 41

    migrate.apply(options=target.options)

    execute(target.dsn, "update analytics_meta.storage set retention = '90 days'")
    assert migrate.drift(target.options).findings == ()
    keep_a_week(target)
    load(target, 9, 9)  # too late: the other rows of its day are gone
    refresh(target)
    assert migrate.maintain(target.options).rows_uncounted == 1
    assert value(target.dsn, TOTAL) == 41


def test_a_database_of_before_the_record_counts_what_it_has_not_stored(migrated: Target) -> None:
    keep_a_week(migrated)
    load(migrated, 0, 10)
    execute(migrated.dsn, "delete from analytics_meta.expired", "select analytics_meta.start_record()")

    maintain(migrated)

    assert value(migrated.dsn, TOTAL) == 41


def test_a_part_that_another_session_dropped_is_waited_for(migrated: Target) -> None:
    """Its name was looked up before: it has a number for a name now, which is no SQL, or names nothing."""
    listed = "create or replace function analytics_meta.written_by(times tstzrange) returns regclass[] language sql as"
    dropped = "create table public.vanishing (); create table public.vanished (of regclass)"
    execute(migrated.dsn, *dropped.split("; "), "insert into public.vanished values ('public.vanishing')")
    execute(migrated.dsn, "drop table public.vanishing", f"{listed} 'select array_agg(of) from public.vanished'")
    assert value(migrated.dsn, "select analytics_meta.can_lock(array_agg(of)) from public.vanished") is False
    drop = "select analytics_meta.drop_group(tstzrange(now() - interval '1 day', now()), '[]')"
    assert value(migrated.dsn, drop) is None
