"""A copy that is killed, loses a database, runs twice at once, or meets writers: the next one ends right."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from support.clickhouse.proxy import Answer, FaultyProxy
from support.copying import Pair, other, plain
from support.migrating import connect, execute, run, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.clickhouse.databases import ClickhouseDatabases

ROWS = 12_000  # more than two batches
_MANY = """
insert into analytics_events ("timestamp", event_type, service, data, event_id)
select timestamptz '2024-03-01 00:00:00+00' + g * interval '1 second', 'task_completed', 's',
    jsonb_build_object('duration_ms', g), md5(g::text)::uuid
from generate_series(0, 11999) g
"""
_STOP = """
create function stop() returns trigger language plpgsql as
    $$ begin perform pg_advisory_xact_lock(7); return new; end $$;
create trigger stop before insert on analytics_events for each row
    when (new.data ->> 'duration_ms' = '7000') execute function stop()
"""


def program(pair: Pair, source: str, **urls: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "adi_analytics.migrate.cli.main", *pair.command(source, **urls)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def assert_whole(pair: Pair, source: str) -> None:
    ran = pair.copy(source)
    assert (ran.code, ran.json["rows"], ran.json["days"]) == (0, ROWS, []), ran
    assert value(pair.postgres, "select count(*) from analytics_events") == ROWS
    assert pair.clickhouse.execute("select count() from analytics_events final") in ([[ROWS]], [[str(ROWS)]])


@contextlib.contextmanager
def at_second_insert(proxy: FaultyProxy) -> Iterator[threading.Event]:
    """Hold the second insert until the end of the block; the event says that it is there."""
    seen = []
    arrived = threading.Event()

    def hold(_body: bytes) -> Answer | None:
        seen.append(1)
        if len(seen) == 2:
            arrived.set()
            proxy.release.wait(60)
        return None

    proxy.refuse = hold
    yield arrived
    proxy.release.set()


def test_a_killed_copy_to_clickhouse_is_continued(uuids: Pair) -> None:
    execute(uuids.postgres, _MANY)
    with FaultyProxy(uuids.clickhouse.url) as proxy, at_second_insert(proxy) as arrived:
        copying = program(uuids, "postgres", clickhouse=proxy.dsn)
        assert arrived.wait(60)
        copying.kill()
        copying.communicate()
    stored = int(uuids.clickhouse.execute("select count() from analytics_events final")[0][0])
    assert 0 < stored < ROWS
    assert_whole(uuids, "postgres")


def test_a_killed_copy_to_postgres_is_continued(uuids: Pair) -> None:
    execute(uuids.postgres, _MANY)
    assert uuids.copy("postgres").code == 0
    execute(uuids.postgres, "truncate analytics_events", _STOP)
    with connect(uuids.postgres) as holder:
        holder.execute("select pg_advisory_lock(7)")
        copying = program(uuids, "clickhouse")
        waits = "select exists (select from pg_locks where locktype = 'advisory' and objid = 7 and not granted)"
        while not holder.execute(waits).fetchall()[0][0]:
            assert copying.poll() is None
        copying.kill()
        copying.communicate()
    assert 0 < value(uuids.postgres, "select count(*) from analytics_events") < ROWS
    assert_whole(uuids, "clickhouse")


@pytest.mark.parametrize(
    "fault", ["cut before", "cut after", Answer(500, 241, "Code: 241. DB::Exception: memory. "), Answer(502)]
)
def test_a_clickhouse_that_fails(uuids: Pair, fault: Any) -> None:
    execute(uuids.postgres, _MANY)
    with FaultyProxy(uuids.clickhouse.url) as proxy:
        proxy.fail(fault)
        url = proxy.dsn.replace("://", "://ada:sesame@")
        failed = uuids.copy("postgres", clickhouse=url)
    assert failed.code == 1
    assert failed.err.count("run the same command again") + failed.err.count("Run the same command again") == (
        0 if fault == Answer(502) else 1  # it may be another server
    )
    assert "sesame" not in failed.err
    assert_whole(uuids, "postgres")


@pytest.mark.parametrize("source", ["postgres", "clickhouse"])
def test_a_postgres_that_ends_the_connection(uuids: Pair, source: str) -> None:
    execute(uuids.postgres, _MANY)
    if source == "clickhouse":
        assert uuids.copy("postgres").code == 0
        execute(uuids.postgres, "delete from analytics_events where (data ->> 'duration_ms')::int % 2 = 0")

    def end(_body: bytes = b"") -> None:
        query = (
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
            " and application_name like 'analytics-migrate copy%'"
        )
        with psycopg.connect(uuids.postgres, autocommit=True) as connection:
            assert connection.execute(query).fetchall()

    if source == "postgres":
        with FaultyProxy(uuids.clickhouse.url) as proxy:
            proxy.refuse = end
            failed = uuids.copy(source, clickhouse=proxy.dsn)
    else:
        execute(uuids.postgres, _STOP.replace("pg_advisory_xact_lock(7)", "pg_terminate_backend(pg_backend_pid())"))
        failed = uuids.copy(source)
        execute(uuids.postgres, "drop trigger stop on analytics_events")
    assert failed.code == 1
    assert "Run the same command again" in failed.err, failed.err
    assert_whole(uuids, source)


@pytest.mark.parametrize("source", ["postgres", "clickhouse"])
def test_two_copies_at_once(uuids: Pair, source: str) -> None:
    execute(uuids.postgres, _MANY)
    if source == "clickhouse":
        assert uuids.copy("postgres").code == 0
        execute(uuids.postgres, "truncate analytics_events")
    copying = [program(uuids, source) for _ in range(2)]
    ended = [(*one.communicate(), one.returncode) for one in copying]
    assert [code for _, _, code in ended] == [0, 0], ended
    assert_whole(uuids, source)


def test_a_source_that_is_written_to(uuids: Pair) -> None:
    """Events that arrive in days that were compared are copied in another round, and those of now are not judged."""
    execute(uuids.postgres, _MANY)
    arriving = iter(range(20_000, 20_060))
    with FaultyProxy(uuids.clickhouse.url) as proxy:

        def write(_body: bytes) -> None:
            for number in [next(arriving, None) for _ in range(20)]:
                if number is not None:
                    uuids.insert("postgres", [plain(number, "2024-03-01 00:00:00+00")])

        proxy.refuse = write
        uuids.insert("postgres", [plain(30_000, f"{value(uuids.postgres, 'select now()')}")])
        ran = uuids.copy("postgres", clickhouse=proxy.dsn)
    assert (ran.code, ran.json["days"], ran.json["moving"]) == (0, [], 1), ran
    assert ran.json["rows"] + 1 == ran.json["copied"] == value(uuids.postgres, "select count(*) from analytics_events")
    assert uuids.rows("postgres") == uuids.rows("clickhouse")


def test_settings_of_others(uuids: Pair) -> None:
    """Those of a database or a profile under which statements would mean something else."""
    execute(uuids.postgres, _MANY)
    name = value(uuids.postgres, "select current_database()")
    settings = (
        "timezone = 'Asia/Kathmandu'",
        "datestyle = 'German'",
        "search_path = pg_catalog",
        "bytea_output = 'escape'",
        "statement_timeout = '1ms'",
        "default_transaction_read_only = on",
    )
    # On one connection, which has none of them yet.
    execute(uuids.postgres, *(f'alter database "{name}" set {setting}' for setting in settings))
    with FaultyProxy(uuids.clickhouse.url) as proxy:
        ran = uuids.copy("postgres", clickhouse=proxy.dsn)
        asked = [parameters for parameters, _ in proxy.requests]
    assert (ran.code, ran.json["copied"]) == (0, ROWS), ran
    assert {parameters["session_timezone"] for parameters in asked} == {"UTC"}
    reads = [parameters for parameters in asked if "param_last" in parameters]
    assert {parameters["result_overflow_mode"] for parameters in reads} == {"throw"}
    assert uuids.copy("clickhouse").json["copied"] == 0


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("", "clickhouse://db/app", "--from is empty"),
        ("postgresql://db/app", " ", "--to is empty"),
        ("postgresql://a:sesame@/%%", "clickhouse://db/app", "the URL of --from cannot be read"),
        ("postgresql://db/app", "clickhouse://a:ses@ame@db/app", "the URL of --to cannot be read"),
        ("postgresql://db/app", "postgresql://db/other", "between a PostgreSQL and a ClickHouse"),
    ],
)
def test_urls_that_are_none(source: str, target: str, said: str) -> None:
    ran = run("copy", "--from", source, "--to", target)
    assert ran.code == 2
    assert said in ran.err
    assert not {"sesame", "ses@"} & set(ran.err.split())


@pytest.mark.parametrize("source", ["postgres", "clickhouse"])
def test_databases_without_tables(
    uuids: Pair, clickhouse_databases: ClickhouseDatabases, postgres_dsn: str, source: str
) -> None:
    with clickhouse_databases.empty() as url:
        empty = {"clickhouse": url.replace("http", "clickhouse", 1), "postgres": postgres_dsn}
        ran = uuids.copy(source, **{other(source): empty[other(source)]})

    assert ran.code == 5
    assert "there is no table analytics_events" in ran.err
    assert "Run `analytics-migrate all` first." in ran.err
