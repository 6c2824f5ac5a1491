"""A row that can never be stored, for a reason that the worker doesn't know, does not hold up the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from support.runtime import Proxy, balanced, running, settled, task, tasks
from support.runtime.samples import task_with

if TYPE_CHECKING:
    from pathlib import Path

    from support.runtime import Database

POISON = 999
# What a trigger does to the row, and the SQLSTATE that the server then gives.
DEEDS = {
    "own-sqlstate": ("raise exception 'not this one' using errcode = 'XX123'", "XX123"),
    "statement-timeout": ("perform pg_sleep(10)", "57014"),
    "lock-timeout": ("raise exception 'locked' using errcode = '55P03'", "55P03"),
    "no-right": ("raise insufficient_privilege", "42501"),
    "no-such-table": ("execute 'select 1 from nowhere'", "42P01"),
    "serialization": ("raise exception 'again' using errcode = '40001'", "40001"),
    "out-of-memory": ("raise exception 'memory' using errcode = '53200'", "53200"),
}


def trigger(database: Database, deed: str, condition: str = f"new.data ->> 'duration_ms' = '{POISON}'") -> None:
    """Let a trigger do *deed* to rows under a condition."""
    database.execute(
        f"create function deed() returns trigger language plpgsql as $$ begin if {condition} then {deed}; end if;"
        " return new; end $$"
    )
    database.execute("create trigger deed before insert on analytics_events for each row execute function deed()")


@pytest.mark.parametrize("name", DEEDS)
def test_a_row_that_always_fails_is_set_aside(database: Database, name: str) -> None:
    deed, sqlstate = DEEDS[name]
    trigger(database, deed)
    with running("thread", database.dsn, statement_timeout=0.2) as client:
        for event in [task(POISON), *tasks(50), task(POISON), *tasks(50, start=50), task(POISON)]:
            client.track(event)
        assert client.flush(30).ok
        stats = balanced(client)
        assert (stats.delivered, stats.dead_lettered) == (100, 3)
    database.assert_numbers(100)
    assert database.letters() == [("task_completed", "row_rejected", sqlstate)] * 3


@pytest.mark.parametrize("kinds", ["own-sqlstate", "statement-timeout"])
def test_a_row_that_fails_alone_waits_for_proof(database: Database, kinds: str, kind: str) -> None:
    """As long as nothing else was stored since, the fault may be the database's."""
    deed, sqlstate = DEEDS[kinds]
    trigger(database, deed)
    with running(kind, database.dsn, statement_timeout=0.1) as client:
        client.track(task(POISON))
        stats = settled(client, lambda stats: stats.retries >= 6)
        assert (stats.pending, stats.dead_lettered) == (1, 0)
        for event in tasks(10):
            client.track(event)
        assert client.flush(30).ok
        assert (balanced(client).delivered, balanced(client).dead_lettered) == (10, 1)
    database.assert_numbers(10)
    assert database.letters() == [("task_completed", "row_rejected", sqlstate)]


def test_rows_that_all_fail_are_kept(database: Database, kind: str) -> None:
    trigger(database, DEEDS["own-sqlstate"][0], "true")
    with running(kind, database.dsn) as client:
        for event in tasks(20):
            client.track(event)
        settled(client, lambda stats: stats.retries >= 30)
        for event in tasks(20, start=20):
            client.track(event)
        settled(client, lambda stats: stats.retries >= 60)
        assert (balanced(client).pending, balanced(client).dead_lettered) == (40, 0)
        database.execute("drop trigger deed on analytics_events")
        assert client.flush(30).ok
        assert balanced(client).delivered == 40
    database.assert_numbers(40)
    assert database.letters() == []


def test_many_rows_that_fail_are_found_among_others(database: Database) -> None:
    trigger(database, DEEDS["own-sqlstate"][0], "(new.data ->> 'duration_ms')::int % 10 = 3")
    with running("thread", database.dsn) as client:
        for event in tasks(300):
            client.track(event)
        assert client.flush(60).ok
        assert (balanced(client).delivered, balanced(client).dead_lettered) == (270, 30)
    assert len(database.numbers()) == 270


