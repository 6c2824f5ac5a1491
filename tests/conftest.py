"""Fixtures for all tests: real servers, one fresh database per test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from support import backends
from support.servers import Databases, private_server, session_databases
from support.timescale import TimescaleDatabases, session_timescale

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.embedded import EmbeddedServer

# A slow or busy machine decides no test: no example has a deadline, and examples may take long to make.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """Measure coverage in the processes that run tests, not in the programs that tests start, time and kill."""
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", default=None):
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """The session's PostgreSQL."""
    with session_databases() as found:
        yield found


@pytest.fixture(scope="session")
def timescale_databases() -> Iterator[TimescaleDatabases]:
    """The session's TimescaleDB."""
    with session_timescale() as found:
        yield found


@pytest.fixture
def postgres_dsn(databases: Databases) -> Iterator[str]:
    """The DSN of an empty database on plain PostgreSQL."""
    with databases.empty() as dsn:
        yield dsn


@pytest.fixture
def migrated_dsn(databases: Databases) -> Iterator[str]:
    """The DSN of a database on plain PostgreSQL with all migrations applied."""
    with databases.migrated() as dsn:
        yield dsn


@pytest.fixture
def timescale_dsn(timescale_databases: TimescaleDatabases) -> Iterator[str]:
    """The DSN of an empty database on TimescaleDB; its policies run only when a test says so."""
    with timescale_databases.empty() as dsn:
        yield dsn


@pytest.fixture
def timescale_migrated_dsn(timescale_databases: TimescaleDatabases) -> Iterator[str]:
    """The DSN of a database on TimescaleDB with all migrations applied."""
    with timescale_databases.migrated() as dsn:
        yield dsn


@pytest.fixture
def timescale_apache_migrated_dsn(timescale_databases: TimescaleDatabases) -> Iterator[str]:
    """The same with the migrations of the Apache edition."""
    with timescale_databases.migrated("timescaledb_apache") as dsn:
        yield dsn


@pytest.fixture(params=backends.BACKENDS[:2])
def backend(request: pytest.FixtureRequest) -> str:
    """The name of each backend in turn, for `any_backend_dsn` and `any_migrated_dsn`."""
    name: str = request.param
    return name


@pytest.fixture
def any_backend_dsn(backend: str, request: pytest.FixtureRequest) -> str:
    """The DSN of an empty database, on each backend in turn."""
    return backends.empty_dsn(backend, request)


@pytest.fixture
def any_migrated_dsn(backend: str, request: pytest.FixtureRequest) -> str:
    """The DSN of a database with all migrations applied, on each backend in turn."""
    return backends.migrated_dsn(backend, request)


@pytest.fixture
def own_server() -> Iterator[EmbeddedServer]:
    """A PostgreSQL server for one test, to kill, freeze and restart (see `support.servers.freeze`)."""
    with private_server() as server:
        yield server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need TimescaleDB."""
    for item in items:
        if "timescale_databases" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timescaledb)
