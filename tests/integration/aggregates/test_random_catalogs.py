"""Random catalogs on real servers: their SQL is accepted, never fails on a row, and says what the oracle says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from integration.aggregates.backend import Installed, connect
from integration.aggregates.catalogs import catalogs, rows
from integration.aggregates.streams import START

RELAXED = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def check(dsn, backend, catalog, data):
    """Install *catalog*, give it rows, compare before, between and after refreshes, and take it away again."""
    with connect(dsn) as connection:
        installed = Installed.create(connection, catalog, backend)
        try:
            drawn = data.draw(rows(catalog))
            installed.insert(drawn)
            installed.check(drawn)
            for day in (10, 60):
                installed.refresh(START + timedelta(days=day))
                installed.check(drawn)
            for aggregate in installed.manifest["aggregates"]:
                for view in aggregate["views"]:
                    connection.execute(f"select * from {quoted(view['name'])}")
        finally:
            for aggregate in installed.manifest["aggregates"]:
                installed.run(aggregate["ddl"][backend]["drop"])
            for table in ("dead_letters_table", "table"):
                connection.execute(f"drop table {quoted(installed.manifest['storage'][table])}")


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


@settings(RELAXED, max_examples=60)
@given(catalog=catalogs(), data=st.data())
def test_on_postgres(postgres_dsn, catalog, data):
    check(postgres_dsn, "postgres", catalog, data)


@pytest.mark.parametrize("backend", ["timescaledb", "timescaledb_apache"])
def test_on_timescaledb(timescale_dsn, backend):
    @settings(RELAXED, max_examples=10)
    @given(catalog=catalogs(), data=st.data())
    def run(catalog, data):
        check(timescale_dsn, backend, catalog, data)

    run()
