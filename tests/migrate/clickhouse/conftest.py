"""A project with a small catalog for ClickHouse, and its database."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from support.clickhouse.migrating import Small
from support.packages import forgotten

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.clickhouse.databases import ClickhouseDatabases


@pytest.fixture(scope="session")
def small_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with its first migrations; nobody edits it."""
    made = Small(tmp_path_factory.mktemp("small") / "small", "")
    assert made.new().code == 0
    return made.folder


@pytest.fixture
def small(small_project: Path, tmp_path: Path, clickhouse_databases: ClickhouseDatabases) -> Iterator[Small]:
    """A copy of the project and an empty database; what commands import of it is forgotten."""
    shutil.copytree(small_project, tmp_path / "small")
    with clickhouse_databases.empty() as url, forgotten("small_events"):
        yield Small(tmp_path / "small", url)


@pytest.fixture
def installed(small: Small) -> Small:
    """The project with its migrations applied."""
    assert small.run("all").code == 0
    return small
