"""A database with the events table, and ways to look into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from support.runtime import Database, events_ddl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.embedded import EmbeddedServer


@pytest.fixture
def database(postgres_dsn: str) -> Iterator[Database]:
    """A database of the session's server with an empty events table."""
    with Database.create(postgres_dsn, events_ddl("postgres")) as made:
        yield made


@pytest.fixture
def own_database(own_server: EmbeddedServer) -> Database:
    """The same on a server of the test's own, to kill and freeze."""
    with psycopg.connect(own_server.dsn, autocommit=True) as connection:
        connection.execute(events_ddl("postgres").encode())
    return Database(own_server.dsn)


@pytest.fixture(params=["thread", "asyncio"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of worker in turn."""
    name: str = request.param
    return name
