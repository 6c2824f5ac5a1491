"""A service on a migrated database, and one that answers about a stream of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.reading import Service, answering, fill, filled_alike
from support.serving import served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.clickhouse.databases import ClickhouseDatabases
    from support.servers import Databases
    from support.serving import Serving


@pytest.fixture
def serving(migrated_dsn: str) -> Serving:
    """What starts a service on a migrated database."""
    return lambda **options: served(**{"database_url": migrated_dsn, **options})


@pytest.fixture(scope="session")
def postgres_service(databases: Databases) -> Iterator[Service]:
    """A service that answers; tests may add events of today, and nothing else."""
    with databases.migrated() as dsn:
        read_dsn = fill(dsn)
        with answering(database_url=dsn, read_database_url=read_dsn) as client:
            yield Service(client, dsn, read_dsn)


@pytest.fixture(scope="session")
def clickhouse_service(databases: Databases, clickhouse_databases: ClickhouseDatabases) -> Iterator[Service]:
    """The same on a ClickHouse, beside a PostgreSQL with the same events."""
    with databases.migrated() as dsn, clickhouse_databases.empty() as url:
        read_dsn, made = filled_alike(dsn, url)
        with answering(database_url=made.database, overview_age=0) as client:
            yield Service(client, dsn, read_dsn, made)


@pytest.fixture(scope="session")
def service(postgres_service: Service) -> Service:
    """The one on PostgreSQL."""
    return postgres_service


@pytest.fixture(params=["postgres_service", "clickhouse_service"])
def either_service(request: pytest.FixtureRequest) -> Service:
    """The one on PostgreSQL and the one on ClickHouse: a module's own ``service`` that is this runs its tests twice."""
    found: Service = request.getfixturevalue(request.param)
    return found
