"""The same work by a procedure that pg_cron calls."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from adi_analytics import migrate
from support.migrating import (
    Target,
    counted,
    execute,
    insert_events,
    rows,
    run,
    truth,
    value,
)
from support.upkeep import NOW, insert_late


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
