"""Databases of each backend for the migrator's tests."""

from __future__ import annotations

import os
import zlib
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import pytest
from support.backends import BACKENDS, empty_dsn, migrated_dsn
from support.migrating import Project, Target, project

if TYPE_CHECKING:
    from pathlib import Path


_IN_TURN: Final = tuple(f"tests/migrate/{room}/" for room in ("adopt", "author", "people", "upkeep"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a test on both Timescale backends run one, half of the tests each: the rooms here are slow on them.

    ADI_ANALYTICS_ALL_BACKENDS=1 runs both; so does the mark ``both_editions`` on a test.
    """
    if os.environ.get("ADI_ANALYTICS_ALL_BACKENDS") == "1":
        return
    alike = defaultdict(list)
    for item in items:
        takes_turns = item.nodeid.startswith(_IN_TURN) and item.get_closest_marker("both_editions") is None
        if takes_turns and "timescaledb" in item.nodeid:
            alike[item.nodeid.replace("timescaledb_apache", "timescaledb")].append(item)
    left_out = {pair[zlib.crc32(key.encode()) % 2] for key, pair in alike.items() if len(pair) == 2}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


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
