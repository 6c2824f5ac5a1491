"""Random catalogs on real servers: their SQL is accepted, never fails on a row, and says what the oracle says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from support.aggregates.catalogs import SPRING, catalogs, rows
from support.aggregates.installed import Installed, connect
from support.full import examples

RELAXED = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def check(dsn, backend, catalog, drawn):
    """Install *catalog*, give it rows, compare before, between and after refreshes, and take it away again."""
    with connect(dsn) as connection:
        connection.execute('drop schema if exists "its own", analytics_meta cascade')
        connection.execute('create schema "its own"')
        connection.execute('set search_path to "its own", public')
        installed = Installed.create(connection, catalog, backend)
        installed.insert(drawn)
        installed.check(drawn)
        for day in (10, 60):
            installed.refresh(SPRING + timedelta(days=day))
            installed.check(drawn)
        for aggregate in installed.manifest["aggregates"]:
            for view in aggregate["views"]:
                connection.execute(sql.SQL("select * from {}").format(sql.Identifier(view["name"])))
        installed.drop_aggregates()
        left = connection.execute(LEFT).fetchall()
        assert {name for (name,) in left} == {
            installed.manifest["storage"][key] for key in ("table", "dead_letters_table")
        }


LEFT = """
    select relname from pg_class
    where relnamespace = '"its own"'::regnamespace and relkind in ('r', 'p', 'v', 'm') and not relispartition
"""


@settings(RELAXED, max_examples=examples(30))
@given(catalog=catalogs(), data=st.data())
def test_on_postgres(postgres_dsn, catalog, data):
    check(postgres_dsn, "postgres", catalog, data.draw(rows(catalog)))


@pytest.mark.parametrize("backend", ["timescaledb", "timescaledb_apache"])
def test_on_timescaledb(timescale_dsn, backend):
    @settings(RELAXED, max_examples=examples(8))
    @given(catalog=catalogs(), data=st.data())
    def run(catalog, data):
        check(timescale_dsn, backend, catalog, data.draw(rows(catalog)))

    run()
