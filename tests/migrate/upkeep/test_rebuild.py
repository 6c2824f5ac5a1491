"""`refresh --rebuild` repairs stored rows, whatever TimescaleDB thinks of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from adi_analytics import migrate
from adi_analytics.migrate import UsageError
from support.migrating import Target, connect, counted, execute, insert_events, run, truth, value
from support.upkeep import NOW, force

if TYPE_CHECKING:
    from datetime import datetime

TASKS = "analytics_task_stats_daily"
STORED = f"""select format('%%I.%%I', h.schema_name, h.table_name) from _timescaledb_catalog.continuous_agg c
    join _timescaledb_catalog.hypertable h on h.id = c.mat_hypertable_id where c.user_view_name = '{TASKS}_v1'"""


def stored(target: Target) -> str:
    """The table that holds the rows of the aggregate."""
    return str(value(target.dsn, STORED.replace("%%", "%"))) if target.backend == "timescaledb" else f"{TASKS}_v1"


def insert(target: Target, at: datetime) -> None:
    with connect(target.dsn) as connection:
        connection.execute(
            'insert into analytics_events ("timestamp", event_type, service, data, event_id)'
            " values (%s, 'task_created', 's', '{}', gen_random_uuid())",
            [at],
        )


def test_deleted_rows_come_back(migrated: Target) -> None:
    insert_events(migrated.dsn)
    force(migrated)
    execute(migrated.dsn, f"delete from {stored(migrated)} where day < now() - interval '5 days'")
    assert counted(migrated.dsn) != truth(migrated.dsn)
    if migrated.backend == "timescaledb":  # which thinks that nothing changed
        migrate.refresh(options=migrated.options)
        assert counted(migrated.dsn) != truth(migrated.dsn)

    ended = run("refresh", TASKS, "--rebuild", "--database-url", migrated.dsn)

    assert ended.code == 0
    assert counted(migrated.dsn) == truth(migrated.dsn)


def test_rows_whose_events_are_gone_stay(migrated: Target) -> None:
    insert_events(migrated.dsn)
    force(migrated)
    before = counted(migrated.dsn)
    execute(migrated.dsn, "update analytics_meta.storage set retention = '20 days'")
    if migrated.backend == "timescaledb":
        execute(migrated.dsn, "select drop_chunks('analytics_events', now() - interval '20 days')")
    else:
        execute(migrated.dsn, "call analytics_meta.prepare_storage(null)", "call analytics_meta.expire_storage(null)")
    assert min(truth(migrated.dsn)) > min(before)

    migrate.refresh(rebuild=True, options=migrated.options)

    assert counted(migrated.dsn) == before


def test_a_watermark_in_the_future_comes_back(migrated: Target) -> None:
    insert_events(migrated.dsn, 400)
    force(migrated)
    insert(migrated, NOW + timedelta(days=2))
    if migrated.backend == "timescaledb":
        execute(migrated.dsn, f"call refresh_continuous_aggregate('{TASKS}_v1', null, null)")
    else:
        execute(migrated.dsn, "update analytics_meta.rollups set watermark = now() + interval '3 days'")
    insert(migrated, NOW)
    force(migrated)
    migrate.refresh(options=migrated.options)
    assert counted(migrated.dsn) != truth(migrated.dsn)

    migrate.refresh(since=NOW - timedelta(days=1), rebuild=True, options=migrated.options)

    assert counted(migrated.dsn) == truth(migrated.dsn)
    insert(migrated, NOW)
    assert counted(migrated.dsn) == truth(migrated.dsn)
    if migrated.backend == "timescaledb":  # what was stored of today is not taken for computed
        execute(migrated.dsn, f"call refresh_continuous_aggregate('{TASKS}_v1', null, null)")
        assert counted(migrated.dsn) == truth(migrated.dsn)


def test_an_old_timescaledb_cannot(timescale_migrated_dsn: str) -> None:
    execute(
        timescale_migrated_dsn,
        "alter procedure refresh_continuous_aggregate rename to refresh_of_another_name",
    )
    try:
        with pytest.raises(UsageError, match="cannot compute again"):
            migrate.refresh(rebuild=True, options=migrate.Options(database_url=timescale_migrated_dsn))
    finally:
        execute(
            timescale_migrated_dsn,
            "alter procedure refresh_of_another_name rename to refresh_continuous_aggregate",
        )
