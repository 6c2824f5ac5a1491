"""The servers' fixtures themselves: every test gets a database of its own."""

from __future__ import annotations

import psycopg
import pytest


def make_trace(dsn):
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table trace (x int)")


@pytest.mark.parametrize("turn", [1, 2])
def test_databases_are_empty(any_backend_dsn, backend, turn):
    make_trace(any_backend_dsn)
    with psycopg.connect(any_backend_dsn) as connection:
        extensions = {name for (name,) in connection.execute("select extname from pg_extension")}
    assert ("timescaledb" in extensions) == (backend == "timescaledb")


@pytest.mark.parametrize("turn", [1, 2])
def test_migrated_databases_have_the_events_table(any_migrated_dsn, turn):
    with psycopg.connect(any_migrated_dsn) as connection:
        assert connection.execute("select count(*) from analytics_events").fetchone() == (0,)
        connection.execute("drop table analytics_events cascade")


def test_database_with_open_connections_is_dropped(databases):
    with databases.empty() as dsn:
        connection = psycopg.connect(dsn)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("select 1")


def test_timescale_policies_do_not_run_by_themselves(timescale_dsn):
    with psycopg.connect(timescale_dsn) as connection:
        query = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        assert connection.execute(query).fetchone() == (0,)
