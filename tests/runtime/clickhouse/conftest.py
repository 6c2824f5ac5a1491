"""A proxy that fails on demand between the worker and ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.clickhouse.proxy import FaultyProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.clickhouse.tables import ClickhouseTables


@pytest.fixture
def proxy(clickhouse: ClickhouseTables) -> Iterator[FaultyProxy]:
    """A proxy before the tables."""
    with FaultyProxy(clickhouse.url) as made:
        yield made
