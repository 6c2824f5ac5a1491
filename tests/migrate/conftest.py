"""Databases of each backend for the migrator's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.backends import BACKENDS, empty_dsn, migrated_dsn
from support.migrating import Project, Target, project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=BACKENDS)
def target(request: pytest.FixtureRequest) -> Target:
    """An empty database, on each backend in turn."""
    name: str = request.param
    return Target(name, empty_dsn(name, request))


@pytest.fixture(params=BACKENDS)
def migrated(request: pytest.FixtureRequest) -> Target:
    """A database with all migrations applied, on each backend in turn."""
    name: str = request.param
    return Target(name, migrated_dsn(name, request))


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """A project with a copy of this repository's catalog and the migrations of an empty snapshot."""
    return project(tmp_path / "project")
