"""Each backend in turn: its name, and the fixtures that give a database of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

BACKENDS: Final = (
    "postgres",
    pytest.param("timescaledb", marks=pytest.mark.timescaledb),
    pytest.param("timescaledb_apache", marks=pytest.mark.timescaledb),
)
_EMPTY: Final = {"postgres": "postgres_dsn", "timescaledb": "timescale_dsn", "timescaledb_apache": "timescale_dsn"}
_MIGRATED: Final = {
    "postgres": "migrated_dsn",
    "timescaledb": "timescale_migrated_dsn",
    "timescaledb_apache": "timescale_apache_migrated_dsn",
}


def empty_dsn(backend: str, request: pytest.FixtureRequest) -> str:
    """Return the DSN of an empty database for *backend*."""
    return _from(_EMPTY, backend, request)


def migrated_dsn(backend: str, request: pytest.FixtureRequest) -> str:
    """Return the DSN of a database with all migrations of *backend* applied."""
    return _from(_MIGRATED, backend, request)


def _from(fixtures: Mapping[str, str], backend: str, request: pytest.FixtureRequest) -> str:
    dsn: str = request.getfixturevalue(fixtures[backend])
    return dsn
