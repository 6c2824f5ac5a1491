"""Databases of each backend for the migrator's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.migrating import Project, Target, project

if TYPE_CHECKING:
    from pathlib import Path

BACKENDS = [
    "postgres",
    pytest.param("timescaledb", marks=pytest.mark.timescaledb),
    pytest.param("timescaledb_apache", marks=pytest.mark.timescaledb),
]


@pytest.fixture(params=BACKENDS)
def target(request: pytest.FixtureRequest) -> Target:
    """An empty database, on each backend in turn."""
    name: str = request.param
    return Target(name, request.getfixturevalue("postgres_dsn" if name == "postgres" else "timescale_dsn"))


@pytest.fixture
def migrated(target: Target) -> Target:
    """A database with all migrations applied, on each backend in turn."""
    target.apply()
    return target


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """A project with a copy of this repository's catalog and the migrations of an empty snapshot."""
    return project(tmp_path / "project")
