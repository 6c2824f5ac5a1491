"""Which backend a database has: plain PostgreSQL or an edition of TimescaleDB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import psycopg

from adi_analytics._shared.sql import quote
from adi_analytics._shared.version import __version__
from adi_analytics.migrate.errors import (
    BackendChangedError,
    HistoryError,
    OtherCatalogError,
    UnsuitableDatabaseError,
)
from adi_analytics.migrate.options import BACKENDS
from adi_analytics.migrate.server.connection import Connection, fetch_value

FORMAT: Final = 1
"""The form of the tables in ``analytics_meta`` that this library reads and writes."""


# What each backend needs of the server, from least to most: a database set up for one also runs on a server that
# offers a later one.
_OFFERS: Final = {
    "postgres": ("postgres",),
    "timescaledb_apache": ("postgres", "timescaledb_apache"),
    "timescaledb": ("postgres", "timescaledb_apache", "timescaledb"),
}


CHOOSE: Final = (
    "The first migration fixes the backend of this database: for TimescaleDB, run `create extension timescaledb` in "
    "this database before it; for plain PostgreSQL, say so with `--backend postgres`."
)
"""What to do about a server that has TimescaleDB, and a database that does not."""


@dataclass(frozen=True, slots=True)
class Database:
    """What is known about the database before anything is done to it.

    Attributes:
        backend: What its tables are made for: as recorded, else as asked for, else as detected.
        offered: The most that the server can do.
        schema: The schema of the public tables and views.
        search_path: What migrations run with: ``schema``, and the extension's schema when that is another one.
        installed: Whether the migrator's tables exist.
        timescaledb: Version of the extension, or ``None``.
        catalog: The name of the catalog: as recorded, else that of the migrations, if they say it.
        named: Whether the database's record says it.
        session_schema: Where a new session of this role makes tables.
    """

    backend: str
    offered: str
    schema: str
    search_path: tuple[str, ...]
    installed: bool
    timescaledb: str | None
    server_version: int
    catalog: str | None = None
    named: bool = False
    session_schema: str | None = None

    @property
    def search_path_sql(self) -> str:
        """The search path as it is written after ``set search_path =``."""
        return ", ".join(quote(name) for name in self.search_path)


def inspect(connection: Connection, *, wanted: str | None = None, catalog: str | None = None) -> Database:
    """Find out what the database is, and which backend its tables are made for.

    Args:
        connection: To the database.
        wanted: The backend to set a new database up for. Defaults to the most that the server offers.
        catalog: The name of the catalog that the database must be of, unless it does not say one.

    Raises:
        OtherCatalogError: If it is another catalog's.
        BackendChangedError: If it was set up for another backend than *wanted*, or than the server offers now.
        HistoryError: If a newer library set it up.
        UnsuitableDatabaseError: If it has no schema to create tables in.
    """
    offered, version, extension_schema = _detect(connection)
    recorded = _recorded(connection)
    if recorded and recorded[0] > FORMAT:
        raise HistoryError(
            f"the database was set up by a newer adi-analytics: its records have format {recorded[0]}, "
            f"this library ({__version__}) knows {FORMAT}",
            "Upgrade adi-analytics. Nothing was changed.",
        )
    found = recorded[3] if recorded else None
    if found is not None and catalog is not None and found != catalog:
        raise OtherCatalogError(found=found, expected=catalog)
    backend = recorded[1] if recorded else wanted or offered
    _check_backend(backend, offered, wanted, recorded=bool(recorded))
    session_schema = fetch_value(connection, "select current_schema()")
    schema = recorded[2] if recorded else session_schema
    if not schema:
        raise UnsuitableDatabaseError(
            "the connection's search_path names no schema that exists",
            "Create the schema, or add `?options=-csearch_path%3Dpublic` to the URL.",
        )
    path = (schema,) if extension_schema is None or extension_schema == schema else (schema, extension_schema)
    return Database(
        backend=backend,
        offered=offered,
        schema=schema,
        search_path=path,
        installed=bool(recorded),
        timescaledb=version,
        server_version=connection.info.server_version,
        catalog=found or catalog,
        named=found is not None,
        session_schema=session_schema,
    )


def _detect(connection: Connection) -> tuple[str, str | None, str | None]:
    """Return what is offered, the extension's version and its schema.

    pg_extension comes first: the licence setting exists as soon as the library is preloaded.
    """
    row = connection.execute(
        "select e.extversion, n.nspname, current_setting('timescaledb.license', true)"
        " from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace"
        " where e.extname = 'timescaledb'"
    ).fetchone()
    if row is None:
        return "postgres", None, None
    return ("timescaledb" if row[2] == "timescale" else "timescaledb_apache"), row[0], row[1]


def available_timescaledb(connection: Connection) -> str | None:
    """Return the version that `create extension timescaledb` would make, if the server has the files for it."""
    found: str | None = fetch_value(
        connection, "select default_version from pg_catalog.pg_available_extensions where name = 'timescaledb'"
    )
    return found


def _recorded(connection: Connection) -> tuple[int, str, str, str | None] | None:
    if fetch_value(connection, "select to_regclass('analytics_meta.installation')") is None:
        return None
    try:
        # By way of JSON: a database of before the column has no catalog.
        return connection.execute(
            "select format, backend, events_schema, to_jsonb(i) ->> 'catalog' from analytics_meta.installation i"
        ).fetchone()
    except psycopg.errors.InsufficientPrivilege as error:
        raise UnsuitableDatabaseError(
            f"role {connection.info.user!r} may not read analytics_meta.installation",
            "Connect as the role that ran the migrations, or grant it to this role.",
            role=connection.info.user,
        ) from error


def _check_backend(backend: str, offered: str, wanted: str | None, *, recorded: bool) -> None:
    if backend not in BACKENDS:
        raise BackendChangedError(backend=backend)
    if recorded and wanted not in {None, backend}:
        raise BackendChangedError(backend=backend, wanted=wanted)
    if backend not in _OFFERS[offered]:
        raise BackendChangedError(backend=backend, offered=offered)
