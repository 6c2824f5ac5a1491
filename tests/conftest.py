"""Fixtures for all tests: real servers, one fresh database per test."""

from __future__ import annotations

import importlib.util
import os
import re
import time
import zlib
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, settings
from support import backends
from support.clickhouse.databases import session_clickhouse
from support.full import IN_FULL
from support.servers import Databases, private_server, session_databases
from support.timescale import TimescaleDatabases, session_timescale

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.embedded import EmbeddedServer
    from support.clickhouse.databases import ClickhouseDatabases

# A slow or busy machine decides no test: no example has a deadline, and examples may take long to make.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


_DAY: Final = 86_400
_LONG_TEST: Final = 45  # seconds
_IN_TURN: Final = ("tests/aggregates/", "tests/migrate/", "tests/people/")
_BACKEND: Final = re.compile(r"\b(postgres|timescaledb_apache|timescaledb)\b(?=[^\[]*\]$)")


def pytest_configure(config: pytest.Config) -> None:
    """Measure coverage in the processes that run tests, not in the programs that tests start, time and kill."""
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", default=None):
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


@pytest.fixture(autouse=True)
def one_day() -> None:
    """Wait when a day of UTC is about to end: half of a test would run today and half tomorrow."""
    left = _DAY - time.time() % _DAY
    if left < _LONG_TEST:
        time.sleep(left)


@pytest.fixture(scope="session")
def clickhouse_databases() -> Iterator[ClickhouseDatabases]:
    """The session's ClickHouse."""
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("chdb has no wheel for this platform")
    with session_clickhouse() as found:
        yield found


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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that need TimescaleDB, and of a slow test on several backends leave some out."""
    for item in items:
        if "timescale_databases" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timescaledb)
    if not IN_FULL:
        left_out = _other_backends(items)
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


def _other_backends(items: list[pytest.Item]) -> set[pytest.Item]:
    """Return what slow rooms leave out of tests that are alike but for their backend: in turn, each backend stays.

    Of both editions of TimescaleDB one stays, of all three backends one where the test has the mark ``one_backend``.
    The mark ``both_editions`` keeps all of them; so does ADI_ANALYTICS_ALL_BACKENDS=1, for every test.
    """
    alike = defaultdict(list)
    for item in items:
        if item.nodeid.startswith(_IN_TURN) and item.get_closest_marker("both_editions") is None:
            one = item.get_closest_marker("one_backend") is not None
            if one or "timescaledb" in item.nodeid:
                alike[_BACKEND.sub("timescaledb", item.nodeid)].append(item)
    return {item for key, found in alike.items() for item in found if item is not _stays(key, found)}


def _stays(key: str, found: list[pytest.Item]) -> pytest.Item:
    return found[(1 + zlib.crc32(key.encode())) % len(found)]
