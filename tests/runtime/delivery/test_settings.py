"""What a worker sets ends with its transaction, and what others set changes nothing of what is stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from adi_analytics._engine.drivers import thread_session
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from support.runtime import Database, Proxy, balanced, running, task, tasks
from support.runtime.samples import error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


SETTINGS = [
    ("datestyle", "German"),
    ("datestyle", "SQL, DMY"),
    ("intervalstyle", "iso_8601"),
    ("standard_conforming_strings", "off"),
    ("client_encoding", "LATIN1"),
    ("statement_timeout", "250ms"),
    ("idle_in_transaction_session_timeout", "1s"),
    ("default_transaction_isolation", "serializable"),
    ("search_path", "elsewhere"),
    ("timezone", "Asia/Kolkata"),
    ("row_security", "off"),
    ("array_nulls", "off"),
    ("transform_null_equals", "on"),
]
TEXT = "café Ωμέγα 日本 🙂"


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[psycopg.Connection[Any]]:
    """The connections that workers open."""
    opened: list[psycopg.Connection[Any]] = []
    connect = thread_session.PatientConnection.connect

    def remember(**options: Any) -> Any:
        opened.append(connect(**options))
        return opened[-1]

    monkeypatch.setattr(thread_session.PatientConnection, "connect", remember)
    return opened


def deliver_all_kinds(dsn: str) -> None:
    """Deliver new, duplicate, refused and late events, and check that each arrived."""
    with Proxy(dsn) as proxy, running("thread", proxy.dsn) as client:
        client.track(error(TEXT))
        assert client.flush(30).ok
        proxy.cut_after_commit(1)
        for event in tasks(10):
            client.track(event)
        assert client.flush(30).ok
        client.track(task(10), timestamp=datetime.now(UTC) - timedelta(days=3))
        client.track(error("a" * 200_000))
        assert client.flush(30).pending == 0
        stats = balanced(client)
        assert (stats.delivered, stats.duplicates, stats.dead_lettered) == (12, 10, 1)


def test_no_setting_outlives_its_transaction(database: Database, connections: list[psycopg.Connection[Any]]) -> None:
    """Behind a pooler in transaction mode, the next statement on the connection is another program's."""
    database.execute("alter table analytics_events add check ((data ->> 'duration_ms')::int is distinct from 3)")
    own = "select name, setting from pg_settings where source = 'session' order by name"
    with running("thread", database.dsn) as client:
        for event in tasks(10):
            client.track(event)
        client.track(task(11), timestamp=datetime.now(UTC) - timedelta(days=3))
        assert client.flush(30).ok
        assert balanced(client).dead_lettered == 1
        (connection,) = connections
        assert connection.execute(own).fetchall() == []
        for name in ("statement_timeout", "client_min_messages", "idle_in_transaction_session_timeout", "lc_messages"):
            query = f"select setting = reset_val from pg_settings where name = '{name}'"
            assert connection.execute(query.encode()).fetchone() == (True,)
        assert connection.execute("select current_setting('adi_analytics.rows', true)").fetchone() == (None,)


@pytest.mark.parametrize(("name", "value"), SETTINGS)
def test_a_setting_of_the_database_changes_nothing(migrated_dsn: str, name: str, value: str) -> None:
    database = Database(migrated_dsn)
    dbname = conninfo_to_dict(migrated_dsn)["dbname"]
    database.execute("alter table public.analytics_events add check (length(data::text) < 100000)")
    database.execute(f'alter database "{dbname}" set {name} = {value if name == "datestyle" else repr(value)}')
    deliver_all_kinds(migrated_dsn)
    with psycopg.connect(migrated_dsn, client_encoding="utf8") as connection:
        query = "select data ->> 'error_message' from public.analytics_events where event_type = 'application_error'"
        assert connection.execute(query).fetchall() == [(TEXT,)]


def _in_url(dsn: str, *_: object) -> str:
    return make_conninfo(dsn, client_encoding="latin1")


def _in_options(dsn: str, *_: object) -> str:
    return make_conninfo(dsn, options="-c client_encoding=latin1")


def _in_environment(dsn: str, monkeypatch: pytest.MonkeyPatch, _: object) -> str:
    monkeypatch.setenv("PGCLIENTENCODING", "latin1")
    monkeypatch.setenv("PGOPTIONS", "-c client_encoding=latin1")
    monkeypatch.setenv("PGDATESTYLE", "German")
    monkeypatch.setenv("PGTZ", "Asia/Kolkata")
    return dsn


def _in_service(dsn: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> str:
    (folder / "services").write_text("[app]\nclient_encoding=latin1\n", encoding="utf-8")
    monkeypatch.setenv("PGSERVICEFILE", str(folder / "services"))
    return make_conninfo(dsn, service="app")


@pytest.mark.parametrize("place", [_in_url, _in_options, _in_environment, _in_service])
def test_text_is_utf8_whatever_the_connection_says(
    database: Database, place: Callable[..., str], kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patched:
        dsn = place(database.dsn, patched, tmp_path)
        with running(kind, dsn) as client:
            client.track(error(TEXT))
            assert client.flush(30).ok
    rows = database.execute("select data ->> 'error_message' from analytics_events")
    assert rows == [(TEXT,)]
