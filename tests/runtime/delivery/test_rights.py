"""Events wait for a table or a right that is missing; a writer's rights are enough."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from support.runtime import Proxy, balanced, running, settled, task, tasks
from support.runtime.samples import refused, task_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.runtime import Database


@pytest.mark.parametrize(
    ("breakage", "state"),
    [
        (("analytics_events rename to elsewhere", "elsewhere rename to analytics_events"), "42P01"),
        (("analytics_events rename meta to other", "analytics_events rename other to meta"), "42703"),
    ],
    ids=["missing-table", "missing-column"],
)
def test_events_wait_for_a_mended_schema(
    database: Database, breakage: tuple[str, str], state: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    wrong, right = breakage
    database.execute(f"alter table {wrong}")
    with running(kind, database.dsn) as client:
        for event in tasks(200):
            client.track(event)
        stats = settled(client, lambda stats: stats.retries >= 2)
        assert (stats.pending, stats.last_error) == (200, state)
        assert [record.levelname for record in caplog.records if state in record.message] == ["ERROR"]
        database.execute(f"alter table {right}")
        assert client.flush(30).ok
        assert balanced(client).delivered == 200
    database.assert_numbers(200)
    assert database.letters() == []


@pytest.fixture
def writer(database: Database) -> Iterator[str]:
    """A role without any right but to connect."""
    role = f"writer_{uuid.uuid4().hex}"
    database.execute(f"create role {role} login")
    yield role
    database.execute(f"drop owned by {role}")
    database.execute(f"drop role {role}")


def grant_all(database: Database, writer: str, *, key: bool = True) -> None:
    """What `analytics-migrate` grants to a writer; on TimescaleDB without the right to read the *key*."""
    database.execute(f"grant usage on schema analytics_meta to {writer}")
    database.execute(f"grant insert on analytics_events to {writer}")
    if key:
        database.execute(f'grant select ("timestamp", event_id) on analytics_events to {writer}')
    database.execute(f"grant select, insert on analytics_dead_letters to {writer}")
    database.execute(f"grant select, insert, update on analytics_meta.late_buckets to {writer}")


def test_events_wait_for_a_granted_right(database: Database, writer: str) -> None:
    with running("thread", psycopg.conninfo.make_conninfo(database.dsn, user=writer)) as client:
        for event in tasks(10):
            client.track(event)
        assert settled(client, lambda stats: stats.retries >= 1).last_error == "42501"
        grant_all(database, writer)
        assert client.flush(30).ok
        assert balanced(client).delivered == 10
    database.assert_numbers(10)


@pytest.mark.parametrize("key", [True, False], ids=["key", "no-key"])
@pytest.mark.parametrize("temporary", [True, False], ids=["temporary-tables", "no-temporary-tables"])
def test_the_rights_of_a_writer_are_enough(database: Database, writer: str, *, temporary: bool, key: bool) -> None:
    """For new, duplicate, bad and late rows; even where a role may make no temporary tables, or only insert."""
    grant_all(database, writer, key=key)
    if not temporary:
        name = psycopg.conninfo.conninfo_to_dict(database.dsn)["dbname"]
        database.execute(f'revoke temporary on database "{name}" from public')
    with (
        Proxy(psycopg.conninfo.make_conninfo(database.dsn, user=writer)) as proxy,
        running("thread", proxy.dsn, batch_size=1000, flush_interval=60) as client,
    ):
        proxy.cut_after_commit(1)
        for event in tasks(200):
            client.track(event)
        assert client.flush(30).ok
        client.track(refused())
        client.track(task(200), timestamp=datetime.now(UTC) - timedelta(days=3))
        assert client.flush(30).pending == 0
        stats = balanced(client)
        assert (stats.delivered, stats.duplicates, stats.dead_lettered) == (201, 200, 1)
    database.assert_numbers(201)
    assert database.letters() == [("application_error", "row_rejected", "54000")]
    assert database.execute("select count(*) from analytics_meta.late_buckets") == [(1,)]


def test_without_temporary_tables_another_unique_constraint_still_refuses(database: Database, writer: str) -> None:
    grant_all(database, writer)
    name = psycopg.conninfo.conninfo_to_dict(database.dsn)["dbname"]
    database.execute(f'revoke temporary on database "{name}" from public')
    database.refuse_repeated_exit_codes()
    database.execute(f"grant insert on other to {writer}")
    with running("thread", psycopg.conninfo.make_conninfo(database.dsn, user=writer)) as client:
        for exit_code in (1, 2, 1):
            client.track(task_with(exit_code=exit_code))
        assert client.flush(30).ok
        assert (balanced(client).delivered, balanced(client).dead_lettered) == (2, 1)
    assert database.letters() == [("task_completed", "row_rejected", "23505")]