@pytest.mark.parametrize("mode", ["overflow", "always"])
def test_a_spool_is_not_held_up(database: Database, mode: str, tmp_path: Path) -> None:
    trigger(database, DEEDS["own-sqlstate"][0])
    options: dict[str, Any] = {"spool": mode, "spool_dir": str(tmp_path), "max_queue": 200}
    with running("thread", database.dsn, **options) as client:
        client.track(task(POISON))
        settled(client, lambda stats: stats.retries >= 6)
        assert balanced(client).dead_lettered == 0
        for start in range(0, 300, 50):
            for event in tasks(50, start=start):
                client.track(event)
            settled(client, lambda stats, number=start: stats.delivered >= number + 50)  # type: ignore[misc]  # a default binds it
        settled(client, lambda stats: stats.dead_lettered == 1)
        assert balanced(client).spooled == 0
    database.assert_numbers(300)


def test_a_row_that_fails_stays_in_the_spool_at_the_end(database: Database, tmp_path: Path) -> None:
    trigger(database, DEEDS["own-sqlstate"][0])
    options: dict[str, Any] = {"spool": "always", "spool_dir": str(tmp_path), "shutdown_timeout": 0.5}
    with running("thread", database.dsn, **options) as client:
        client.track(task(POISON))
        settled(client, lambda stats: stats.retries >= 6)
    client.close(0)
    assert balanced(client).spooled == 1
    with running("thread", database.dsn, **options) as second:
        for number in range(500):
            second.track(task(number))
            second.flush(0.1)
            if database.letters():
                break
    assert database.letters() == [("task_completed", "row_rejected", "XX123")]


# ---- rows that a trigger leaves out ------------------------------------------------------


def test_rows_that_a_trigger_leaves_out_are_not_counted_as_delivered(
    database: Database, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    trigger(database, "return null", "(new.data ->> 'duration_ms')::int % 2 = 1")
    with running(kind, database.dsn) as client:
        for event in tasks(100):
            client.track(event)
        assert not client.flush(30).ok
        stats = balanced(client)
        assert (stats.delivered, stats.dropped_by_reason) == (50, {"not_stored": 50})
    assert len(database.numbers()) == 50
    assert any("not_stored" in record.message for record in caplog.records if record.levelname == "ERROR")


def test_left_out_rows_are_told_from_duplicates(database: Database) -> None:
    trigger(database, "return null", "(new.data ->> 'duration_ms')::int % 2 = 1")
    with Proxy(database.dsn) as proxy, running("thread", proxy.dsn) as client:
        proxy.cut_after_commit(1)
        for event in tasks(100):
            client.track(event)
        client.flush(30)
        stats = balanced(client)
        assert (stats.delivered, stats.duplicates, stats.dropped_by_reason) == (50, 50, {"not_stored": 50})


def test_left_out_rows_of_a_spool_are_not_counted_as_delivered(database: Database, tmp_path: Path) -> None:
    trigger(database, "return null", "(new.data ->> 'duration_ms')::int % 2 = 1")
    with running("thread", database.dsn, spool="always", spool_dir=str(tmp_path)) as client:
        for event in tasks(100):
            client.track(event)
        stats = settled(client, lambda stats: stats.delivered == 50)
        assert stats.dropped_by_reason == {"not_stored": 50}


# ---- rows that are there already --------------------------------------------------------


def test_a_batch_sent_twice_costs_few_statements(database: Database) -> None:
    """Whatever the role may: with the right to insert alone, and without one to make temporary tables."""
    name = str(psycopg.conninfo.conninfo_to_dict(database.dsn)["dbname"])
    role = f"writer_{name[-8:]}"
    database.execute(f"create role {role} login")
    try:
        database.execute(f"grant insert on analytics_events to {role}")
        database.execute(f"grant select, insert on analytics_dead_letters to {role}")
        database.execute(f'revoke temporary on database "{name}" from public')
        dsn = psycopg.conninfo.make_conninfo(database.dsn, user=role)
        with Proxy(dsn) as proxy, running("thread", proxy.dsn, flush_interval=3600, batch_size=10**6) as client:
            proxy.cut_after_commit(1)
            for event in [*tasks(2000), task_with(duration_ms=5000)]:
                client.track(event)
            assert client.flush(60).ok
            stats = balanced(client)
            assert (stats.delivered, stats.duplicates, stats.batches) == (2001, 2001, 1)
    finally:
        database.execute(f"drop owned by {role}")
        database.execute(f"drop role {role}")
