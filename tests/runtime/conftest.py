"""A database with the events table, and ways to look into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from support.clickhouse.tables import ClickhouseTables
from support.runtime import Database, events_ddl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.embedded import EmbeddedServer
    from support.clickhouse.databases import ClickhouseDatabases


@pytest.fixture
def database(postgres_dsn: str) -> Iterator[Database]:
    """A database of the session's server with an empty events table."""
    with Database.create(postgres_dsn, events_ddl("postgres")) as made:
        yield made


@pytest.fixture
def own_database(own_server: EmbeddedServer) -> Database:
    """The same on a server of the test's own, to kill and freeze."""
    with psycopg.connect(own_server.dsn, autocommit=True) as connection:
        connection.execute(events_ddl("postgres").encode())
    return Database(own_server.dsn)


@pytest.fixture(params=["thread", "asyncio"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of worker in turn."""
    name: str = request.param
    return name


@pytest.fixture
def clickhouse(clickhouse_databases: ClickhouseDatabases) -> Iterator[ClickhouseTables]:
    """A database of the session's ClickHouse with empty tables."""
    with ClickhouseTables.create(clickhouse_databases) as made:
        yield made


@pytest.fixture(params=["postgres", "clickhouse"])
def stored(request: pytest.FixtureRequest) -> Database | ClickhouseTables:
    """A database with empty tables, of each kind in turn."""
    made: Database | ClickhouseTables = request.getfixturevalue(
        "database" if request.param == "postgres" else "clickhouse"
    )
    return made
