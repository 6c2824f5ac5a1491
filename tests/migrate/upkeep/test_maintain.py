"""Maintenance: when it is due, two at once, and in a loop."""

from __future__ import annotations

import threading

import pytest
from adi_analytics import migrate
from adi_analytics.migrate.upkeep import maintain as upkeep
from support.migrating import (
    Target,
    connect,
    counted,
    execute,
    insert_events,
    run,
    truth,
)
from support.upkeep import force


def test_upkeep_of_an_empty_database_says_so(postgres_dsn: str) -> None:
    for command in ("refresh", "maintain", "backfill"):
        ended = run(command, "--database-url", postgres_dsn)
        assert ended.code == 5
        assert "Run `analytics-migrate all` first" in ended.err


@pytest.mark.one_backend
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


def test_the_loop_goes_on_after_a_failure(migrated_dsn: str) -> None:
    told: list[object] = []
    execute(migrated_dsn, "alter procedure analytics_meta.work_marks(integer, integer) rename to gone")

    def sleep(_: float) -> None:
        execute(migrated_dsn, "alter procedure analytics_meta.gone(integer, integer) rename to work_marks")

    migrate.maintain_loop(migrate.Options(database_url=migrated_dsn), rounds=2, report=told.append, sleep=sleep)

    assert isinstance(told[0], Exception)
    assert isinstance(told[1], migrate.MaintainResult)
