"""A connection to the database that a command works on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg

from adi_analytics._shared.conninfo import printable, without_secrets
from adi_analytics.migrate.errors import DatabaseUnreachableError
from adi_analytics.migrate.files.manifest import catalog_name
from adi_analytics.migrate.options import Options
from adi_analytics.migrate.server.backend import CHOOSE, Database, available_timescaledb, inspect
from adi_analytics.migrate.server.connection import Connection, connect, database_url, execute


@contextlib.contextmanager
def session(options: Options, command: str) -> Iterator[tuple[Connection, Database]]:
    """Connect for *command* and look at the database.

    Raises:
        UsageError: If the catalog is not found; that is said before anything waits for a server.
        DatabaseUnreachableError: If there is no connection, or if it is lost in the block.
    """
    catalog = catalog_name(options.folder)
    url = database_url(options.database_url)
    with connect(url, command=command) as connection:
        try:
            database = inspect(connection, wanted=options.backend, catalog=catalog)
            # Where the tables are says the database's record, not the session's search path. The procedures find
            # TimescaleDB's own by it (machinery_continuous.sql says why).
            execute(connection, f"set search_path = {database.search_path_sql}")
            yield connection, database
        except psycopg.OperationalError as error:
            if connection.broken or connection.closed:
                reason = without_secrets(" ".join(str(error).split()), url)
                raise DatabaseUnreachableError(reason=reason, database=printable(url), lost=True) from error
            raise


def missing_object(*, installed: bool) -> str:
    """Return what to do when a table that the migrations make is not there; *installed* says if others are."""
    if not installed:
        return "Run `analytics-migrate all` first."
    return "Run `analytics-migrate status`. If nothing is pending, `analytics-migrate drift` says how to make it."


def setup_notes(connection: Connection, database: Database, options: Options) -> Iterator[str]:
    """Yield what to know before the first migration settles the backend."""
    if database.installed or options.backend is not None or database.offered != "postgres":
        return
    version = available_timescaledb(connection)
    if version is not None:
        yield f"TimescaleDB {version} is on the server, but not in this database. {CHOOSE}"
