"""A session with the ClickHouse that a command works on, and what its errors mean to the user."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adi_analytics._shared.clickhouse.address import parse_clickhouse, require_httpx2
from adi_analytics._shared.clickhouse.errors import (
    ClickhouseError,
    RefusedByServerError,
    UnreachableServerError,
    said,
)
from adi_analytics._shared.clickhouse.text import quoted
from adi_analytics._shared.conninfo import resolve_conninfo
from adi_analytics.migrate.clickhouse.files.objects import (
    AGGREGATES,
    FOLDERS,
    INSTALLATION,
    installation,
    load,
    written,
)
from adi_analytics.migrate.errors import (
    BackendChangedError,
    ClickhouseFailedError,
    DatabaseUnreachableError,
    HistoryError,
    MigrateError,
    OtherCatalogError,
    UnsuitableDatabaseError,
    UsageError,
)
from adi_analytics.migrate.server.session import missing_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics._shared.clickhouse.session import ClickhouseSession
    from adi_analytics.migrate.files.migration import MigrationFile
    from adi_analytics.migrate.options import Options

MIGRATIONS: Final = "analytics_meta_migrations"
OLDEST: Final = (26, 9)
ONE, CLUSTER = FOLDERS

EXISTS: Final = 57
UNKNOWN_TABLE: Final = 60
_UNKNOWN_DATABASE: Final = 81
_NO_RIGHT: Final = 497
_LOGIN: Final = frozenset({192, 193, 194, 516})
_READ_ONLY: Final = 164


@dataclass(frozen=True, slots=True)
class Server:
    """A database of a ClickHouse.

    Attributes:
        session: Speaks to it.
        backend: ``clickhouse``, or ``clickhouse_cluster``.
        installed: Whether the migrator's table is there.
        files: The migrations of the catalog.
        catalog: The catalog's name.
        table: The events table.
        letters: The table of dead letters.
    """

    session: ClickhouseSession
    backend: str
    installed: bool
    files: tuple[MigrationFile, ...]
    catalog: str
    table: str
    letters: str

    @property
    def database(self) -> str:
        """The name of the database."""
        return self.session.address.database

    @property
    def on_cluster(self) -> str:
        """What a statement says to run on all servers."""
        return " on cluster '{cluster}'" if self.backend == CLUSTER else ""

    @property
    def stored(self) -> str:
        """The table whose partitions hold the events on this server."""
        return f"{self.table}_local" if self.backend == CLUSTER else self.table

    def has(self, name: str) -> bool:
        """Return whether there is a table or view called *name*."""
        return bool(self.session.value(f"exists {quoted(name)}"))


@contextlib.contextmanager
def opened(options: Options, command: str) -> Iterator[Server]:  # noqa: ARG001 - as for PostgreSQL
    """Connect for *command* and look at the database.

    Raises:
        UsageError: If the catalog is not found, or is none for ClickHouse.
        DatabaseUnreachableError: If there is no answer, or if the connection is lost in the block.
        UnsuitableDatabaseError: If it can't be worked with.
    """
    load(options.folder, ONE)  # what is wrong with the files is said before anything waits for a server
    with connected(options) as session:
        yield _looked_at(session, options)


@contextlib.contextmanager
def connected(options: Options) -> Iterator[ClickhouseSession]:
    """Yield a session; what goes wrong in the block is said in words."""
    require_httpx2()
    from adi_analytics._shared.clickhouse.session import ClickhouseSession

    address = parse_clickhouse(resolve_conninfo(options.database_url, clickhouse=True))
    where = f"{address.place}/{address.database}"
    reached = False
    try:
        with ClickhouseSession(address) as session:
            _check_version(session.value("select version()"), where)
            reached = True
            _check_database(session)
            yield session
    except ClickhouseError as error:
        raise explained(error, where, reached=reached) from error


def explained(error: ClickhouseError, where: str, *, reached: bool = True) -> MigrateError:
    """Return what *error* of the server at *where* means; *reached* says that it has answered before."""
    if isinstance(error, UnreachableServerError):
        return DatabaseUnreachableError(reason=str(error), database=where, lost=reached)
    if isinstance(error, RefusedByServerError):
        return _refused(error, where)
    return ClickhouseFailedError(str(error))


def _refused(error: RefusedByServerError, where: str) -> MigrateError:
    code = error.code
    if code is None:
        reason = f"HTTP status {error.status}: what answers there is no ClickHouse, or a proxy before one"
        return DatabaseUnreachableError(reason=reason, database=where)
    text = said(code, error.text)
    if code in _LOGIN:  # its text may repeat what was sent
        return DatabaseUnreachableError(reason=f"the server refuses user or password (code {code})", database=where)
    if code == _UNKNOWN_DATABASE:
        remedy = "Create it: `create database NAME`; the migrations make tables, no databases."
        return UnsuitableDatabaseError(f"{where}: there is no such database", remedy, database=where)
    if code in (_NO_RIGHT, _READ_ONLY):
        remedy = "Connect as a user with the rights `create, alter, drop, select, insert` on the database."
        return UnsuitableDatabaseError(f"{where}: {text}", remedy, database=where)
    return ClickhouseFailedError(f"{where}: {text} (code {code})", _REMEDIES.get(code, ""))


_REMEDIES: Final = {
    UNKNOWN_TABLE: "See `analytics-migrate status`, then `analytics-migrate drift`, which says how to make it.",
    241: "Give the user more memory (max_memory_usage), or refresh shorter ranges with --since and --until.",
    159: "Raise max_execution_time of the user.",
    160: "Raise max_execution_time of the user.",
}


def _check_version(version: object, where: str) -> None:
    found = re.match(r"(\d+)\.(\d+)", str(version))
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        problem = f"{where} is ClickHouse {version}; expected {oldest} or newer"
        raise UnsuitableDatabaseError(problem, "Upgrade the server.", database=where)


def _check_database(session: ClickhouseSession) -> None:
    engine = session.value("select engine from system.databases where name = currentDatabase()")
    if engine not in ("Atomic", "Replicated", "Shared"):
        raise UnsuitableDatabaseError(
            f"the database {session.address.database} has the engine {engine}: no view can be replaced there at once",
            "Create a database with the engine Atomic, which is the default: `create database analytics`.",
            database=session.address.database,
        )


def _looked_at(session: ClickhouseSession, options: Options) -> Server:
    installed = bool(session.value(f"exists {MIGRATIONS}"))
    backend = _backend(session, options.backend, installed=installed)
    files = tuple(load(options.folder, backend))
    catalog, table, letters = installation(written(files))
    if session.value(f"exists {INSTALLATION}"):
        found = session.value(f"select catalog from {INSTALLATION}")
        if found != catalog:
            raise OtherCatalogError(found=str(found), expected=catalog)
    return Server(session, backend, installed, files, catalog, table, letters)


def _backend(session: ClickhouseSession, wanted: str | None, *, installed: bool) -> str:
    if wanted is not None and wanted not in FOLDERS:
        remedy = f"Expected one of {', '.join(FOLDERS)}, or none: it is found out."
        raise UsageError(f"the backend {wanted!r} is none of ClickHouse", remedy, setting="backend", value=wanted)
    if installed:
        settled = session.value(f"select any(backend) from {MIGRATIONS}")
        if settled not in FOLDERS and session.value(f"select count() from {MIGRATIONS}"):
            raise BackendChangedError(backend=str(settled))
        if settled and wanted not in (None, settled):
            raise BackendChangedError(backend=str(settled), wanted=wanted)
        if settled:
            return str(settled)
    if wanted is not None:
        return wanted
    macros = session.value("select count() from system.macros where macro in ('cluster', 'shard', 'replica')")
    return CLUSTER if macros == len(("cluster", "shard", "replica")) else ONE


def need_tables(server: Server) -> None:
    """Make sure that the migrations were applied.

    Raises:
        HistoryError: If not.
    """
    for name in (MIGRATIONS, AGGREGATES):
        if not server.has(name):
            raise HistoryError(f"there is no table {name}", missing_object(installed=server.installed))
