"""PostgreSQL's own text of a definition stays the same when it is read back: drift detection compares such texts."""

from __future__ import annotations

import pytest
from adi_analytics.migrate.files.statements import ContinuousAggregate
from adi_analytics_codegen.check.catalog import load_catalog
from support.aggregates.catalogs import every_measure
from support.aggregates.installed import Installed, connect
from support.backends import BACKENDS, empty_dsn
from support.paths import EVENTS

CATALOG = load_catalog(EVENTS)
DIRECT_VIEWS = """
    select user_view_name, pg_get_viewdef(format('%I.%I', direct_view_schema, direct_view_name)::regclass)
    from _timescaledb_catalog.continuous_agg
"""


def deparsed(connection, select):
    """Return the server's text of *select*."""
    connection.execute(f"create or replace temp view probe as {select}")
    (text,) = connection.execute("select pg_get_viewdef('pg_temp.probe'::regclass)").fetchone()
    connection.execute("drop view pg_temp.probe")
    return text


@pytest.mark.parametrize("catalog", [CATALOG, every_measure()], ids=["seven", "every_measure"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_definitions_are_stable(backend, catalog, request):
    dsn = empty_dsn(backend, request)
    with connect(dsn) as connection:
        connection.execute("set timezone = 'UTC'")
        installed = Installed.create(connection, catalog, backend)
        for view in installed.views():
            once = deparsed(connection, view.select)
            twice = deparsed(connection, once)
            assert deparsed(connection, twice) == twice, view.object
            assert once == twice or catalog is not CATALOG, view.object  # no key comes twice in the seven
            assert "character varying" not in once


def test_a_continuous_aggregate_keeps_the_definition_of_the_manifest(timescale_dsn):
    with connect(timescale_dsn) as connection:
        connection.execute("set timezone = 'UTC'")
        installed = Installed.create(connection, CATALOG, "timescaledb")
        stored = dict(connection.execute(DIRECT_VIEWS).fetchall())
        wanted = [view for view in installed.views() if isinstance(view, ContinuousAggregate)]
        assert stored.keys() == {view.object for view in wanted}
        for view in wanted:
            assert stored[view.object] == deparsed(connection, view.select)
