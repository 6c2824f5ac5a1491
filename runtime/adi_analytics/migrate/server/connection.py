"""One direct connection, and what the server at its other end is."""

from __future__ import annotations

import contextlib
import getpass
import logging
import socket
from collections.abc import Iterator
from typing import Any, Final, LiteralString, TypeAlias

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

from adi_analytics._shared.conninfo import (
    ARGUMENT,
    ENCODING,
    VARIABLES,
    ConninfoInvalidError,
    ConninfoMissingError,
    parse_conninfo,
    printable,
    resolve_conninfo,
    without_secrets,
)
from adi_analytics._shared.defaults import with_defaults
from adi_analytics.migrate.errors import DatabaseUnreachableError, UnsuitableDatabaseError, UsageError
from adi_analytics.migrate.server import pooler
from adi_analytics.migrate.server.pins import pins

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]


_OLDEST_SERVER: Final = 150000
_CONNECT_TIMEOUT: Final = 10  # seconds


logger = logging.getLogger(__name__)


def database_url(given: str | None, *, clickhouse: bool = False) -> str:
    """Return the connection string to use: *given*, or what the environment or ``.env`` says.

    Args:
        given: The argument; wins when it is not empty.
        clickhouse: Whether it may be the URL of a ClickHouse.

    Raises:
        UsageError: If there is none, or if it is no connection string.
    """
    try:
        return resolve_conninfo(given, clickhouse=clickhouse)
    except ConninfoMissingError as error:
        raise UsageError(
            "no database was given",
            f"Pass --database-url postgresql://user@host/database, or set {' or '.join(VARIABLES)} "
            "in the environment or in a .env file.",
            setting="database_url",
        ) from error
    except ConninfoInvalidError as error:
        source = "--database-url" if error.source == ARGUMENT else error.source
        raise UsageError(
            f"the database URL cannot be read (from {source}): {error.problem}",
            "It is not repeated here, because it may hold a password.",
            setting=source,
        ) from error


def host() -> str:
    """Return the name of this machine, for the record."""
    return socket.gethostname()


def _application_name(command: str) -> str:
    with contextlib.suppress(OSError, KeyError):
        return f"analytics-migrate {command} {getpass.getuser()}@{host()}"[:63]
    return f"analytics-migrate {command}"


@contextlib.contextmanager
def connect(url: str, *, command: str = "api") -> Iterator[Connection]:
    """Open a connection in autocommit mode, without prepared statements.

    Raises:
        DatabaseUnreachableError: If the server does not answer or refuses the connection.
        UnsuitableDatabaseError: If it is too old, a read-only standby, or behind a pooler in transaction mode.
    """
    with _open(url, command) as connection:
        with _pooled_by_statement(url):
            _check_server(connection, url)
        if pooler.shares_sessions(connection, lambda: _open(url, command)):
            raise UnsuitableDatabaseError(
                f"{printable(url)} is a pooler in transaction mode: neither a lock nor a setting would stay ours",
                "Connect directly to the server, or to a port where the pooler works in session mode.",
                database=printable(url),
            )
        pin(connection)
        yield connection


@contextlib.contextmanager
def _pooled_by_statement(url: str) -> Iterator[None]:
    """Say what a pooler in statement mode is, which refuses the first transaction."""
    try:
        yield
    except psycopg.errors.ProtocolViolation as error:
        raise UnsuitableDatabaseError(
            f"{printable(url)} is a pooler that allows no transactions",
            "Connect directly to the server, or to a port where the pooler works in session mode.",
            database=printable(url),
        ) from error


def _open(url: str, command: str) -> Connection:
    try:
        # prepare_threshold=None: behind a pooler or on a server whose clients share one session, names of prepared
        # statements collide.
        given = with_defaults(parse_conninfo(url) or {}, {"connect_timeout": _CONNECT_TIMEOUT})
        own = {"client_encoding": ENCODING, "fallback_application_name": _application_name(command)}
        return psycopg.connect(autocommit=True, prepare_threshold=None, **{**given, **own})
    except psycopg.OperationalError as error:
        reason = without_secrets(" ".join(str(error).split()), url)
        raise DatabaseUnreachableError(reason=reason, database=printable(url)) from error


def pin(connection: Connection) -> None:
    """Set what an answer depends on (`pins`), for the session."""
    for statement in pins(connection.info.server_version):
        execute(connection, statement)


def _check_server(connection: Connection, url: str) -> None:
    version = connection.info.server_version
    if version < _OLDEST_SERVER:
        raise UnsuitableDatabaseError(
            f"{printable(url)} is PostgreSQL {version // 10000}; expected 15 or newer",
            "Upgrade the server.",
            database=printable(url),
            server_version=version,
        )
    if pooler.unhurried(connection, "select pg_is_in_recovery()") == (True,):
        raise UnsuitableDatabaseError(
            f"{printable(url)} is a standby, which is read-only",
            "Connect to the primary server. A URL that names several hosts needs `target_session_attrs=read-write`.",
            database=printable(url),
        )


def fetch_value(connection: Connection, query: LiteralString | sql.SQL | sql.Composed, *parameters: object) -> Any:
    """Return the first column of the first row, or ``None``."""
    row = connection.execute(query, parameters or None).fetchone()
    return None if row is None else row[0]


def fetch_named(connection: Connection, query: LiteralString, values: dict[str, Any]) -> list[Any]:
    """Return the rows, whose columns are attributes."""
    rows: list[Any] = connection.cursor(row_factory=namedtuple_row).execute(query, values).fetchall()
    return rows


def execute(connection: Connection, text: str) -> None:
    """Send *text*, which may hold several statements, as it is."""
    # As bytes: the type of a query guards against injection, and this text is from reviewed files and generated SQL.
    connection.execute(text.encode())
