"""A service that answers, in a thread of this process, and its database with a stream of events."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import uvicorn
from adi_analytics import migrate
from adi_analytics._shared.clickhouse.address import parse_clickhouse
from adi_analytics._shared.clickhouse.session import ClickhouseSession
from adi_analytics.server import ServerOptions, clickhouse_tokens, create_app
from adi_analytics_codegen.backends.sql.manifest.document import manifest
from adi_analytics_codegen.check.catalog import load_catalog
from psycopg import sql
from psycopg.conninfo import make_conninfo

from support.aggregates.installed import Installed
from support.aggregates.oracle import Row
from support.aggregates.streams import START, stream
from support.clickhouse.installed import Installed as OnClickhouse
from support.paths import EVENTS
from support.serving import token_for, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics.server.tokens import Scope

CATALOG = load_catalog(EVENTS)
STORED = START + timedelta(days=25)
"""Up to here the buckets of the stream are stored."""
READER = "adi_test_reader"

_MEMBERS = """
select r ->> 'name' || '_live' from analytics_meta.aggregates a, jsonb_array_elements(a.relations) r
where a.aggregate = 'analytics_daily_active_users' and a.active and r ->> 'name' like '%\\_users'
"""


@dataclass(frozen=True)
class Service:
    """A service that reads as a role which may only read, without tokens.

    Attributes:
        client: Speaks to it.
        dsn: Its database, as the owner; or with *clickhouse* a PostgreSQL with the same events.
        read_dsn: The same, as the reader.
        clickhouse: Its database, if that is a ClickHouse.
    """

    client: httpx.Client
    dsn: str
    read_dsn: str
    clickhouse: OnClickhouse | None = None

    @property
    def database(self) -> str:
        """The URL of its database, as the owner."""
        return self.dsn if self.clickhouse is None else self.clickhouse.database

    @property
    def read_database(self) -> str:
        """The URL of its database, as the reader."""
        return self.read_dsn if self.clickhouse is None else self.clickhouse.database

    def insert(self, rows: list[Row]) -> None:
        """Add events."""
        insert(self.dsn, rows)
        if self.clickhouse is not None:
            self.clickhouse.insert(rows)

    def token(self, scope: Scope) -> str:
        """Return a new token for its database."""
        if self.clickhouse is None:
            return token_for(self.dsn, scope)
        return token_on(self.clickhouse, scope)

    def answer(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a *statement* in its database, which the reader asks."""
        if self.clickhouse is not None:
            return self.clickhouse.answer(statement)
        with psycopg.connect(self.read_dsn, options="-c timezone=UTC") as connection:
            return connection.execute(statement.encode()).fetchall()

    def get(self, path: str, status: int = 200, **parameters: Any) -> Any:
        """Return the JSON of an answer; ``filter.service`` is spelled ``filter__service``."""
        named = {name.replace("__", "."): value for name, value in parameters.items()}
        answer = self.client.get(path, params=named or None)
        assert answer.status_code == status, answer.text
        return answer.json()

    def rows(self, query: str) -> list[Any]:
        """Return what the owner of the database reads."""
        with psycopg.connect(self.dsn, options="-c timezone=UTC") as connection:
            return connection.execute(query.encode()).fetchall()


def token_on(clickhouse: OnClickhouse, scope: Scope) -> str:
    """Return a new token of *scope* in a ClickHouse."""
    with ClickhouseSession(parse_clickhouse(clickhouse.database)) as session:
        return clickhouse_tokens.create(session, f"test of {scope}", scope)


def insert(dsn: str, rows: list[Row]) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        Installed(connection, CATALOG, "postgres", manifest(CATALOG)).insert(rows)


def fill(dsn: str) -> str:
    """Put events into a migrated database, and return the DSN of a role that reads; it may also count members."""
    return _filled(dsn, events())


def events() -> list[Row]:
    """Return 40 days of events, and some of today."""
    return [*stream(CATALOG, days=40, users=6), *of_today()]


def filled_alike(dsn: str, url: str) -> tuple[str, OnClickhouse]:
    """Put the same events into a migrated database and into an empty one of a ClickHouse; both are refreshed alike."""
    rows = events()
    made = OnClickhouse.create(url, CATALOG)
    made.insert(rows)
    made.refresh(STORED)
    return _filled(dsn, rows), made


def _filled(dsn: str, rows: list[Row]) -> str:
    insert(dsn, rows)
    with psycopg.connect(dsn, autocommit=True) as connection, contextlib.suppress(psycopg.errors.DuplicateObject):
        connection.execute(f"create role {READER} login".encode())
    migrate.apply(options=migrate.Options(database_url=dsn, grant_reader=READER))
    migrate.refresh(options=migrate.Options(database_url=dsn), until=STORED)
    with psycopg.connect(dsn, autocommit=True) as connection:
        (members,) = connection.execute(_MEMBERS).fetchone() or ("",)
        connection.execute(sql.SQL("grant select on {} to {}").format(sql.Identifier(members), sql.Identifier(READER)))
    return make_conninfo(dsn, options=f"-c role={READER}")


def of_today() -> Iterator[Row]:
    """Yield events of today: two users, two tasks, one of them done, a cocoon."""
    now = datetime.now(UTC)
    for number, kind in enumerate(("task_created", "task_created", "task_completed", "cocoon_registered")):
        data = {"type": kind, "duration_ms": 40, "exit_code": 0, "cocoon_id": str(uuid.UUID(int=number))}
        yield Row(now, kind, json.dumps(data), uuid.UUID(int=900 + number % 2), "a", uuid.uuid4())
    for number in range(12):
        data = {"type": "api_request", "endpoint": "/slow", "method": "GET", "duration_ms": number, "status_code": 200}
        yield Row(now, "api_request", json.dumps(data), None, "a", uuid.uuid4())


@contextlib.contextmanager
def answering(*, http: type[asyncio.Protocol] | None = None, **options: Any) -> Iterator[httpx.Client]:
    """Run a service in a thread, with uvicorn's protocol or another; yield a client of it."""
    given = {"catalog": "adi_analytics_events", "without_tokens": True, "rate_limit": 0, **options}
    app = create_app(ServerOptions(**given))
    config = uvicorn.Config(app, port=0, http=http or "auto", log_level="warning", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started or not thread.is_alive())
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        with httpx.Client(base_url=f"http://{host}:{port}") as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
