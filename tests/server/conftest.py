"""A service on a migrated database, and one that answers about a stream of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.reading import Service, answering, fill
from support.serving import served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.servers import Databases
    from support.serving import Serving


@pytest.fixture
def serving(migrated_dsn: str) -> Serving:
    """What starts a service on a migrated database."""
    return lambda **options: served(**{"database_url": migrated_dsn, **options})


@pytest.fixture(scope="session")
def service(databases: Databases) -> Iterator[Service]:
    """A service that answers; tests may add events of today, and nothing else."""
    with databases.migrated() as dsn:
        read_dsn = fill(dsn)
        with answering(database_url=dsn, read_database_url=read_dsn) as client:
            yield Service(client, dsn, read_dsn)
