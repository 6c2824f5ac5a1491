"""Two databases of one catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.copying import Pair, pair, pair_of_texts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.clickhouse.databases import ClickhouseDatabases


@pytest.fixture
def uuids(clickhouse_databases: ClickhouseDatabases, migrated_dsn: str) -> Iterator[Pair]:
    """A catalog whose users have uuids."""
    with pair(clickhouse_databases, migrated_dsn) as made:
        yield made


@pytest.fixture
def texts(clickhouse_databases: ClickhouseDatabases, postgres_dsn: str, tmp_path: Path) -> Iterator[Pair]:
    """A catalog whose users have texts."""
    with pair_of_texts(clickhouse_databases, postgres_dsn, tmp_path / "texts") as made:
        yield made
