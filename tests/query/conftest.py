"""A database with the aggregates of events.yaml and a stream of events, of which some are stored and some are not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from adi_analytics_codegen.check.catalog import load_catalog
from support.aggregates.installed import Installed, connect
from support.aggregates.streams import START, stream
from support.asking import register
from support.backends import BACKENDS, empty_dsn
from support.clickhouse.installed import Installed as OnClickhouse
from support.paths import EVENTS

CATALOG = load_catalog(EVENTS)
ROWS = stream(CATALOG, days=40, users=6)
STORED = START + timedelta(days=25)


@pytest.fixture(scope="session")
def events():
    return ROWS


def install(connection, backend):
    made = Installed.create(connection, CATALOG, backend)
    register(made)
    made.insert(ROWS)
    made.refresh(STORED)
    return made


def install_on_clickhouse(url):
    made = OnClickhouse.create(url, CATALOG)
    made.insert(ROWS)
    made.refresh(STORED)
    return made


@pytest.fixture
def postgres(postgres_dsn):
    with connect(postgres_dsn) as connection:
        yield install(connection, "postgres")


@pytest.fixture(scope="session")
def clickhouse(clickhouse_databases):
    """The same on ClickHouse, for tests that change nothing."""
    with clickhouse_databases.empty() as url:
        yield install_on_clickhouse(url)


@pytest.fixture
def own_clickhouse(clickhouse_databases):
    """The same for one test."""
    with clickhouse_databases.empty() as url:
        yield install_on_clickhouse(url)


@pytest.fixture(params=["postgres", "clickhouse"])
def either(request):
    """PostgreSQL or ClickHouse, for tests that change nothing."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=[*BACKENDS, "clickhouse"])
def installed(request):
    """Each backend in turn."""
    if request.param == "clickhouse":
        yield request.getfixturevalue("own_clickhouse")
        return
    with connect(empty_dsn(request.param, request)) as connection:
        yield install(connection, request.param)
