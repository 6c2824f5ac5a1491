"""PostgreSQL servers for the tests: one per session, a database per test."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit, urlunsplit

import psutil
import psycopg
from adi_analytics import migrate
from adi_analytics.embedded import EmbeddedServer, start_server
from psycopg import sql
from psycopg.conninfo import make_conninfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Nothing of a test's server has to survive a power cut. synchronous_commit stays on: the tests kill servers, and what
# was committed must be there afterwards. The odd time zone shows SQL that forgets to say UTC.
TEST_SETTINGS: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "timezone": "Asia/Kathmandu",
    "max_wal_size": "256MB",  # the files are in memory
}
_MEMORY: Final = Path("/dev/shm")
_MEMORY_NEEDED: Final = 2 * 2**30  # bytes; a server needs a tenth


class Databases:
    """Creates and drops throw-away databases on one server."""

    def __init__(self, admin_dsn: str, *, extension: str | None = None) -> None:
        """Remember the server.

        Args:
            admin_dsn: A user on it who may create databases.
            extension: An extension that every database shall have.
        """
        self._admin_dsn = admin_dsn
        self._empty = "template0"
        self._extension = extension
        self._migrated: dict[str, str] = {}
        self._templates: list[str] = []

    @contextlib.contextmanager
    def empty(self) -> Iterator[str]:
        """Yield the DSN of a database with nothing in it but the extension."""
        if self._extension is not None and self._empty == "template0":
            self._empty = self._make_template()
        with self._copy(self._empty) as dsn:
            yield dsn

    @contextlib.contextmanager
    def migrated(self, backend: str = "") -> Iterator[str]:
        """Yield the DSN of a database with all migrations applied; *backend* if it is not what the server suggests."""
        if backend not in self._migrated:
            self._migrated[backend] = self._make_template(lambda dsn: apply_migrations(dsn, backend))
        with self._copy(self._migrated[backend]) as dsn:
            yield dsn

    def close(self) -> None:
        """Drop the templates."""
        for name in self._templates:
            self._drop(name)

    def _make_template(self, fill: Callable[[str], None] = lambda _: None) -> str:
        name = self._create("template0")
        self._templates.append(name)
        dsn = with_database(self._admin_dsn, name)
        if self._extension is not None:
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(sql.SQL("create extension {}").format(sql.Identifier(self._extension)))
            self._stop_workers(dsn)
        fill(dsn)
        # Nobody (TimescaleDB's scheduler) may be connected to a database that is being copied.
        self._admin("alter database {} with allow_connections false", name)
        return name

    @contextlib.contextmanager
    def _copy(self, template: str) -> Iterator[str]:
        name = self._create(template)
        dsn = with_database(self._admin_dsn, name)
        try:
            self._stop_workers(dsn)
            yield dsn
        finally:
            self._drop(name)

    def _create(self, template: str) -> str:
        name = f"adi_test_{uuid.uuid4().hex[:16]}"
        with psycopg.connect(self._admin_dsn, autocommit=True) as connection:
            query = "create database {} template {}"
            if connection.info.server_version >= 150000:
                query += " strategy file_copy"  # twice as fast as the default while fsync is off
            connection.execute(sql.SQL(query).format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def _stop_workers(self, dsn: str) -> None:
        """Keep policies from running by themselves: tests say when."""
        if self._extension == "timescaledb":
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute("select _timescaledb_functions.stop_background_workers()")

    def _drop(self, name: str) -> None:
        self._admin("drop database if exists {} with (force)", name)

    def _admin(self, query: str, name: str) -> None:
        with psycopg.connect(self._admin_dsn, autocommit=True) as connection:
            connection.execute(sql.SQL(query).format(sql.Identifier(name)))


@contextlib.contextmanager
def session_databases() -> Iterator[Databases]:
    """Yield databases on the server of ADI_ANALYTICS_TEST_DSN, or on an embedded one for this session."""
    with contextlib.ExitStack() as stack:
        admin_dsn = os.environ.get("ADI_ANALYTICS_TEST_DSN")
        if admin_dsn is None:
            admin_dsn = stack.enter_context(private_server()).dsn
        databases = Databases(admin_dsn)
        stack.callback(databases.close)
        yield databases


def private_server(*, port: int | None = None, **settings: str) -> EmbeddedServer:
    """Start a server that a test may kill, freeze and restart; use it in a ``with`` statement."""
    with _temporary_folders_in_memory():
        return start_server(port=port, settings=TEST_SETTINGS | settings)


@contextlib.contextmanager
def _temporary_folders_in_memory() -> Iterator[None]:
    """Let `tempfile` use memory where there is enough: a database is copied many times faster there than on a disk."""
    before = tempfile.tempdir
    try:
        if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _MEMORY_NEEDED:
            tempfile.tempdir = str(_MEMORY)
        yield
    finally:
        tempfile.tempdir = before


def freeze(server: EmbeddedServer) -> list[psutil.Process]:
    """Stop every process of the server with SIGSTOP, as if its machine hung; undo it with `thaw`, or use `frozen`."""
    postmaster = psutil.Process(server.pid)
    stopped = [postmaster, *postmaster.children(recursive=True)]
    for process in stopped:
        process.suspend()
    return stopped


def thaw(stopped: list[psutil.Process]) -> None:
    """Let the processes that `freeze` stopped go on."""
    for process in stopped:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()


@contextlib.contextmanager
def frozen(server: EmbeddedServer) -> Iterator[None]:
    """Keep the server frozen for the length of the block."""
    stopped = freeze(server)
    try:
        yield
    finally:
        thaw(stopped)


def with_database(dsn: str, name: str) -> str:
    """Return *dsn* with another database; a URL stays a URL."""
    if dsn.startswith(("postgresql://", "postgres://")):
        return urlunsplit(urlsplit(dsn)._replace(path="/" + quote(name, safe="")))
    return make_conninfo(dsn, dbname=name)


def apply_migrations(dsn: str, backend: str = "") -> None:
    """Apply all migrations, as ``analytics-migrate all`` does."""
    migrate.apply(options=migrate.Options(database_url=dsn, backend=backend or None))
