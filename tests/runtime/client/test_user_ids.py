"""User ids that are texts: rows, dead letters, replay, and the limits of the column."""

from __future__ import annotations

import contextlib
import json
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from adi_analytics import AnalyticsClient
from adi_analytics._engine.rows.encode import RowEncoder
from adi_analytics._engine.rows.row import Row
from adi_analytics._engine.rows.validate import decoder_of
from adi_analytics._engine.stores.postgres import PostgresStore
from adi_analytics._shared.options import Settings
from adi_analytics.migrate.upkeep.replay import replay
from adi_analytics.testing import FailingSink
from adi_analytics_codegen.backends import render
from adi_analytics_codegen.check.catalog import load
from adi_analytics_codegen.model.catalog import Catalog
from support.clickhouse.tables import ClickhouseTables
from support.codegen.packages import package
from support.codegen.projects import minimal
from support.runtime import Database, balanced, running
from support.runtime.database import events_ddl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

FIELDS = {
    "user": {"type": "string", "wire": "userId", "optional": True},
    "number": {"type": "int", "optional": True},
}
IDS = ["", "user-1", "x" * 16, "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01", "É" * 1000, "it's", None]


def catalog() -> Catalog:
    event = {"domain": "web", "description": "x", "columns": {"user_id": "user"}, "fields": FIELDS}
    head = {"format": 2, "name": "texts", "owner": "me", "user_id": "string"}
    text = minimal(catalog=head, events={"seen": event}).encode()
    found = load(Path("events.yaml"), lambda _path: text).catalog
    assert found is not None
    return found


@pytest.fixture(scope="module")
def made() -> Iterator[ModuleType]:
    """The generated package; other tests must not find it imported."""
    module = package(catalog())
    yield module
    for name in [name for name in sys.modules if name.partition(".")[0] == module.__name__]:
        del sys.modules[name]


@pytest.fixture
def texts(postgres_dsn: str) -> Iterator[Database]:
    """A database whose column is a text."""
    ddl = events_ddl("postgres").split("\n-- Made from")[0]
    ddl += render(catalog(), ["sql"])["sql/postgres/events.sql"]
    with Database.create(postgres_dsn, ddl) as made:
        yield made


def test_the_package_says_the_type(made: ModuleType) -> None:
    assert (made.CATALOG.user_id, made.CATALOG.format) == ("string", 2)


@pytest.fixture(params=["postgres", "clickhouse"])
def stored(request: pytest.FixtureRequest) -> Iterator[Database | ClickhouseTables]:
    """The same, of each kind in turn."""
    if request.param == "postgres":
        yield request.getfixturevalue("texts")
    else:
        with ClickhouseTables.create(request.getfixturevalue("clickhouse_databases"), text_ids=True) as made:
            yield made


def test_each_id_is_stored_as_it_is(stored: Database | ClickhouseTables, made: ModuleType) -> None:
    with running("thread", stored.dsn, catalog=made.CATALOG) as client:
        for number, user in enumerate(IDS):
            client.track(made.Seen(user=user, number=number))
        client.track(made.Seen(user="x" * 2001, number=100))
        assert client.flush(20).pending == 0
        assert balanced(client).dead_lettered == 1
    rows = sorted(stored.rows(), key=lambda row: int(row["data"]["number"]))
    assert [(row["user_id"], row["data"].get("userId")) for row in rows] == [(user, user) for user in IDS]


@pytest.mark.parametrize("user", ["x" * 2001, "a\0b", "\ud800", 5])
def test_an_id_that_the_column_cannot_take_is_a_dead_letter(texts: Database, made: ModuleType, user: Any) -> None:
    with running("thread", texts.dsn, catalog=made.CATALOG) as client:
        client.track(made.Seen(user=user))
        client.track(made.Seen(user="fine"))
        assert client.flush(20).pending == 0
    assert texts.execute("select user_id from analytics_events") == [("fine",)]
    ((reason, payload),) = texts.execute("select reason, payload from analytics_dead_letters")
    assert reason in {"invalid_event", "encoding"}
    assert json.loads(payload)["event_type"] == "seen"


def test_rows_that_the_server_refuses_are_told_and_sent_again(texts: Database, made: ModuleType) -> None:
    texts.execute("alter table analytics_events add constraint short check (length(user_id) < 8)")
    with running("thread", texts.dsn, catalog=made.CATALOG) as client:
        for user in ("one", "x" * 16, "two"):
            client.track(made.Seen(user=user))
        assert client.flush(20).pending == 0
    ((payload,),) = texts.execute("select payload from analytics_dead_letters")
    assert json.loads(payload)["user_id"] == "x" * 16
    texts.execute("alter table analytics_events drop constraint short")
    with psycopg.connect(texts.dsn, autocommit=True) as connection:
        assert replay(connection, made.CATALOG).replayed == 1
    found = texts.execute("select user_id from analytics_events order by 1")
    assert found == [("one",), ("two",), ("x" * 16,)]


def performed(connection: psycopg.Connection[Any], steps: Any) -> Any:
    """Run the statements of *steps*, and return what they come to."""
    answer = None
    while True:
        try:
            effect = steps.send(answer)
        except StopIteration as end:
            return end.value
        cursor = connection.execute(effect.statement.encode(), effect.parameters or None)
        answer = cursor.fetchall() if cursor.description else []


def test_a_second_delivery_is_merged(texts: Database, made: ModuleType) -> None:
    encoder = RowEncoder(Settings(catalog=made.CATALOG), decoder_of)
    row = encoder.encode((made.Seen(user="x" * 16), uuid.uuid4(), 10**18, None))
    store = PostgresStore(made.CATALOG, "", statement_timeout=60.0)
    with psycopg.connect(texts.dsn, autocommit=True) as connection:
        assert performed(connection, store.merge([row])) == (1, 0)
        assert performed(connection, store.merge([row])) == (0, 1)
    assert texts.execute("select user_id from analytics_events") == [("x" * 16,)]


def test_a_sink_sees_the_text(made: ModuleType) -> None:
    from adi_analytics import AnalyticsWorker

    class Kept(FailingSink):
        def __init__(self) -> None:
            super().__init__()
            self.kept: list[Row] = []

        def write(self, rows: list[Row]) -> None:
            self.kept += rows

    client, config = AnalyticsClient.create(catalog=made.CATALOG)
    sink = Kept()
    with contextlib.closing(client), AnalyticsWorker(config, sink=sink):
        client.track(made.Seen(user="x" * 16))
        assert client.flush(20).ok
    assert [row.user_id for row in sink.kept] == ["x" * 16]
