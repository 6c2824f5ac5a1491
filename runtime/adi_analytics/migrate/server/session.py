"""A connection to the database that a command works on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg

from adi_analytics.migrate import config
from adi_analytics.migrate.errors import DatabaseUnreachableError
from adi_analytics.migrate.options import Options
from adi_analytics.migrate.server import connection as server
from adi_analytics.migrate.server.backend import CHOOSE, Database, available_timescaledb, inspect
from adi_analytics.migrate.server.connection import Connection


@contextlib.contextmanager
def session(options: Options, command: str) -> Iterator[tuple[Connection, Database]]:
    """Connect for *command* and look at the database; a connection lost inside is told as such."""
    url = config.database_url(options.database_url)
    with server.connect(url, command=command) as connection:
        try:
            yield connection, inspect(connection, wanted=options.backend)
        except psycopg.OperationalError as error:
            if connection.broken or connection.closed:
                raise DatabaseUnreachableError(
                    f"the connection to {config.describe(url)} was lost: {' '.join(str(error).split())}",
                    "Run the same command again: what was done is recorded.",
                ) from error
            raise


def _notes(connection: Connection, database: Database, options: Options) -> Iterator[str]:
    if database.installed or options.backend is not None or database.offered != "postgres":
        return
    version = available_timescaledb(connection)
    if version is not None:
        yield f"TimescaleDB {version} is on the server, but not in this database. {CHOOSE}"
