"""Databases whose own encoding is not UTF-8: what they can hold is stored, and the rest becomes dead letters."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING

import psycopg
import pytest
from adi_analytics import events
from adi_analytics.migrate.upkeep.replay import replay
from adi_analytics_events import CATALOG
from support.runtime import Database, Proxy, balanced, running
from support.runtime.samples import error
from support.servers import apply_migrations, with_database

if TYPE_CHECKING:
    from collections.abc import Iterator

LATIN, GREEK = "café", "Ωμέγα 日本"


@contextlib.contextmanager
def database_in(dsn: str, encoding: str) -> Iterator[Database]:
    """A migrated database in *encoding*."""
    name = f"adi_test_{uuid.uuid4().hex[:16]}"
    admin = Database(dsn)
    admin.execute(f"create database {name} template template0 encoding '{encoding}' locale 'C'")
    try:
        made = with_database(dsn, name)
        apply_migrations(made)
        yield Database(made)
    finally:
        admin.execute(f"drop database {name} with (force)")


def stored(database: Database) -> list[str]:
    with psycopg.connect(database.dsn, client_encoding="utf8") as connection:
        query = "select data ->> 'error_message' from analytics_events order by id"
        return [text for (text,) in connection.execute(query)]


@pytest.mark.parametrize(("encoding", "held"), [("LATIN1", [LATIN]), ("SQL_ASCII", [LATIN, GREEK])])
def test_what_the_encoding_holds_is_stored(postgres_dsn: str, encoding: str, held: list[str]) -> None:
    with database_in(postgres_dsn, encoding) as database:
        with Proxy(database.dsn) as proxy, running("thread", proxy.dsn) as client:
            proxy.cut_after_commit(1)  # so that both ways to store a row are gone
            client.track(error(LATIN))
            assert client.flush(30).ok
            client.track(error(GREEK))
            client.track(events.ApplicationError(service=GREEK, error_type="E", error_message=LATIN))
            assert client.flush(30).ok
            stats = balanced(client)
            assert (stats.delivered, stats.dead_lettered) == ((3, 0) if GREEK in held else (1, 2))
        assert sorted(set(stored(database))) == held
        if GREEK not in held:
            assert database.letters() == [("application_error", "row_rejected", "22P05")] * 2
            with psycopg.connect(database.dsn, autocommit=True, client_encoding="utf8") as connection:
                result = replay(connection, CATALOG)
            assert {letter.sqlstate for letter in result.refused} == {"22P05"}


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_letter_is_replayed_as_it_was(postgres_dsn: str, encoding: str) -> None:
    with database_in(postgres_dsn, encoding) as database:
        database.execute("alter table analytics_events add constraint picky check (false) not valid")
        with running("thread", database.dsn) as client:
            client.track(error(LATIN))
            client.track(error("x"))
            assert client.flush(30).pending == 0
        database.execute("alter table analytics_events drop constraint picky")
        with psycopg.connect(database.dsn, autocommit=True, client_encoding="utf8") as connection:
            assert replay(connection, CATALOG).replayed == 2
        assert sorted(stored(database)) == [LATIN, "x"]
